import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Limits } from '../../core/model/limits.js';
import { LIMITS } from '../../platform/config/tokens.js';
import { ChangeFeed } from '../../platform/database/change-feed.js';
import { BatchedLookup, wasOvertaken, type Looked } from './batched-lookup.js';
import { keyPrincipal, keySubjects } from './build-principal.js';
import type { Identity, Refused, Resolved } from './identity.js';
import { IdentityCache } from './identity-cache.js';
import { PrincipalStore, type KeyRecord } from './principal.store.js';
import type { RefusalReason } from './refusal.js';

/** What every key of ours begins with; the incumbent insists on it too. */
const PREFIX = 'sk-';
/** Anything else must be at least this long to be worth a look: imported keys may be of any shape. */
const LENGTH_MIN = 16;
const LENGTH_MAX = 512;

/** Virtual keys by their SHA-256, from memory when warm; the database is asked for others in bounded batches. */
@Injectable()
export class VirtualKeys implements OnApplicationShutdown {
  readonly #cache: IdentityCache;
  readonly #unknown: BatchedLookup<KeyRecord>;
  /** A line of their own: a flood of unknown keys must not keep us from hearing that a known one was revoked. */
  readonly #known: BatchedLookup<KeyRecord>;

  constructor(store: PrincipalStore, feed: ChangeFeed, @Inject(LIMITS) limits: Limits) {
    const load = (hashes: readonly string[]): Promise<ReadonlyMap<string, KeyRecord>> => store.keysByHash(hashes);
    this.#unknown = new BatchedLookup(load);
    this.#known = new BatchedLookup(load, { waitingMax: Number.POSITIVE_INFINITY });
    this.#cache = new IdentityCache({
      identitiesMax: limits.principalsCachedMax,
      staleMs: limits.staleMs,
      changesLagMs: () => feed.status().lagMs,
    });
  }

  onApplicationShutdown(): void {
    this.#cache.close();
  }

  /** Whether a value could be a key at all. */
  static isShaped(value: string): boolean {
    if (value.length > LENGTH_MAX) return false;
    return value.startsWith(PREFIX) || value.length >= LENGTH_MIN;
  }

  /** Keys in memory. */
  get size(): number {
    return this.#cache.size;
  }

  /** Queries for keys that were not in memory. */
  get lookups(): number {
    return this.#unknown.queries;
  }

  /** Whether this is the hash of a key in use. */
  isKnown(hash: string): boolean {
    return this.#cache.has(hash);
  }

  /** A promise for a key that is not in memory; it rejects with `database/unavailable` or `http/too_many`. */
  identify(hash: string): Identity | RefusalReason | Promise<Identity | RefusalReason> {
    return (
      this.#cache.find(hash) ??
      this.#cache.load(
        hash,
        () => this.#resolve(hash, this.#unknown),
        () => this.#resolve(hash, this.#known),
      )
    );
  }

  /** What the rows say now of a key that something else rests on. */
  read(hash: string): Promise<Resolved | Refused> {
    return this.#resolve(hash, this.#known);
  }

  changed(subjects: ReadonlySet<string>): void {
    for (const subject of subjects) {
      this.#unknown.noteChanged(subject);
      this.#known.noteChanged(subject);
    }
    this.#cache.changed(subjects);
  }

  changedAll(): void {
    this.#unknown.noteChangedAll();
    this.#known.noteChangedAll();
    this.#cache.changedAll();
  }

  async #resolve(hash: string, lookup: BatchedLookup<KeyRecord>): Promise<Resolved | Refused> {
    const looked: Looked<KeyRecord> = await lookup.find(hash);
    const { value: key, readAt } = looked;
    if (key === undefined) {
      const isOvertaken = wasOvertaken(looked, undefined);
      return { kind: 'refused', reason: 'unknown_key', subjects: [], readAt, isOvertaken };
    }
    const subjects = keySubjects(key);
    return { ...keyPrincipal(key, Date.now()), subjects, readAt, isOvertaken: wasOvertaken(looked, subjects) };
  }
}
