/**
 * Headers that no credential, `extra_headers`, `static_headers` or client header can set: those that frame the HTTP
 * message, those that are the protocol's own, and the one by which the gateway itself says who calls.
 */
const RESERVED: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'last-event-id',
  'mcp-protocol-version',
  'mcp-session-id',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-gatehouse-identity',
]);

const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Whether a header (lower-cased name) is free to be set. */
export function isSettableHeader(name: string): boolean {
  return NAME.test(name) && !RESERVED.has(name);
}

/** Whether a value may stand in a header: no line ends, no NUL, no other control characters (RFC 9110 §5.5). */
export function isHeaderValue(value: string): boolean {
  return VALUE.test(value);
}
