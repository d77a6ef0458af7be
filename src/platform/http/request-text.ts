import type { IncomingHttpHeaders } from 'node:http';
import type { AddressPolicy } from './address-guard.js';
import type { HttpClient } from './http-client.js';
import { HttpExchange, type OutgoingRequest } from './http-exchange.js';
import { HttpFailure } from './http-failure.js';
import { parseHttpTarget } from './http-target.js';

export interface TextRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Names and values in turn; names in lower case. */
  readonly headers: readonly string[];
  readonly body?: string;
  /** Whose word the address is. */
  readonly policy: AddressPolicy;
  readonly redirects: NonNullable<OutgoingRequest['redirects']>;
  readonly bytesMax: number;
  /** The whole exchange, redirects included, in milliseconds. */
  readonly timeoutMs: number;
}

export interface TextResponse {
  readonly status: number;
  /** Lower-cased names. */
  readonly headers: IncomingHttpHeaders;
  /** Cut to nothing when the response is an event stream: its end may never come. */
  readonly text: string;
}

/**
 * One request and its whole response through the guarded client, any status. Rejects with {@link HttpFailure} when there is
 * no complete response within the time and the bound.
 */
export async function requestText(client: HttpClient, request: TextRequest): Promise<TextResponse> {
  const target = parseHttpTarget(request.url);
  if (target === undefined) throw new HttpFailure('connect_failed', 'not an http or https address', false);
  const { promise, resolve, reject } = Promise.withResolvers<TextResponse>();
  const chunks: Buffer[] = [];
  let [status, headers, size]: [number, IncomingHttpHeaders, number] = [0, {}, 0];
  const exchange = HttpExchange.start(
    client,
    {
      target,
      method: request.method,
      headers: request.headers,
      ...(request.body === undefined ? {} : { body: request.body }),
      policy: request.policy,
      redirects: request.redirects,
      lane: 'call',
      idleTimeoutMs: request.timeoutMs,
      deadlineAt: client.sweep.now + request.timeoutMs,
    },
    {
      onHead(given, received) {
        [status, headers] = [given, received];
        if (received['content-type']?.startsWith('text/event-stream') === true) resolve({ status, headers, text: '' });
      },
      onData(chunk) {
        size += chunk.length;
        if (size <= request.bytesMax) chunks.push(chunk);
        else reject(new HttpFailure('not_http', `the response is longer than ${request.bytesMax} bytes`, true));
      },
      onEnd: () => resolve({ status, headers, text: Buffer.concat(chunks).toString('utf8') }),
      onFailure: reject,
    },
  );
  try {
    return await promise;
  } finally {
    exchange.abort();
  }
}
