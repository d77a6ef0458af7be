import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import type { Secret } from '../../core/model/secret.js';
import { LOGGER } from '../../platform/telemetry/logger.token.js';
import { UpstreamTokensStore, type StoredUpstreamToken, type UpstreamTokenRef } from './upstream-tokens.store.js';

/** Longer than a token endpoint may take, with what comes before and after it. */
const LEASE_MS = 12_000;
const POLL_MS = 150;
/** The database must not hold up a call for longer than asking for a token takes. */
const DATABASE_MS_MAX = 3_000;

/** What the gateway asks an authorization server for; rejects when it gets none. */
export type FetchToken = () => Promise<StoredUpstreamToken>;

/**
 * Tokens of the gateway itself, fetched by one replica for all. Asked only when a process has none in memory. Where the
 * database is away, or the replica that fetches does not come back in time, each fetches for itself: sharing saves
 * requests, it is not what a call depends on.
 */
@Injectable()
export class SharedUpstreamTokens {
  constructor(
    @Inject(UpstreamTokensStore) private readonly store: Pick<UpstreamTokensStore, keyof UpstreamTokensStore>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** A token that is none of `useless` (old, or refused) and good beyond `soonestEnd`; rejects only as `fetch` does. */
  async get(
    ref: UpstreamTokenRef,
    useless: Secret | undefined,
    soonestEnd: number,
    fetch: FetchToken,
  ): Promise<StoredUpstreamToken> {
    const isGood = (token: StoredUpstreamToken | undefined): token is StoredUpstreamToken =>
      token !== undefined && token.expiresAt > soonestEnd && token.accessToken.reveal() !== useless?.reveal();
    const owner = randomUUID();
    const deadline = Date.now() + LEASE_MS;
    try {
      while (Date.now() < deadline) {
        const found = await this.#within(this.store.find(ref));
        if (isGood(found)) return found;
        if (await this.#within(this.store.claim(ref, owner, LEASE_MS))) {
          // Who held the lease before may have put theirs there since we looked.
          const since = await this.#within(this.store.find(ref));
          if (!isGood(since)) return await this.#fetch(ref, owner, fetch);
          this.#quietly(this.store.release(ref, owner));
          return since;
        }
        await delay(POLL_MS, undefined, { ref: false });
      }
    } catch (error) {
      if (error instanceof NotFetched) throw error.cause;
      this.logger.warn({ serverId: ref.serverId, err: error }, 'a token is not shared with replicas');
    }
    return fetch();
  }

  async #fetch(ref: UpstreamTokenRef, owner: string, fetch: FetchToken): Promise<StoredUpstreamToken> {
    let token: StoredUpstreamToken;
    try {
      token = await fetch();
    } catch (cause) {
      this.#quietly(this.store.release(ref, owner));
      throw new NotFetched(cause);
    }
    // Nobody waits for it: this process has its token.
    this.#quietly(this.store.put(ref, token));
    return token;
  }

  #quietly(write: Promise<void>): void {
    write.catch((error: unknown) => {
      this.logger.warn({ err: error }, 'a token is not shared with replicas');
    });
  }

  async #within<T>(work: Promise<T>): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error('the database did not answer in time')), DATABASE_MS_MAX);
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

class NotFetched extends Error {
  constructor(override readonly cause: unknown) {
    super('no token was given', { cause });
  }
}
