const REDACTED = '[redacted]';

/** Header and field names whose values are credentials wherever they appear. */
const SENSITIVE_KEY =
  'authorization|proxy-authorization|cookie|set-cookie|x-api-key|api[-_]?key|mcp-session-id|x-litellm-api-key|x-litellm-key|x-mcp-[^"]*|' +
  'master_?key|salt_?key|auth_?value|client_?secret|access_?token|refresh_?token|password|secret|token';

/** `"authorization":"…"`, or an array of strings behind the name. */
const SENSITIVE_MEMBER = new RegExp(
  `"(${SENSITIVE_KEY})":(?:"(?:[^"\\\\]|\\\\.)*"|\\[(?:"(?:[^"\\\\]|\\\\.)*",?)*\\])`,
  'gi',
);
/** `scheme://user:password@` inside any text. */
const URL_CREDENTIALS = /([a-z][a-z0-9+.-]{0,20}:\/\/)[^/\s"'\\@]*@/gi;
/** `Bearer …`, `Basic …` inside any text. */
const AUTH_SCHEME = /\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}/gi;
/** Gateway keys by their looks. */
const KEY_SHAPED = /\bsk-[A-Za-z0-9_-]{6,}/g;

/**
 * Second net under the types that cannot print: takes credentials out of one finished log line (JSON). The first net is
 * that nobody logs headers, bodies or settings, and that `Secret` prints `[redacted]` by itself. Being the second, it may
 * hide too much; what it cannot know is a secret of free form in free text.
 */
export function redactLine(line: string): string {
  return line
    .replace(SENSITIVE_MEMBER, `"$1":"${REDACTED}"`)
    .replace(URL_CREDENTIALS, `$1${REDACTED}@`)
    .replace(AUTH_SCHEME, `$1 ${REDACTED}`)
    .replace(KEY_SHAPED, REDACTED);
}
