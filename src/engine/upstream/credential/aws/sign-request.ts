import { createHash, createHmac } from 'node:crypto';
import type { AwsKeys } from './aws-keys.js';

/** A request as it is about to be sent. */
export interface SignableRequest {
  readonly method: string;
  /** As in the `Host` header. */
  readonly host: string;
  /** Path and query, as they stand in the request line. */
  readonly path: string;
  /** What is signed besides the host; lower-cased names, each once. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** For what a signature is good. */
export interface SigningScope {
  readonly region: string;
  readonly service: string;
}

/** Headers to send along, lower-cased. */
export type SignatureHeaders = Readonly<Record<'authorization' | 'x-amz-date', string>> &
  Readonly<Record<string, string>>;

const ALGORITHM = 'AWS4-HMAC-SHA256';

/**
 * Signature Version 4 in the `Authorization` header (AWS IAM User Guide, "Create a signed AWS API request"). Pure. The path
 * is encoded once more than it is on the wire, for every service but S3; the hash of the body is always part of it.
 *
 * @param at when: services refuse what is more than five minutes off.
 */
export function signRequest(request: SignableRequest, keys: AwsKeys, scope: SigningScope, at: Date): SignatureHeaders {
  const timestamp = at.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = timestamp.slice(0, 8);
  const added: Record<string, string> = {
    'x-amz-date': timestamp,
    ...(keys.sessionToken === undefined ? {} : { 'x-amz-security-token': keys.sessionToken.reveal() }),
  };
  const signed = Object.entries({ ...request.headers, ...added, host: request.host }).sort(byName);
  const names = signed.map(([name]) => name).join(';');
  const canonical = [
    request.method,
    canonicalPath(request.path.split('?', 1)[0] ?? '', scope.service),
    canonicalQuery(request.path),
    ...signed.map(([name, value]) => `${name}:${value.trim().replace(/ +/g, ' ')}`),
    '',
    names,
    hashOf(request.body),
  ].join('\n');
  const credentialScope = `${day}/${scope.region}/${scope.service}/aws4_request`;
  const text = [ALGORITHM, timestamp, credentialScope, hashOf(canonical)].join('\n');
  const signature = hmac(signingKey(keys, day, scope), text).toString('hex');
  const authorization = `${ALGORITHM} Credential=${keys.accessKeyId}/${credentialScope}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...added, 'x-amz-date': timestamp, authorization };
}

/** SHA-256 in lower-case hex. */
export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Dot segments and empty ones are resolved before signing; S3 alone takes keys as they are. */
function canonicalPath(path: string, service: string): string {
  if (service === 's3') return path === '' ? '/' : path;
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(encode(segment));
  }
  const isFolder = kept.length > 0 && /\/\.{0,2}$/.test(path);
  return `/${kept.join('/')}${isFolder ? '/' : ''}`;
}

function canonicalQuery(path: string): string {
  const start = path.indexOf('?');
  if (start < 0) return '';
  return path
    .slice(start + 1)
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [name = '', ...value] = pair.split('=');
      return [encode(decode(name)), encode(decode(value.join('=')))] as const;
    })
    .sort(([name, value], [otherName, otherValue]) => compare(name, otherName) || compare(value, otherValue))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** Everything but the unreserved characters of RFC 3986, `/` too. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A stray percent sign: the characters are meant as they stand.
    return text;
  }
}

function byName([left]: readonly [string, string], [right]: readonly [string, string]): number {
  return compare(left, right);
}

/** By code units, not by the customs of a language. */
function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function signingKey(keys: AwsKeys, day: string, { region, service }: SigningScope): Buffer {
  return [region, service, 'aws4_request'].reduce(
    (key, part) => hmac(key, part),
    hmac(`AWS4${keys.secretAccessKey.reveal()}`, day),
  );
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
