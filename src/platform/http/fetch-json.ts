import type { AddressPolicy } from './address-guard.js';
import type { HttpClient } from './http-client.js';
import { HttpExchange } from './http-exchange.js';
import { parseHttpTarget } from './http-target.js';

export interface FetchJsonOptions {
  /** Whose word the address is. */
  readonly policy: AddressPolicy;
  readonly bytesMax: number;
  /** The whole exchange, redirects included, in milliseconds. */
  readonly timeoutMs: number;
}

/**
 * A JSON document by GET, through the guarded client. Rejects for anything but status 200, a body over the bound, text
 * that is no JSON, and when it takes too long. Messages hold no address and no body.
 */
export async function fetchJson(client: HttpClient, url: string, options: FetchJsonOptions): Promise<unknown> {
  const target = parseHttpTarget(url);
  if (target === undefined) throw new Error('not an http or https address');
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  let size = 0;
  const exchange = HttpExchange.start(
    client,
    {
      target,
      method: 'GET',
      headers: ['accept', 'application/json'],
      policy: options.policy,
      lane: 'call',
      idleTimeoutMs: options.timeoutMs,
      deadlineAt: client.sweep.now + options.timeoutMs,
    },
    {
      onHead: (status) => {
        if (status !== 200) reject(new Error(`answered with status ${status}`));
      },
      onData: (chunk) => {
        size += chunk.length;
        if (size > options.bytesMax) reject(new Error(`answered with more than ${options.bytesMax} bytes`));
        else chunks.push(chunk);
      },
      onEnd: () => resolve(Buffer.concat(chunks).toString('utf8')),
      onFailure: reject,
    },
  );
  try {
    return JSON.parse(await promise) as unknown;
  } finally {
    exchange.abort();
  }
}
