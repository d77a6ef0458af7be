import { GatewayError } from '../../core/errors/gateway-error.js';
import { Identity, type Refused, type Resolve, type Resolved } from './identity.js';
import { RefusalCache } from './refusal-cache.js';
import type { RefusalReason } from './refusal.js';
import { SubjectIndex } from './subject-index.js';

export interface IdentityCacheOptions {
  /** Identities kept; over it those not used lately go, but for those that somebody holds. */
  readonly identitiesMax: number;
  /** How long an identity is good that cannot be checked (`limits.stale_seconds`), in milliseconds; never under 10 s. */
  readonly staleMs: number;
  /** Milliseconds since it was last certain that no change was missed. */
  readonly changesLagMs: () => number;
}

/** An identity in use is read again in the background when this old, whether or not anybody reported a change. */
const REREAD_MS = 5_000;
/** Older than this, and not known to be unchanged: nobody is let in on it before it was read again (contract §9). */
const BELIEVED_MS = 10_000;
/** Between two tries to read an identity again. */
const RETRY_MS = 1_000;
/** How long a caller who is known waits for a database that does not answer. */
const KNOWN_WAIT_MS = 1_000;
/** After a failure the database counts as away for this long. */
const AWAY_MS = 3_000;
/** Changes that keep overtaking the reading: then the last reading counts, and is repeated. */
const READINGS_MAX = 4;
const SWEEP_MS = 1_000;

/**
 * Credentials and whom they stand for. A warm one is answered from memory without waiting; behind that it is read again
 * every few seconds while it is used, and at once when a row behind it is reported changed. Whoever holds an identity hears
 * what becomes of it. While the database is away what is known stays good for `staleMs`; a row reported changed is never
 * served from memory.
 */
export class IdentityCache {
  readonly #options: IdentityCacheOptions;
  readonly #identities = new Map<string, Identity>();
  readonly #refusals = new RefusalCache();
  readonly #index = new SubjectIndex();
  readonly #loading = new Map<string, Promise<Identity | RefusalReason>>();
  readonly #held = new Set<Identity>();
  readonly #sweeper: NodeJS.Timeout;
  #awayUntil = 0;

  constructor(options: IdentityCacheOptions) {
    this.#options = { ...options, staleMs: Math.max(options.staleMs, BELIEVED_MS) };
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  close(): void {
    clearInterval(this.#sweeper);
  }

  get size(): number {
    return this.#identities.size;
  }

  /** Known and in use: good or not. Of what was asked for lately only. */
  has(key: string): boolean {
    return this.#identities.has(key);
  }

  /** The answer that can be given at once; undefined: {@link load}. */
  find(key: string): Identity | RefusalReason | undefined {
    const identity = this.#identities.get(key);
    if (identity === undefined) return this.#refusals.find(key);
    identity.isUsed = true;
    const now = performance.now();
    if (now - identity.checkedAt < REREAD_MS && !identity.isSuperseded && !identity.isExpired) return identity;
    return this.#findAged(identity, now);
  }

  /**
   * Reads the rows, once for all who ask at the same time: `first` for a credential that is not known yet, `again` from
   * then on.
   *
   * @throws GatewayError `database/unavailable` when that is not possible and nothing that may still be believed is known.
   */
  async load(key: string, first: Resolve, again: Resolve): Promise<Identity | RefusalReason> {
    const known = this.#identities.get(key);
    if (known === undefined) return this.#read(key, first, again);
    if (known.isSuperseded) return this.#read(key, known.resolve, known.resolve);
    try {
      return await within(KNOWN_WAIT_MS, this.#read(key, known.resolve, known.resolve));
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      this.#awayUntil = performance.now() + AWAY_MS;
      if (this.#maySubstitute(known)) return known;
      throw error;
    }
  }

  /** Rows changed: what rests on them is read again before it is good for anything. */
  changed(subjects: ReadonlySet<string>): void {
    this.#refusals.forget(subjects);
    for (const subject of subjects) for (const identity of this.#index.of(subject)) this.#supersede(identity);
  }

  /** Anything may have changed. */
  changedAll(): void {
    this.#refusals.clear();
    for (const identity of [...this.#identities.values()]) this.#supersede(identity);
  }

  #findAged(identity: Identity, now: number): Identity | RefusalReason | undefined {
    if (identity.isSuperseded) return undefined;
    if (identity.isExpired) {
      if (!identity.isStillHeld) this.#refuse(identity, 'key_expired');
      return 'key_expired';
    }
    this.#readAgain(identity, now);
    if (now - this.#confirmedAt(identity) < BELIEVED_MS) return identity;
    return now < this.#awayUntil && this.#isWithinStale(identity) ? identity : undefined;
  }

  /** When it was last certain to be right: it was read, or every change until then is known and was none of it. */
  #confirmedAt(identity: Identity): number {
    return Math.max(identity.checkedAt, performance.now() - this.#options.changesLagMs());
  }

  #isWithinStale(identity: Identity): boolean {
    return performance.now() - this.#confirmedAt(identity) < this.#options.staleMs;
  }

  /** While nothing can be read: it is not known to have changed, and not too old. */
  #maySubstitute(identity: Identity): boolean {
    return !identity.isGone && !identity.isSuperseded && !identity.isExpired && this.#isWithinStale(identity);
  }

  #supersede(identity: Identity): void {
    if (identity.holders.size === 0) {
      this.#drop(identity);
      return;
    }
    identity.isSuperseded = true;
    identity.triedAt = Number.NEGATIVE_INFINITY;
    this.#readAgain(identity, performance.now());
  }

  #readAgain(identity: Identity, now: number): void {
    if (now - identity.triedAt < RETRY_MS) return;
    identity.triedAt = now;
    this.#read(identity.key, identity.resolve, identity.resolve).catch((error: unknown) => {
      if (isUnavailable(error)) this.#awayUntil = performance.now() + AWAY_MS;
      // Something changed and nobody can say what: what rests on it ends rather than going on as before.
      if (identity.isSuperseded) this.#refuse(identity, 'unverified');
    });
  }

  #read(key: string, resolve: Resolve, again: Resolve): Promise<Identity | RefusalReason> {
    const running = this.#loading.get(key);
    if (running !== undefined) return running;
    const reading = this.#readUntilUndisturbed(key, resolve, again).finally(() => this.#loading.delete(key));
    this.#loading.set(key, reading);
    return reading;
  }

