import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../../core/errors/gateway-error.js';

/** Media types a JSON body may come under; the last two and none at all are what curl and old scripts send. */
const ACCEPTED_TYPES: ReadonlySet<string> = new Set([
  'application/json',
  'application/json-rpc',
  'application/x-www-form-urlencoded',
  'text/plain',
  '',
]);

/**
 * Reads the body once, as text. Throws `http/unsupported_media_type`, `http/body_too_large` (before reading it, when the
 * client says how long it is) or `rpc/parse_error` for invalid UTF-8.
 */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<string> {
  const header = request.headers['content-type'] ?? '';
  const type = ACCEPTED_TYPES.has(header) ? header : mediaType(header);
  if (!ACCEPTED_TYPES.has(type) && !type.endsWith('+json')) {
    throw new GatewayError('http/unsupported_media_type', { detail: type });
  }
  if (Number(request.headers['content-length'] ?? 0) > bytesMax) throw tooLarge(bytesMax);
  const body = await collect(request, bytesMax);
  if (!isUtf8(body)) throw new GatewayError('rpc/parse_error', { detail: 'the body is not valid UTF-8' });
  return body.toString('utf8');
}

function collect(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let first: Buffer | undefined;
    let chunks: Buffer[] | undefined;
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > bytesMax) {
        request.removeAllListeners('data');
        request.resume();
        reject(tooLarge(bytesMax));
      } else if (first === undefined) first = chunk;
      else (chunks ??= [first]).push(chunk);
    });
    request.on('end', () => resolve(chunks === undefined ? (first ?? Buffer.alloc(0)) : Buffer.concat(chunks, size)));
    // A request that breaks off is closed with or without an error.
    request.on('close', () => {
      if (!request.complete) reject(new GatewayError('call/cancelled', { detail: 'the client went away' }));
    });
  });
}

/** Without parameters, in lower case. */
function mediaType(contentType: string): string {
  return contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function tooLarge(bytesMax: number): GatewayError {
  return new GatewayError('http/body_too_large', {
    detail: `at most ${bytesMax} bytes (limits.request_body_bytes)`,
  });
}
