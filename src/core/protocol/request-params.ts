import { duplicateKey, findMember, scanObject, type MemberSpan } from './json-scan.js';
import type { RpcMessage } from './rpc-message.js';
import { splice, type Replacement } from './splice.js';

/** The params of a request as they stand in its text. */
export interface RequestParams {
  readonly text: string;
  readonly value: Readonly<Record<string, unknown>>;
  readonly members: readonly MemberSpan[];
}

/**
 * Finds the params object of a message. `undefined` when there is none; `'invalid'` when it is not an object or repeats
 * a key: two parsers would read two different calls, and one of them would be the one we did not check.
 */
export function readParams(message: RpcMessage): RequestParams | undefined | 'invalid' {
  const span = findMember(message.members, 'params');
  if (span === undefined) return undefined;
  const value = message.value['params'];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'invalid';
  const text = message.text.slice(span.start, span.end);
  const members = scanObject(text);
  return duplicateKey(members) === undefined ? { text, value: value as Record<string, unknown>, members } : 'invalid';
}

/** The raw text of `params._meta.progressToken`, or undefined if progress was not asked for. */
export function progressTokenText(params: RequestParams): string | undefined {
  const span = progressTokenSpan(params);
  return span === undefined ? undefined : params.text.slice(span.start, span.end);
}

/**
 * The params to send upstream: members in `replace` get new raw values (only those that are there), the progress token
 * becomes ours. Everything else stays as it came.
 */
export function rewriteParams(
  params: RequestParams,
  replace: Readonly<Record<string, string>>,
  progressToken: number,
): string {
  const replacements: Replacement[] = [];
  for (const member of params.members) {
    const value = Object.hasOwn(replace, member.key) ? replace[member.key] : undefined;
    if (value !== undefined) replacements.push({ start: member.start, end: member.end, with: value });
  }
  const token = progressTokenSpan(params);
  if (token !== undefined) replacements.push({ start: token.start, end: token.end, with: String(progressToken) });
  return replacements.length === 0 ? params.text : splice(params.text, replacements);
}

/** A message with the progress token of its params replaced; undefined when it carries none. */
export function withProgressToken(message: RpcMessage, tokenText: string): string | undefined {
  const params = findMember(message.members, 'params');
  if (params === undefined) return undefined;
  const token = findMember(scanObject(message.text, params.start), 'progressToken');
  if (token === undefined) return undefined;
  return splice(message.text, [{ start: token.start, end: token.end, with: tokenText }]);
}

function progressTokenSpan(params: RequestParams): MemberSpan | undefined {
  const meta = findMember(params.members, '_meta');
  if (meta === undefined || params.text.charCodeAt(meta.start) !== 0x7b) return undefined;
  return findMember(scanObject(params.text, meta.start), 'progressToken');
}