  async #readUntilUndisturbed(key: string, resolve: Resolve, again: Resolve): Promise<Identity | RefusalReason> {
    let resolved = await resolve();
    for (let reading = 1; resolved.isOvertaken && reading < READINGS_MAX; reading += 1) resolved = await resolve();
    this.#awayUntil = 0;
    return resolved.kind === 'refused' ? this.#applyRefusal(key, resolved) : this.#apply(key, again, resolved);
  }

  #applyRefusal(key: string, refused: Refused): RefusalReason {
    const identity = this.#identities.get(key);
    if (identity !== undefined) this.#refuse(identity, refused.reason);
    if (!refused.isOvertaken) this.#refusals.add(key, refused.reason, refused.subjects);
    return refused.reason;
  }

  #apply(key: string, resolve: Resolve, resolved: Resolved): Identity {
    // Overtaken to the last: good for those who asked, and read again by the next who does.
    const reading = resolved.isOvertaken ? { ...resolved, readAt: performance.now() - REREAD_MS } : resolved;
    const known = this.#identities.get(key);
    if (known === undefined) {
      this.#makeRoom();
      const identity = new Identity(key, resolve, reading, this.#held);
      this.#identities.set(key, identity);
      this.#index.add(identity);
      return identity;
    }
    this.#index.remove(known);
    const isOther = known.renew(reading);
    this.#index.add(known);
    if (isOther) for (const holder of [...known.holders]) holder.onChanged();
    return known;
  }

  #refuse(identity: Identity, reason: RefusalReason): void {
    const holders = [...identity.holders];
    this.#drop(identity);
    for (const holder of holders) holder.onRefused(reason);
  }

  #drop(identity: Identity): void {
    identity.isGone = true;
    identity.holders.clear();
    this.#held.delete(identity);
    this.#index.remove(identity);
    if (this.#identities.get(identity.key) === identity) this.#identities.delete(identity.key);
  }

  /** Second chance: who was used since the last look goes to the end of the line. */
  #makeRoom(): void {
    let looks = this.#identities.size;
    for (const [key, identity] of this.#identities) {
      if (this.#identities.size < this.#options.identitiesMax || looks === 0) return;
      looks -= 1;
      if (identity.isUsed || identity.holders.size > 0) {
        identity.isUsed = false;
        this.#identities.delete(key);
        this.#identities.set(key, identity);
      } else this.#drop(identity);
    }
  }

  /** What is held must end by itself: nobody may ever ask for it again. */
  #sweep(): void {
    const now = performance.now();
    for (const identity of [...this.#held]) {
      if (identity.isExpired && !identity.isStillHeld) this.#refuse(identity, 'key_expired');
      else if (now - this.#confirmedAt(identity) > this.#options.staleMs) this.#refuse(identity, 'unverified');
      else if (identity.isSuperseded || now - identity.checkedAt > REREAD_MS) this.#readAgain(identity, now);
    }
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof GatewayError && (error.code === 'database/unavailable' || error.code === 'http/too_many');
}

async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new GatewayError('database/unavailable')), milliseconds);
  timer.unref();
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
