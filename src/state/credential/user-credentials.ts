import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { Limits } from '../../core/model/limits.js';
import type { Principal } from '../../core/model/principal.js';
import { hashKey } from '../../platform/crypto/hash-key.js';
import { LIMITS } from '../../platform/config/tokens.js';
import { ChangeFeed, type ChangeBatch } from '../../platform/database/change-feed.js';
import { ControlWriter, type ControlUnit } from '../../platform/database/control-writer.js';
import { CredentialMemory, type Kept } from './credential-memory.js';
import {
  credentialKey,
  credentialSubject,
  userOfSubject,
  type CredentialRef,
  type UserCredential,
} from './user-credential.js';
import { UserCredentialsStore, type CredentialDraft } from './user-credentials.store.js';

/** Users whose credentials are kept in memory. */
const USERS_MAX = 20_000;
/** Not known to be unchanged for longer than this: read again first (contract §9). */
const BELIEVED_MS = 10_000;
/** Read again by this age, whatever is known. */
const REREAD_MS = 60_000;
/** After a failure the database counts as away for this long: what is known is used without asking. */
const AWAY_MS = 3_000;
/** Changes that keep overtaking the reading: then the last reading counts, and is not kept. */
const READINGS_MAX = 4;
/** Users being read or waiting for it; more are refused. */
const READINGS_MAX_WAITING = 500;
/** Queries at once: there are other things to do with the database's connections. */
const QUERIES_AT_ONCE = 3;

interface Reading {
  readonly promise: Promise<Kept>;
  isOvertaken: boolean;
}

/**
 * What users keep for servers: keys of their own, tokens, values of variables. A user who was asked for lately is answered
 * from memory, also that they keep nothing; everything of a user is one reading, whoever asks for whatever of it. A change is
 * heard of from whichever replica wrote it, within a second; should notices be lost, within 10 s.
 */
@Injectable()
export class UserCredentials implements OnApplicationShutdown {
  readonly #memory: CredentialMemory;
  readonly #readings = new Map<string, Reading>();
  readonly #staleMs: number;
  readonly #unsubscribe: () => void;
  readonly #listeners = new Set<(userIds: ReadonlySet<string> | 'everybody') => void>();
  readonly #waiting: (() => void)[] = [];
  #queries = 0;
  #awayUntil = 0;

  constructor(
    private readonly store: UserCredentialsStore,
    private readonly writer: ControlWriter,
    private readonly feed: ChangeFeed,
    @Inject(LIMITS) limits: Limits,
  ) {
    this.#memory = new CredentialMemory(Math.min(USERS_MAX, limits.principalsCachedMax));
    this.#staleMs = Math.max(limits.staleMs, BELIEVED_MS);
    this.#unsubscribe = feed.subscribe((batch) => this.#hear(batch));
  }

  onApplicationShutdown(): void {
    this.#unsubscribe();
    this.#listeners.clear();
  }

  /** Users of whom it is in memory what they keep. */
  get size(): number {
    return this.#memory.size;
  }

  /** Whose credentials may have changed, whenever some did. The answer ends it. */
  subscribe(listener: (userIds: ReadonlySet<string> | 'everybody') => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /**
   * What the user keeps: at once when it is in memory. Undefined: nothing. A promise rejects with `database/unavailable` or
   * `http/too_many`.
   */
  get(ref: CredentialRef): UserCredential | undefined | Promise<UserCredential | undefined> {
    const kept = this.#known(ref.userId);
    if (kept !== undefined) return alive(kept.byKey.get(credentialKey(ref)));
    return this.#read(ref.userId).then(({ byKey }) => alive(byKey.get(credentialKey(ref))));
  }

  /** What is in memory of this user was seen to be old: it is read again by whoever asks next. */
  forget(userId: string): void {
    this.#memory.forget(userId);
    const reading = this.#readings.get(userId);
    if (reading !== undefined) reading.isOvertaken = true;
  }

  /** Everything the user keeps, in order of server and kind. */
  async ofUser(userId: string): Promise<readonly UserCredential[]> {
    const { byKey } = this.#known(userId) ?? (await this.#read(userId));
    return [...byKey.values()].filter((kept) => alive(kept) !== undefined);
  }

  /** Keeps it from now on, in place of what there was. Resolves when this replica uses it. */
  async save(actor: Principal, ref: CredentialRef, draft: CredentialDraft): Promise<void> {
    await this.change(actor, ref, () => draft);
  }

  /** What is kept is made of what was; undefined: nothing is kept. Nobody else changes it in between. */
  async change(
    actor: Principal,
    ref: CredentialRef,
    change: (before: UserCredential | undefined) => CredentialDraft | undefined,
  ): Promise<void> {
    await this.writer.write(actor, async (unit) => {
      const before = await this.store.findWithin(unit, ref);
      const draft = change(before);
      if (draft === undefined) {
        if (await this.store.remove(unit, ref)) this.#told(unit, 'deleted', ref, undefined);
        return;
      }
      await makeSureOfUser(unit, ref.userId);
      const replaced = await this.store.put(unit, ref, draft);
      this.#told(unit, replaced ? 'updated' : 'created', ref, { credential: fingerprint(draft.secret.reveal()) });
    });
  }

  /** False when there was none. */
  async drop(actor: Principal, ref: CredentialRef): Promise<boolean> {
    return this.writer.write(actor, async (unit) => {
      const removed = await this.store.remove(unit, ref);
      if (removed) this.#told(unit, 'deleted', ref, undefined);
      return removed;
    });
  }

  #told(unit: ControlUnit, action: string, ref: CredentialRef, facts: object | undefined): void {
    const { userId, serverId, kind } = ref;
    unit.changed('user_credential', credentialSubject(ref));
    const value = { user_id: userId, server_id: serverId, kind, ...facts };
    unit.audit({
      action,
      objectKind: 'user_credential',
      objectId: `${userId}/${serverId}`,
      ...(facts === undefined ? { before: value } : { after: value }),
    });
  }

