import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Keys the verifier knows: secret and session token by access key id. */
export type KnownKeys = ReadonlyMap<string, { readonly secret: string; readonly token?: string }>;

const CLOCK_SKEW_MS = 5 * 60_000;

/**
 * Checks a request as a service of AWS does, from the documentation and with nothing of the gateway's: why it is refused, or
 * undefined when its signature is right.
 */
export function verifySignature(
  request: IncomingMessage,
  body: string,
  keys: KnownKeys,
  wanted: { readonly region: string; readonly service: string },
): string | undefined {
  const header = (name: string): string => {
    const value = request.headers[name];
    return typeof value === 'string' ? value : '';
  };
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      header('authorization'),
    );
  if (match === null) return 'no signature';
  const [, id = '', day = '', region = '', service = '', names = '', signature = ''] = match;
  const key = keys.get(id);
  if (key === undefined) return `unknown key ${id}`;
  if (region !== wanted.region || service !== wanted.service) return `signed for ${region}/${service}`;
  if (key.token !== undefined && header('x-amz-security-token') !== key.token) return 'wrong session token';
  const date = header('x-amz-date');
  const at = Date.parse(date.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (!(Math.abs(at - Date.now()) < CLOCK_SKEW_MS) || !date.startsWith(day)) return `signed at ${date}`;
  const signed = names.split(';');
  const must = ['host', 'x-amz-date', ...Object.keys(request.headers).filter((name) => name.startsWith('x-amz-'))];
  const unsigned = must.filter((name) => !signed.includes(name));
  if (unsigned.length > 0) return `not signed: ${unsigned.join(', ')}`;
  if (signed.join(';') !== [...signed].sort().join(';')) return 'signed headers are not in order';
  const bodyHash = createHash('sha256').update(body).digest('hex');
  const declared = header('x-amz-content-sha256');
  if (declared !== '' && declared !== bodyHash) return 'another body';

  const [path = '/', query = ''] = (request.url ?? '/').split('?');
  const lines = [
    request.method ?? '',
    // The path as it came, each segment encoded once more.
    path.split('/').map(percentEncode).join('/'),
    query
      .split('&')
      .filter((pair) => pair !== '')
      .map((pair) => (pair.includes('=') ? pair : `${pair}=`))
      .sort()
      .join('&'),
  ];
  for (const name of signed) lines.push(`${name}:${header(name).trim()}`);
  lines.push('', names, bodyHash);
  const digest = createHash('sha256').update(lines.join('\n')).digest('hex');
  let signingKey: Buffer = Buffer.from(`AWS4${key.secret}`);
  for (const part of [day, region, service, 'aws4_request'])
    signingKey = createHmac('sha256', signingKey).update(part).digest();
  const expected = createHmac('sha256', signingKey)
    .update(['AWS4-HMAC-SHA256', date, `${day}/${region}/${service}/aws4_request`, digest].join('\n'))
    .digest();
  return timingSafeEqual(expected, Buffer.from(signature, 'hex')) ? undefined : 'the signature does not match';
}

function percentEncode(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      return /[A-Za-z0-9._~-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}
