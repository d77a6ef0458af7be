import type { HttpClient } from './http-client.js';
import type { AddressPolicy } from './address-guard.js';
import { requestText } from './request-text.js';

export interface GuardedFetchOptions {
  /** Whose word an address is. */
  readonly policyOf: (url: string) => AddressPolicy;
  readonly bytesMax: number;
  /** Of one exchange, in milliseconds. */
  readonly timeoutMs: number;
}

/** What libraries pass to a `fetch` of their choice. */
export interface GuardedFetchInit {
  readonly method?: string;
  readonly headers?: Headers | Record<string, string>;
  readonly body?: unknown;
}

const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * A `fetch` for libraries that want one, over the guarded client: GET and POST of text, whole answers only, and no redirect
 * is followed. Rejects as `requestText` does.
 */
export function guardedFetch(
  client: HttpClient,
  { policyOf, bytesMax, timeoutMs }: GuardedFetchOptions,
): (url: string, init?: GuardedFetchInit) => Promise<Response> {
  return async (url, init = {}) => {
    const { method = 'GET', body } = init;
    if (method !== 'GET' && method !== 'POST') throw new TypeError(`${method} is not for this client`);
    const text = body === undefined || body === null ? undefined : bodyText(body);
    const answer = await requestText(client, {
      url,
      method,
      headers: [...new Headers(init.headers)].flat(),
      ...(text === undefined ? {} : { body: text }),
      policy: policyOf(url),
      redirects: 'none',
      bytesMax,
      timeoutMs,
    });
    const headers = new Headers();
    for (const [name, value] of Object.entries(answer.headers)) {
      for (const one of [value].flat()) if (one !== undefined) headers.append(name, one);
    }
    return new Response(BODILESS.has(answer.status) ? null : answer.text, { status: answer.status, headers });
  };
}

function bodyText(body: unknown): string {
  if (typeof body === 'string') return body;
  if (body instanceof URLSearchParams) return body.toString();
  throw new TypeError('Only text can be sent');
}