  /** What is in memory and may be used without asking. */
  #known(userId: string): Kept | undefined {
    const kept = this.#memory.get(userId);
    if (kept === undefined) return undefined;
    const now = performance.now();
    const unconfirmedMs = Math.min(now - kept.readAt, this.feed.status().lagMs);
    if (unconfirmedMs < BELIEVED_MS && now - kept.readAt < REREAD_MS) return kept;
    return now < this.#awayUntil && unconfirmedMs < this.#staleMs ? kept : undefined;
  }

  async #read(userId: string): Promise<Kept> {
    const running = this.#readings.get(userId);
    if (running !== undefined) return running.promise;
    if (this.#readings.size >= READINGS_MAX_WAITING) {
      throw new GatewayError('http/too_many', { detail: 'too many users at once', retryAfterSeconds: 1 });
    }
    // `isOvertaken` is set by changes that arrive while the rows are being read.
    const reading: Reading = { promise: this.#readUndisturbed(userId, () => reading), isOvertaken: false };
    this.#readings.set(userId, reading);
    try {
      return await reading.promise;
    } finally {
      this.#readings.delete(userId);
    }
  }

  async #readUndisturbed(userId: string, reading: () => Reading): Promise<Kept> {
    for (let attempt = 1; ; attempt += 1) {
      const readAt = performance.now();
      let rows: readonly UserCredential[];
      try {
        rows = await this.#inTurn(() => this.store.ofUser(userId));
      } catch (error) {
        const substitute = this.#substitute(userId, error);
        if (substitute === undefined) throw error;
        return substitute;
      }
      const kept: Kept = { byKey: new Map(rows.map((row) => [credentialKey(row), row])), readAt };
      if (!reading().isOvertaken) {
        this.#memory.set(userId, kept);
        return kept;
      }
      if (attempt === READINGS_MAX) return kept;
      reading().isOvertaken = false;
    }
  }

  async #inTurn<T>(query: () => Promise<T>): Promise<T> {
    if (this.#queries >= QUERIES_AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#queries += 1;
    try {
      return await query();
    } finally {
      this.#queries -= 1;
      this.#waiting.shift()?.();
    }
  }

  /** While the database is away: what is not known to have changed, and not too old. */
  #substitute(userId: string, error: unknown): Kept | undefined {
    if (!(error instanceof GatewayError) || error.code !== 'database/unavailable') return undefined;
    const now = performance.now();
    this.#awayUntil = now + AWAY_MS;
    const kept = this.#memory.get(userId);
    if (kept === undefined) return undefined;
    return Math.min(now - kept.readAt, this.feed.status().lagMs) < this.#staleMs ? kept : undefined;
  }

  #hear(batch: ChangeBatch): void {
    if (batch === 'everything') {
      this.#memory.clear();
      for (const reading of this.#readings.values()) reading.isOvertaken = true;
      for (const listener of this.#listeners) listener('everybody');
      return;
    }
    const userIds = new Set<string>();
    for (const { kind, subjectId } of batch) {
      if (kind === 'user_credential') userIds.add(userOfSubject(subjectId));
      else if (kind === 'user') userIds.add(subjectId);
    }
    if (userIds.size === 0) return;
    for (const userId of userIds) this.forget(userId);
    for (const listener of this.#listeners) listener(userIds);
  }
}

function alive(kept: UserCredential | undefined): UserCredential | undefined {
  return kept?.keptUntil !== undefined && kept.keptUntil <= Date.now() ? undefined : kept;
}

/** Whom only their identity provider knew until now: what they keep here must end with somebody. */
async function makeSureOfUser({ tx, changed, audit }: ControlUnit, id: string): Promise<void> {
  const { count } = await tx.userAccount.createMany({ data: [{ id, role: 'internal_user' }], skipDuplicates: true });
  if (count === 0) return;
  changed('user', id);
  audit({ action: 'created', objectKind: 'user', objectId: id, after: { user_id: id } });
}

function fingerprint(secret: string): string {
  return `sha256:${hashKey(secret).slice(0, 12)}`;
}
