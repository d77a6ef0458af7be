import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Limits } from '../../core/model/limits.js';
import type { Principal } from '../../core/model/principal.js';
import { LIMITS } from '../../platform/config/tokens.js';
import { ChangeFeed, type ChangeBatch } from '../../platform/database/change-feed.js';
import { RelayRevocationsStore } from './relay-revocations.store.js';
import { SealedTokens } from './sealed-tokens.js';

/** What every token of one sign-in at a server says. */
export interface RelayGrant {
  readonly id: string;
  /** Id of the server's entry: its tokens go to that server and to no other. */
  readonly serverId: string;
  /** Where they may be sent; see `credentialAddress`. */
  readonly address: string;
  /** The client they were issued to. */
  readonly clientId: string;
  /** {@link ownerOf} whom they were issued to; undefined: nobody was known. */
  readonly owner: string | undefined;
}

/** What an access token of a client holds. */
export interface RelayAccess {
  readonly grant: RelayGrant;
  /** The upstream's own. */
  readonly accessToken: string;
  readonly scope: string | undefined;
  /** Who gave it, and to which client of theirs: for taking it back. */
  readonly issuer: string;
  readonly clientRef: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** What a refresh token of a client holds; `set` is the upstream's token set, plain JSON. */
export interface RelayRefresh<Set = unknown> {
  readonly grant: RelayGrant;
  readonly set: Set;
  readonly expiresAt: number;
}

/** An access token ends no later than this, however long the upstream's is good: so long it is before rights are looked at again. */
export const RELAY_ACCESS_MS_MAX = 3_600_000;
/** A refresh token that is not used for this long is over. */
export const RELAY_REFRESH_MS = 90 * 86_400_000;

/** Sign-ins whose state is kept in memory; over it the one asked for longest ago goes. */
const GRANTS_MAX = 20_000;
/** Not known to be unchanged for longer than this: read again first (contract §9). */
const BELIEVED_MS = 10_000;
/** Read again by this age, whatever is known. */
const REREAD_MS = 300_000;

interface Known {
  readonly isRevoked: boolean;
  readonly readAt: number;
}

/**
 * Tokens of upstreams in the hands of clients: sealed, so that they work through this gateway only, for one server, and for the
 * user or key they were issued to when one was known (contract §8). They hold everything themselves; only that a sign-in is over
 * is kept, and heard of by every replica within a second.
 */
@Injectable()
export class RelayTokens implements OnApplicationShutdown {
  readonly #known = new Map<string, Known>();
  readonly #reading = new Map<string, Promise<boolean>>();
  readonly #staleMs: number;
  readonly #unsubscribe: () => void;

  constructor(
    @Inject(SealedTokens) private readonly sealed: SealedTokens,
    @Inject(RelayRevocationsStore) private readonly store: RelayRevocationsStore,
    @Inject(ChangeFeed) private readonly feed: ChangeFeed,
    @Inject(LIMITS) limits: Limits,
  ) {
    this.#staleMs = Math.max(limits.staleMs, BELIEVED_MS);
    this.#unsubscribe = feed.subscribe((batch) => this.#hear(batch));
  }

  onApplicationShutdown(): void {
    this.#unsubscribe();
  }

  newGrant(grant: Omit<RelayGrant, 'id'>): RelayGrant {
    return { id: randomUUID(), ...grant };
  }

  sealAccess(access: RelayAccess): string {
    return this.sealed.seal('upstream_access', access);
  }

  sealRefresh(refresh: RelayRefresh): string {
    return this.sealed.seal('upstream_refresh', refresh);
  }

  /** Whether it is, or was, one of ours: never to be sent on as it is. */
  isSealed(token: string): boolean {
    return this.sealed.isOurs(token);
  }

  /** Undefined for anything that is not such a token, or is over by time. Does not know of revocations. */
  openAccess(token: string): RelayAccess | undefined {
    return inTime(this.sealed.open('upstream_access', token) as RelayAccess | undefined);
  }

  openRefresh<Set>(token: string): RelayRefresh<Set> | undefined {
    return inTime(this.sealed.open('upstream_refresh', token) as RelayRefresh<Set> | undefined);
  }

  /** Whether its tokens are good for nothing any more; at once when it is in memory. Rejects with `database/unavailable`. */
  isRevoked({ id }: RelayGrant): boolean | Promise<boolean> {
    const known = this.#known.get(id);
    const now = performance.now();
    if (known?.isRevoked === true) return true;
    if (known !== undefined) {
      const unconfirmedMs = Math.min(now - known.readAt, this.feed.status().lagMs);
      if (unconfirmedMs < BELIEVED_MS && now - known.readAt < REREAD_MS) return false;
    }
    return this.#read(id, known);
  }

  /** Ends a sign-in. */
  async revoke({ id }: RelayGrant): Promise<void> {
    this.#keep(id, true);
    await this.store.revoke(id, new Date(Date.now() + RELAY_REFRESH_MS));
  }

  async #read(id: string, before: Known | undefined): Promise<boolean> {
    const running = this.#reading.get(id);
    if (running !== undefined) return running;
    const reading = this.#readNow(id, before).finally(() => this.#reading.delete(id));
    this.#reading.set(id, reading);
    return reading;
  }

  async #readNow(id: string, before: Known | undefined): Promise<boolean> {
    const readAt = performance.now();
    try {
      const isRevoked = await this.store.isRevoked(id);
      if (this.#known.get(id)?.isRevoked !== true) this.#keep(id, isRevoked, readAt);
      return this.#known.get(id)?.isRevoked ?? isRevoked;
    } catch (error) {
      // While the database is away: what was known, not too old.
      if (before !== undefined && readAt - before.readAt < this.#staleMs) return before.isRevoked;
      throw error;
    }
  }

  #keep(id: string, isRevoked: boolean, readAt = performance.now()): void {
    this.#known.delete(id);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size < GRANTS_MAX) break;
      this.#known.delete(oldest);
    }
    this.#known.set(id, { isRevoked, readAt });
  }

  #hear(batch: ChangeBatch): void {
    if (batch === 'everything') this.#known.clear();
    else for (const { kind, subjectId } of batch) if (kind === 'relay_grant') this.#keep(subjectId, true);
  }
}

/** Whom a token is bound to: the user, whichever key they use; a key without a user is its own. */
export function ownerOf({ id, userId }: Principal): string {
  return userId === undefined ? id : `user:${userId}`;
}

function inTime<T extends { readonly expiresAt: number }>(content: T | undefined): T | undefined {
  return content !== undefined && content.expiresAt > Date.now() ? content : undefined;
}
