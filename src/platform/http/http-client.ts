import { isIP } from 'node:net';
import { buildConnector, Pool, type Dispatcher } from 'undici';
import {
  addressRefusal,
  guardedLookup,
  isPublicAddress,
  RefusedAddressError,
  type AddressPolicy,
  type ResolveName,
} from './address-guard.js';
import { DeadlineSweep } from './deadline-sweep.js';
import type { HttpTarget } from './http-target.js';

/** Long-lived streams have sockets of their own, so that they cannot starve calls. */
export type HttpLane = 'call' | 'stream';

export interface HttpClientOptions {
  /** TCP and TLS together, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** Sockets per origin and lane; further requests wait in line. Default 1,024. */
  readonly connectionsPerOriginMax?: number;
  /** Origins kept; over it the one used longest ago is closed once its requests have ended. Default 1,000. */
  readonly originsMax?: number;
  /** In place of the system's resolver. */
  readonly resolve?: ResolveName;
  /** In place of the address guard's ranges: whether a server at this address is anybody's. */
  readonly isPublic?: (address: string) => boolean;
}

interface OriginPool {
  readonly pool: Pool;
  usedAt: number;
  /** A socket of it reached a private address: one of ours. */
  isPrivate: boolean;
}

/** A server that closes idle sockets after 5 s without saying so is common; ours go first. */
const KEEP_ALIVE_MS = 4_000;
const KEEP_ALIVE_MS_MAX = 60_000;

/**
 * Outgoing HTTP: one undici pool per origin, HTTP/1.1, keep-alive, no proxies, every address checked as it is dialled.
 * Timeouts of requests are not undici's but {@link sweep}'s (see `HttpExchange`).
 */
export class HttpClient {
  /** Clock and timer of all exchanges of this client. */
  readonly sweep = new DeadlineSweep();
  readonly #options: Required<Omit<HttpClientOptions, 'resolve'>> & Pick<HttpClientOptions, 'resolve'>;
  readonly #pools = new Map<string, OriginPool>();
  #uses = 0;

  constructor(options: HttpClientOptions) {
    this.#options = { connectionsPerOriginMax: 1_024, originsMax: 1_000, isPublic: isPublicAddress, ...options };
  }

  /** Origins with open or recently used sockets. */
  get originCount(): number {
    return this.#pools.size;
  }

  /** Hands a request to the pool of its origin. Errors go to the handler, as with undici. */
  dispatch(
    target: HttpTarget,
    policy: AddressPolicy,
    lane: HttpLane,
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): void {
    const key = poolKey(target, policy, lane);
    let held = this.#pools.get(key);
    if (held === undefined) {
      held = this.#createPool(target.origin, target.isForeign ? 'third-party' : policy);
      this.#pools.set(key, held);
      this.#evict();
    }
    held.usedAt = this.#uses += 1;
    held.pool.dispatch(options, handler);
  }

  /** Whether the server that answers there is anybody's: what it names is a stranger's word. */
  isPublic(target: HttpTarget, policy: AddressPolicy, lane: HttpLane): boolean {
    return this.#pools.get(poolKey(target, policy, lane))?.isPrivate !== true;
  }

  /** Ends everything, running requests included. */
  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.allSettled(pools.map(({ pool }) => pool.destroy()));
  }

  #evict(): void {
    if (this.#pools.size <= this.#options.originsMax) return;
    let oldest: string | undefined;
    let oldestUse = Number.POSITIVE_INFINITY;
    for (const [key, { usedAt }] of this.#pools) {
      if (usedAt > 0 && usedAt < oldestUse) [oldest, oldestUse] = [key, usedAt];
    }
    if (oldest === undefined) return;
    const evicted = this.#pools.get(oldest);
    this.#pools.delete(oldest);
    evicted?.pool.close().catch(() => {
      // Closing waits for running requests; whatever fails them has been reported to their owners.
    });
  }

  #createPool(origin: string, policy: AddressPolicy): OriginPool {
    const dial = buildConnector({
      timeout: this.#options.connectTimeoutMs,
      lookup: guardedLookup(policy, this.#options.resolve),
      allowH2: false,
    });
    const { isPublic } = this.#options;
    const pool = new Pool(origin, {
      connections: this.#options.connectionsPerOriginMax,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS_MAX,
      headersTimeout: 0,
      bodyTimeout: 0,
      allowH2: false,
      connect: (options, callback) => {
        // Node resolves no IP literal, so the lookup would not see one.
        const refusal = isIP(options.hostname) === 0 ? undefined : addressRefusal(options.hostname, policy);
        if (refusal !== undefined) {
          queueMicrotask(() => callback(new RefusedAddressError(refusal), null));
          return;
        }
        dial(options, (...answer) => {
          const [, socket] = answer;
          if (socket?.remoteAddress !== undefined && !isPublic(socket.remoteAddress)) held.isPrivate = true;
          callback(...answer);
        });
      },
    });
    const held: OriginPool = { pool, usedAt: 0, isPrivate: false };
    return held;
  }
}

/** The common case needs no composed key. */
function poolKey({ origin, isForeign }: HttpTarget, policy: AddressPolicy, lane: HttpLane): string {
  if (isForeign) return `${origin} third-party ${lane}`;
  return policy === 'registered' && lane === 'call' ? origin : `${origin} ${policy} ${lane}`;
}
