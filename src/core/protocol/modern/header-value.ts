const PREFIX = '=?base64?';
const SUFFIX = '?=';
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * What a mirrored header says (2026-07-28, "Value Encoding"): `=?base64?…?=` is base64 of UTF-8, anything else is meant
 * literally, half a sentinel included. Undefined for a sentinel around what is not canonical base64 or not UTF-8.
 */
export function decodeHeaderValue(value: string): string | undefined {
  const bare = trimSpace(value);
  const isEncoded = bare.length >= PREFIX.length + SUFFIX.length && bare.startsWith(PREFIX) && bare.endsWith(SUFFIX);
  if (!isEncoded) return bare;
  const payload = bare.slice(PREFIX.length, -SUFFIX.length);
  if (!BASE64.test(payload)) return undefined;
  try {
    return UTF8.decode(Buffer.from(payload, 'base64'));
  } catch {
    // Not UTF-8: the decoder has no other way to say so.
    return undefined;
  }
}

/** How a value is written into a mirrored header: literally if it is printable ASCII that reads back as itself. */
export function encodeHeaderValue(value: string): string {
  const isPlain = /^[\x20-\x7e]*$/.test(value) && trimSpace(value) === value && value !== '';
  if (isPlain && !(value.startsWith(PREFIX) && value.endsWith(SUFFIX))) return value;
  return `${PREFIX}${Buffer.from(value, 'utf8').toString('base64')}${SUFFIX}`;
}

/** Optional white space around a field value is not part of it (RFC 9110 §5.5). */
function trimSpace(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isSpace(value.charCodeAt(start))) start += 1;
  while (end > start && isSpace(value.charCodeAt(end - 1))) end -= 1;
  return value.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
