import { createPrivateKey, type KeyObject } from 'node:crypto';
import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { JWK } from 'jose';
import { GatewayError } from '../../core/errors/gateway-error.js';
import { GATEWAY_PRINCIPAL } from '../../core/model/gateway-principal.js';
import type { Principal } from '../../core/model/principal.js';
import type { IdentitySettings } from '../../platform/config/identity-settings.js';
import { IDENTITY_SETTINGS } from '../../platform/config/tokens.js';
import { ChangeFeed } from '../../platform/database/change-feed.js';
import { generateSigningKey, readSigningKey, type NewKey, type SigningKey } from './signing-key.js';
import { SigningKeysStore, type SuccessionRule } from './signing-keys.store.js';

/** How long whoever checks may keep the public keys, in seconds; a new key is shown for so long before it signs. */
export const JWKS_MAX_AGE_SECONDS = 300;
/** The longest life of a token (`ttl_seconds`), and clocks that differ. */
const FORMER_SHOWN_MS = 3_600_000 + 120_000;
/** Keys are read again after this, should every notice be lost. */
const READ_AGAIN_MS = 60_000;

/** What signs at this moment. */
export interface ActiveKey {
  readonly id: string;
  readonly key: KeyObject;
}

/** A key as administrators see it. */
export interface SigningKeyStatus {
  readonly id: string;
  readonly origin: 'database' | 'environment';
  readonly isSigning: boolean;
  /** Milliseconds since the epoch; undefined: always. */
  readonly createdAt: number | undefined;
  readonly signsFrom: number | undefined;
  /** Undefined: it has no successor. */
  readonly publishedUntil: number | undefined;
}

interface Loaded {
  readonly keys: readonly SigningKey[];
  readonly at: number;
}

/**
 * The keys that say who calls: the same for all replicas, made on first use by one of them, replaced after a while with both
 * shown in between. Or the one of `MCP_JWT_SIGNING_KEY`, which whoever set it replaces.
 */
@Injectable()
export class SigningKeys implements OnModuleInit, OnApplicationShutdown {
  readonly #log = new Logger('SigningKeys');
  readonly #opened = new WeakMap<SigningKey, KeyObject>();
  #fixed: Promise<NewKey> | undefined;
  #loaded: Loaded | undefined;
  #loading: Promise<readonly SigningKey[]> | undefined;
  #making: Promise<boolean> | undefined;
  #version = 0;
  #unsubscribe: (() => void) | undefined;

  constructor(
    private readonly store: SigningKeysStore,
    private readonly feed: ChangeFeed,
    @Inject(IDENTITY_SETTINGS) private readonly settings: IdentitySettings,
  ) {}

