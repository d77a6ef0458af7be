const AT_HEAD =
  /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*"?(\d{1,15})"?\s*,\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"(?:result|error)"/;
const AT_TAIL = /,\s*"id"\s*:\s*"?(\d{1,15})"?\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$/;

/**
 * The id of a reply too large to be read, from its first or last characters, so that its caller learns at once instead
 * of after the deadline. Only what stands directly in the envelope counts: inside a string the quotes would be escaped,
 * inside a nested object more than one brace would close.
 */
export function oversizeReplyId(head: string, tail: string | undefined): number | undefined {
  const match = AT_HEAD.exec(head) ?? (tail === undefined ? null : AT_TAIL.exec(tail));
  return match?.[1] === undefined ? undefined : Number(match[1]);
}
