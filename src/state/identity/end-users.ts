import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Limits } from '../../core/model/limits.js';
import { LIMITS } from '../../platform/config/tokens.js';
import { ChangeFeed } from '../../platform/database/change-feed.js';
import { BatchedLookup, wasOvertaken } from './batched-lookup.js';
import { withEndUser } from './build-principal.js';
import type { Identity, Refused, Resolved } from './identity.js';
import { IdentityCache } from './identity-cache.js';
import { PrincipalStore, type EndUserRecord } from './principal.store.js';
import type { RefusalReason } from './refusal.js';

/** Callers on behalf of an end user that are kept: apart from keys, so that one key's end users push nobody else out. */
const IDENTITIES_MAX = 20_000;
const ID_LENGTH_MAX = 256;
/** No control characters: ids are written to logs and the ledger. */
const ID_SHAPE = /^[\x21-\x7e\x80-\uffff](?:[\x20-\x7e\x80-\uffff]*[\x21-\x7e\x80-\uffff])?$/;

/** Callers who name an end user (`x-litellm-end-user-id`): the same caller, narrowed. */
@Injectable()
export class EndUsers implements OnApplicationShutdown {
  readonly #cache: IdentityCache;
  readonly #lookup: BatchedLookup<EndUserRecord>;

  constructor(store: PrincipalStore, feed: ChangeFeed, @Inject(LIMITS) limits: Limits) {
    this.#lookup = new BatchedLookup((ids) => store.endUsersById(ids));
    this.#cache = new IdentityCache({
      identitiesMax: Math.min(IDENTITIES_MAX, limits.principalsCachedMax),
      staleMs: limits.staleMs,
      changesLagMs: () => feed.status().lagMs,
    });
  }

  onApplicationShutdown(): void {
    this.#cache.close();
  }

  get size(): number {
    return this.#cache.size;
  }

  /** A promise when they are not in memory; it rejects with `database/unavailable` or `http/too_many`. */
  identify(base: Identity, endUserId: string): Identity | RefusalReason | Promise<Identity | RefusalReason> {
    if (endUserId.length > ID_LENGTH_MAX || !ID_SHAPE.test(endUserId)) return 'malformed_end_user';
    const key = `${base.key}|${endUserId}`;
    const found = this.#cache.find(key);
    if (found !== undefined) return found;
    const resolve = (): Promise<Resolved | Refused> => this.#resolve(base, endUserId);
    return this.#cache.load(key, resolve, resolve);
  }

  changed(subjects: ReadonlySet<string>): void {
    for (const subject of subjects) this.#lookup.noteChanged(subject);
    this.#cache.changed(subjects);
  }

  changedAll(): void {
    this.#lookup.noteChangedAll();
    this.#cache.changedAll();
  }

  /** The caller is read again with the end user: what was in memory may change between the two. */
  async #resolve(base: Identity, endUserId: string): Promise<Resolved | Refused> {
    const [caller, looked] = await Promise.all([base.resolve(), this.#lookup.find(endUserId)]);
    if (caller.kind === 'refused') return caller;
    const subjects = [...caller.subjects, `end_user:${endUserId}`];
    return {
      ...withEndUser(caller.principal, endUserId, looked.value),
      ...(caller.heldUntil === undefined ? {} : { heldUntil: caller.heldUntil }),
      subjects,
      readAt: Math.min(caller.readAt, looked.readAt),
      isOvertaken: caller.isOvertaken || wasOvertaken(looked, subjects),
    };
  }
}