  onModuleInit(): void {
    this.#unsubscribe = this.feed.subscribe((batch) => {
      if (batch === 'everything' || batch.some(({ kind }) => kind === 'signing_key')) this.#forget();
    });
  }

  onApplicationShutdown(): void {
    this.#unsubscribe?.();
  }

  /** @throws GatewayError `database/unavailable`. */
  async active(): Promise<ActiveKey> {
    const fixed = await this.#fixedKey();
    if (fixed !== undefined) return { id: fixed.id, key: createPrivateKey(fixed.privateKey.reveal()) };
    const now = Date.now();
    const known = signing(await this.#keys(), now);
    if (known !== undefined) {
      if (this.#isOld(known, now)) void this.#replaceOld();
      return { id: known.id, key: this.#open(known) };
    }
    await this.#make((keys) => signing(keys, Date.now()) === undefined);
    const made = signing(await this.#keys(), Date.now());
    if (made === undefined) throw new Error('no key signs although one was made');
    return { id: made.id, key: this.#open(made) };
  }

  /** The public halves; empty until the first token was wanted. @throws GatewayError `database/unavailable`. */
  async published(): Promise<readonly JWK[]> {
    const fixed = await this.#fixedKey();
    if (fixed !== undefined) return [fixed.publicKey];
    return shown(await this.#keys(), Date.now()).map(({ publicKey }) => publicKey);
  }

  /** @throws GatewayError `database/unavailable`. */
  async status(): Promise<readonly SigningKeyStatus[]> {
    const fixed = await this.#fixedKey();
    const times = { createdAt: undefined, signsFrom: undefined, publishedUntil: undefined };
    if (fixed !== undefined) return [{ id: fixed.id, origin: 'environment', isSigning: true, ...times }];
    const now = Date.now();
    const keys = shown(await this.#keys(), now);
    const active = signing(keys, now);
    return keys.map((key) => ({
      id: key.id,
      origin: 'database',
      isSigning: key === active,
      createdAt: key.createdAt,
      signsFrom: key.signsFrom,
      publishedUntil: key.publishedUntil,
    }));
  }

  /**
   * Makes the next key. It signs when everybody has had the time to see it, at once when `immediately` (the present one is
   * not to be trusted any more: it is not shown any more either).
   *
   * @throws GatewayError `signing_key/fixed`, `database/unavailable`.
   */
  async rotate(actor: Principal, immediately: boolean): Promise<void> {
    if ((await this.#fixedKey()) !== undefined) throw new GatewayError('signing_key/fixed');
    await this.#add(actor, () => true, immediately);
  }

  /** Moves when there may be other keys than before: what was signed is to be signed anew. */
  get version(): number {
    return this.#version;
  }

  #fixedKey(): Promise<NewKey> | undefined {
    const { fixedKey } = this.settings;
    if (fixedKey === undefined) return undefined;
    this.#fixed ??= readSigningKey(fixedKey);
    return this.#fixed;
  }

  async #keys(): Promise<readonly SigningKey[]> {
    const loaded = this.#loaded;
    if (loaded !== undefined && performance.now() - loaded.at < READ_AGAIN_MS) return loaded.keys;
    this.#loading ??= this.store.all().finally(() => (this.#loading = undefined));
    const at = performance.now();
    try {
      const keys = await this.#loading;
      this.#loaded = { keys, at };
      return keys;
    } catch (error) {
      // The keys that were known go on signing while the database is away.
      if (loaded === undefined) throw error;
      return loaded.keys;
    }
  }

  #isOld(key: SigningKey, now: number): boolean {
    const { rotationMs } = this.settings;
    return rotationMs > 0 && key.publishedUntil === undefined && now - key.signsFrom > rotationMs;
  }

  async #replaceOld(): Promise<void> {
    try {
      await this.#make((keys) => {
        const newest = keys[0];
        return newest === undefined || this.#isOld(newest, Date.now());
      });
    } catch (error) {
      this.#log.warn(`The signing key is due, but could not be replaced: ${String(error)}`);
    }
  }

  /** Once for all who wait in this process; among processes the rule decides, under their lock. */
  #make(isWanted: (keys: readonly SigningKey[]) => boolean): Promise<boolean> {
    this.#making ??= this.#add(GATEWAY_PRINCIPAL, isWanted, false).finally(() => (this.#making = undefined));
    return this.#making;
  }

  #forget(): void {
    this.#loaded = undefined;
    this.#version += 1;
  }

  async #add(
    actor: Principal,
    isWanted: (keys: readonly SigningKey[]) => boolean,
    immediately: boolean,
  ): Promise<boolean> {
    // Made before the lock is taken: it takes a while.
    const key = await generateSigningKey();
    const rule: SuccessionRule = (keys) => {
      if (!isWanted(keys)) return undefined;
      const now = Date.now();
      const hasOther = signing(keys, now) !== undefined;
      const signsFrom = immediately || !hasOther ? now : now + JWKS_MAX_AGE_SECONDS * 1_000;
      return { key, signsFrom, formerPublishedUntil: immediately ? now : signsFrom + FORMER_SHOWN_MS };
    };
    const added = await this.store.succeed(actor, rule);
    this.#forget();
    if (added) this.#log.log(`A new key signs who calls: ${key.id}`);
    return added;
  }

  #open(key: SigningKey): KeyObject {
    let opened = this.#opened.get(key);
    if (opened === undefined) {
      if (key.privateKey === undefined) throw new TypeError('a key that does not open cannot sign');
      opened = createPrivateKey(key.privateKey.reveal());
      this.#opened.set(key, opened);
    }
    return opened;
  }
}

/** The newest whose time has come and that opens. */
function signing(keys: readonly SigningKey[], now: number): SigningKey | undefined {
  return shown(keys, now)
    .filter(({ signsFrom, privateKey }) => signsFrom <= now && privateKey !== undefined)
    .reduce<SigningKey | undefined>(
      (best, key) => (best === undefined || key.signsFrom > best.signsFrom ? key : best),
      undefined,
    );
}

function shown(keys: readonly SigningKey[], now: number): readonly SigningKey[] {
  return keys.filter(({ publishedUntil }) => publishedUntil === undefined || publishedUntil > now);
}
