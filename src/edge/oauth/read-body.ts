import type { Request } from 'express';
import { OAuthRefusal } from './oauth-refusal.js';

const BODY_BYTES_MAX = 32 * 1_024;

/** The fields of a form. A field that comes twice is refused (RFC 6749 §3.1, §3.2). @throws OAuthRefusal. */
export async function readForm(request: Request): Promise<URLSearchParams> {
  const type = request.headers['content-type'] ?? '';
  if (!/^application\/x-www-form-urlencoded\b/i.test(type)) {
    throw new OAuthRefusal('invalid_request', 'the body must be application/x-www-form-urlencoded');
  }
  return onceEach(new URLSearchParams(await readText(request)));
}

/** The parameters of the address. @throws OAuthRefusal. */
export function readQuery(request: Request): URLSearchParams {
  const { originalUrl } = request;
  const mark = originalUrl.indexOf('?');
  return new URLSearchParams(mark === -1 ? '' : originalUrl.slice(mark + 1));
}

/** @throws OAuthRefusal `invalid_request` naming the parameter. */
export function onceEach(parameters: URLSearchParams): URLSearchParams {
  const seen = new Set<string>();
  for (const name of parameters.keys()) {
    // RFC 8707 lets `resource` come several times; what we do with that is for others to say.
    if (seen.has(name) && name !== 'resource') {
      throw new OAuthRefusal('invalid_request', `${name.slice(0, 40)} is given more than once`);
    }
    seen.add(name);
  }
  return parameters;
}

/** A JSON body, also where who is known had it read before. @throws OAuthRefusal. */
export async function readJson(request: Request): Promise<unknown> {
  if (request.body !== undefined) return request.body as unknown;
  try {
    return JSON.parse(await readText(request)) as unknown;
  } catch (error) {
    if (error instanceof OAuthRefusal) throw error;
    throw new OAuthRefusal('invalid_request', 'the body is not JSON', 400, { cause: error });
  }
}

async function readText(request: Request): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) throw new OAuthRefusal('invalid_request', `at most ${BODY_BYTES_MAX} bytes`, 413);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
