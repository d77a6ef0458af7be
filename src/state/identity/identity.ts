import type { Principal } from '../../core/model/principal.js';
import { SlotTable } from '../../platform/http/slot-table.js';
import type { RefusalReason } from './refusal.js';

/** Something that lasts longer than a moment and rests on a credential: a running request, an open stream. */
export interface IdentityHolder {
  /** The credential is good for nothing any more. Told once; the holder is let go. */
  onRefused(reason: RefusalReason): void;
  /** Same caller, other rights: `identity.principal` is the new one. */
  onChanged(): void;
}

/** A principal that was read, and how far it can be relied on. */
export interface Resolved {
  readonly kind: 'principal';
  readonly principal: Principal;
  /**
   * Milliseconds since the epoch until which what was begun may go on, where that is later than `principal.expiresAt`: a
   * token that is refreshed ends nothing that runs. Absent: no longer than the credential.
   */
  readonly heldUntil?: number;
  /** `kind:id` of every row it was made from: when one changes, it is made again. */
  readonly subjects: readonly string[];
  /** `performance.now()` before the first row was read. */
  readonly readAt: number;
  /** One of the rows was reported changed while they were read. */
  readonly isOvertaken: boolean;
}

/** The rows say that nobody may come in with this. */
export interface Refused {
  readonly kind: 'refused';
  readonly reason: RefusalReason;
  readonly subjects: readonly string[];
  readonly readAt: number;
  readonly isOvertaken: boolean;
}

/** Reads the rows behind one credential. Rejects with `database/unavailable` when they cannot be read. */
export type Resolve = () => Promise<Resolved | Refused>;

/** The warm answer of `Authenticator.authenticate`, made once per principal and not per call. */
export interface Admission {
  readonly kind: 'principal';
  readonly principal: Principal;
  readonly identity: Identity;
  /** The client's `Authorization`, when it is meant for upstreams. */
  readonly upstreamAuthorization: string | undefined;
}

/**
 * Whom one credential stands for, now and as long as anybody holds on to it. Requests that present the same credential
 * share it. Owned by an {@link IdentityCache}, which alone changes it.
 */
export class Identity {
  /** The answer to a request that brings nothing for upstreams. */
  admission: Admission;
  /** `performance.now()` before the rows were read that last confirmed it. */
  checkedAt: number;
  subjects: readonly string[];
  #heldUntil: number | undefined;
  /** A row behind it changed and has not been read again: good for nobody who comes now. */
  isSuperseded = false;
  /** The cache has let it go: it will not hear of changes. */
  isGone = false;
  /** Used since the last look of the eviction. */
  isUsed = true;
  /** `performance.now()` of the last try to read its rows again. */
  triedAt = Number.NEGATIVE_INFINITY;
  readonly holders = new SlotTable<IdentityHolder>();

  constructor(
    readonly key: string,
    readonly resolve: Resolve,
    resolved: Resolved,
    /** Identities of the cache that somebody holds. */
    private readonly held: Set<Identity>,
  ) {
    this.admission = this.#admission(resolved.principal);
    this.checkedAt = resolved.readAt;
    this.subjects = resolved.subjects;
    this.#heldUntil = resolved.heldUntil;
  }

  get principal(): Principal {
    return this.admission.principal;
  }

  /** By the wall clock, as the expiry of a key is. */
  get isExpired(): boolean {
    const { expiresAt } = this.admission.principal;
    return expiresAt !== undefined && Date.now() >= expiresAt;
  }

  /** Nobody may come in with it any more, but what somebody began with it goes on. */
  get isStillHeld(): boolean {
    return this.holders.size > 0 && this.#heldUntil !== undefined && Date.now() < this.#heldUntil;
  }

  /**
   * From now on the holder hears what becomes of the credential. Answers what to give to {@link release}, once; undefined:
   * authenticate again, this one is out of date.
   */
  hold(holder: IdentityHolder): number | undefined {
    if (this.isGone || this.isSuperseded) return undefined;
    const slot = this.holders.add(holder);
    if (this.holders.size === 1) this.held.add(this);
    return slot;
  }

  release(slot: number): void {
    if (this.isGone) return;
    this.holders.delete(slot);
    if (this.holders.size === 0) this.held.delete(this);
  }

  /** For the cache: the rows were read again. Answers whether the principal is another one. */
  renew(resolved: Resolved): boolean {
    this.checkedAt = resolved.readAt;
    this.isSuperseded = false;
    this.subjects = resolved.subjects;
    this.#heldUntil = resolved.heldUntil;
    if (isSamePrincipal(this.principal, resolved.principal)) return false;
    this.admission = this.#admission(resolved.principal);
    return true;
  }

  #admission(principal: Principal): Admission {
    return Object.freeze({ kind: 'principal', principal, identity: this, upstreamAuthorization: undefined });
  }
}

/** Levels are equal when their fingerprints are. */
function isSamePrincipal(left: Principal, right: Principal): boolean {
  return comparable(left) === comparable(right);
}

function comparable({ grants, ...rest }: Principal): string {
  return JSON.stringify([grants.fingerprint, Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1))]);
}
