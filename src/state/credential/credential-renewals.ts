import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { GatewayError } from '../../core/errors/gateway-error.js';
import { GATEWAY_PRINCIPAL } from '../../core/model/gateway-principal.js';
import type { Secret } from '../../core/model/secret.js';
import { ControlWriter } from '../../platform/database/control-writer.js';
import { credentialKey, credentialSubject, type UserCredential } from './user-credential.js';
import { UserCredentialsStore } from './user-credentials.store.js';

/** What came of asking for another one. */
export type Renewal =
  | { readonly kind: 'renewed'; readonly secret: Secret; readonly expiresAt: number | undefined }
  /** It will not be renewed any more; `reason` is for its user. */
  | { readonly kind: 'dead'; readonly reason: string };

/** Longer than a provider may take to answer: nobody else asks meanwhile. */
const LEASE_MS = 60_000;
/** How long others wait for whoever is asking. */
const WAIT_MS = 45_000;
const LOOK_MS = 100;
/** What was got is kept trying to be written: with rotating refresh tokens it is the only one there is. */
const WRITE_TRIES = 7;
const WRITE_PAUSE_MS = 250;

/**
 * Renews what users keep, one asker for each over all replicas: the lease is a column of the row, so no connection to the
 * database is held while a provider takes its time, and it ends by itself should a replica die.
 */
@Injectable()
export class CredentialRenewals {
  readonly #log = new Logger('CredentialRenewals');
  readonly #running = new Map<
    string,
    { readonly revision: number; readonly outcome: Promise<UserCredential | undefined> }
  >();

  constructor(
    private readonly store: UserCredentialsStore,
    private readonly writer: ControlWriter,
  ) {}

  /**
   * Answers what stands in the place of `seen` when it is over: renewed here or at another replica, given anew by its user,
   * dead (`needs_reauth`), or gone. `obtain` runs at most once; what it throws is thrown on, and leaves the row as it is.
   *
   * @throws GatewayError `database/unavailable`; `upstream/timeout` when another replica asks for too long.
   */
  renew(
    seen: UserCredential,
    obtain: (current: UserCredential) => Promise<Renewal>,
  ): Promise<UserCredential | undefined> {
    const key = credentialKey(seen);
    const running = this.#running.get(key);
    if (running !== undefined && running.revision >= seen.revision) return running.outcome;
    const outcome = this.#renew(seen, obtain).finally(() => {
      if (this.#running.get(key)?.outcome === outcome) this.#running.delete(key);
    });
    this.#running.set(key, { revision: seen.revision, outcome });
    return outcome;
  }

  /** It is good for nothing any more, as its server or provider said. Its user reads the reason. */
  async expire(seen: UserCredential, reason: string): Promise<void> {
    await this.writer.write(GATEWAY_PRINCIPAL, async (unit) => {
      if (!(await this.store.expire(unit, seen, seen.revision, reason))) return;
      const { userId, serverId, kind } = seen;
      unit.changed('user_credential', credentialSubject(seen));
      unit.audit({
        action: 'expired',
        objectKind: 'user_credential',
        objectId: credentialSubject(seen),
        after: { user_id: userId, server_id: serverId, kind, reason },
      });
    });
  }

  async #renew(
    seen: UserCredential,
    obtain: (current: UserCredential) => Promise<Renewal>,
  ): Promise<UserCredential | undefined> {
    const owner = randomUUID();
    const deadline = performance.now() + WAIT_MS;
    for (;;) {
      const current = await this.store.find(seen);
      if (current?.status !== 'active' || current.revision !== seen.revision) return current;
      if (await this.store.claim(current, current.revision, owner, LEASE_MS)) {
        return this.#hold(current, owner, obtain);
      }
      if (performance.now() > deadline) {
        throw new GatewayError('upstream/timeout', {
          detail: 'another replica is renewing the token and does not finish',
        });
      }
      await delay(LOOK_MS * (0.5 + Math.random()), undefined, { ref: false });
    }
  }

  async #hold(
    current: UserCredential,
    owner: string,
    obtain: (current: UserCredential) => Promise<Renewal>,
  ): Promise<UserCredential | undefined> {
    let renewal: Renewal;
    try {
      renewal = await obtain(current);
    } catch (error) {
      await this.store.release(current, owner).catch(() => undefined); // Ends by itself.
      throw error;
    }
    if (renewal.kind === 'dead') await this.expire(current, renewal.reason);
    else await this.#keep(current, owner, renewal);
    return this.store.find(current);
  }

  async #keep(
    current: UserCredential,
    owner: string,
    { secret, expiresAt }: Extract<Renewal, { kind: 'renewed' }>,
  ): Promise<void> {
    const draft = { secret, address: current.address, expiresAt };
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.writer.write(GATEWAY_PRINCIPAL, async (unit) => {
          const kept = await this.store.renew(unit, current, { revision: current.revision, owner }, draft);
          if (kept) unit.changed('user_credential', credentialSubject(current));
        });
        return;
      } catch (error) {
        if (attempt >= WRITE_TRIES || !(error instanceof GatewayError) || error.code !== 'database/unavailable') {
          this.#log.error('A renewed token could not be stored: its user will have to connect again');
          throw error;
        }
        await delay(WRITE_PAUSE_MS * 2 ** (attempt - 1), undefined, { ref: false });
      }
    }
  }
}
