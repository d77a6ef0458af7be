import { timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { NO_GRANTS } from '../../core/model/permission.js';
import type { Principal } from '../../core/model/principal.js';
import type { SecuritySettings } from '../../platform/config/settings.js';
import { SECURITY_SETTINGS } from '../../platform/config/tokens.js';
import { hashKey } from '../../platform/crypto/hash-key.js';
import { type ChangeBatch, ChangeFeed } from '../../platform/database/change-feed.js';
import { Metrics } from '../../platform/telemetry/metrics.js';
import { EndUsers } from './end-users.js';
import { GatewaySecretsStore } from './gateway-secrets.store.js';
import { type Admission, Identity, type Resolved } from './identity.js';
import { JsonWebTokens } from './json-web-tokens.js';
import { OAuthTokens, type ResolveMaster } from './oauth-tokens.js';
import { readCredential } from './read-credential.js';
import type { RefusalReason } from './refusal.js';
import { SealedTokens } from './sealed-tokens.js';
import { VirtualKeys } from './virtual-keys.js';

/** Who is calling, or why nobody is let in. The reason is for our log; `refusalError` says what the caller reads. */
export type AuthenticationResult = Admission | { readonly kind: 'refused'; readonly reason: RefusalReason };

/** Who stands behind a key, and the SHA-256 it is known by. */
export type KeyIdentification =
  | { readonly kind: 'principal'; readonly principal: Principal; readonly keyHash: string }
  | { readonly kind: 'refused'; readonly reason: RefusalReason };

const MASTER: Principal = Object.freeze({ kind: 'master_key', id: 'master', role: 'proxy_admin', grants: NO_GRANTS });

/** What a key of this product looks like: `sk-` and 16 random bytes in base64url. */
const KEY_SHAPE = /^sk-[A-Za-z0-9_-]{22}$/;

/** Shorter parts of a header value are not compared with keys, but for a master key that is shorter itself. */
const LENGTH_SEARCHED_MIN = 16;

const END_USER_HEADER = 'x-litellm-end-user-id';

type Identified = Identity | RefusalReason;

/** The place that is asked for, as far as credentials are bound to one. */
export interface Endpoint {
  /** Whether this is the endpoint that a token is for (`Principal.audience`). */
  isAudience(audience: string): boolean;
}

/** Where no token of an OAuth client is good. */
const NOWHERE: Endpoint = { isAudience: () => false };

/**
 * The one truth about credentials presented to the gateway; the data plane's door and the control plane's passport
 * strategies both ask it. Fails closed: whatever is not recognised is refused.
 */
@Injectable()
export class Authenticator implements OnModuleInit, OnApplicationShutdown {
  readonly #master = masterIdentity();
  #masterHash: Buffer | undefined;
  #firstRunKey: string | undefined;
  #stopListening: (() => void) | undefined;

  constructor(
    @Inject(SECURITY_SETTINGS) private readonly security: SecuritySettings,
    @Inject(GatewaySecretsStore) private readonly secrets: GatewaySecretsStore,
    @Inject(VirtualKeys) private readonly keys: VirtualKeys,
    @Inject(JsonWebTokens) private readonly tokens: JsonWebTokens,
    @Inject(OAuthTokens) private readonly oauth: OAuthTokens,
    @Inject(SealedTokens) private readonly sealed: SealedTokens,
    @Inject(EndUsers) private readonly endUsers: EndUsers,
    @Inject(ChangeFeed) private readonly feed: ChangeFeed,
    @Inject(Metrics) metrics: Metrics,
  ) {
    metrics.registerGauge(
      'gatehouse_identities',
      'Keys and tokens kept in memory',
      () => keys.size + tokens.size + oauth.size,
    );
    metrics.registerCounter(
      'gatehouse_identity_queries_total',
      'Queries for keys that were not in memory',
      () => keys.lookups,
    );
  }

  async onModuleInit(): Promise<void> {
    this.#stopListening = this.feed.subscribe((batch) => this.#changed(batch));
    const configured = this.security.masterKey;
    if (configured !== undefined) {
      this.#masterHash = asBuffer(hashKey(configured.reveal()));
      return;
    }
    const { hash: stored, created } = await this.secrets.firstRunMasterKeyHash();
    this.#masterHash = asBuffer(stored);
    this.#firstRunKey = created?.reveal();
  }

  onApplicationShutdown(): void {
    this.#stopListening?.();
  }

  /** The master key made on this very start, once: the next call answers undefined. For the start-up message only. */
  takeFirstRunKey(): string | undefined {
    const key = this.#firstRunKey;
    this.#firstRunKey = undefined;
    return key;
  }

  /**
   * Reads the carriers of contract §8 and decides: at once for the master key and whatever is warm, which costs one
   * SHA-256; by a promise for what must be looked up. It rejects with `database/unavailable` when that is not possible,
   * and with `http/too_many` when too many are being looked up already. Tokens of OAuth clients are good at their
   * own `endpoint` only, and nowhere when none is named.
   */
  authenticate(
    headers: IncomingHttpHeaders,
    endpoint: Endpoint = NOWHERE,
  ): AuthenticationResult | Promise<AuthenticationResult> {
    const { key, upstreamAuthorization } = readCredential(headers);
    if (key === undefined || key === '') return refused('no_credential');
    const identified = this.#identify(key);
    if (identified instanceof Promise) {
      return identified.then((known) => this.#admit(known, headers, upstreamAuthorization, endpoint));
    }
    return this.#admit(identified, headers, upstreamAuthorization, endpoint);
  }

  /**
   * Who somebody is that types a key into a form: the master key or a virtual key, nothing else. Rejects as
   * {@link authenticate} does.
   */
  async identifyKey(key: string): Promise<KeyIdentification> {
    const hash = hashKey(key);
    if (this.#isMasterKey(hash)) return { kind: 'principal', principal: MASTER, keyHash: hash };
    if (!VirtualKeys.isShaped(key)) return { kind: 'refused', reason: 'malformed_key' };
    const known = await this.keys.identify(hash);
    if (typeof known === 'string') return { kind: 'refused', reason: known };
    return { kind: 'principal', principal: known.principal, keyHash: hash };
  }

  /** For those who issue tokens: the master key's principal, while this is its hash. */
  readonly resolveMaster: ResolveMaster = (keyHash) => (this.#isMasterKey(keyHash) ? masterResolved() : undefined);

  /**
   * Whether a header value is, or looks like, a gateway key, or holds one: behind a scheme, in a list, in a cookie, as the
   * password of Basic. Such a value is never forwarded upstream (contract §8).
   */
  isGatewayKey(value: string): boolean {
    if (this.#isKey(value.slice(value.lastIndexOf(' ') + 1))) return true;
    const shortest = Math.min(this.security.masterKey?.reveal().length ?? LENGTH_SEARCHED_MIN, LENGTH_SEARCHED_MIN);
    for (const part of partsOf(value)) if (part.length >= shortest && this.#isKey(part)) return true;
    return false;
  }

  #isKey(token: string): boolean {
    if (KEY_SHAPE.test(token)) return true;
    const hash = hashKey(token);
    if (this.#isMasterKey(hash) || this.keys.isKnown(hash) || this.tokens.isKnown(hash)) return true;
    return this.sealed.isOurs(token);
  }

  #identify(key: string): Identified | Promise<Identified> {
    const hash = hashKey(key);
    if (this.#isMasterKey(hash)) return this.#master;
    if (this.oauth.accepts(key)) return this.oauth.identify(key, hash, this.resolveMaster);
    if (this.tokens.accepts(key)) return this.tokens.identify(key);
    return VirtualKeys.isShaped(key) ? this.keys.identify(hash) : 'malformed_key';
  }

  #admit(
    identified: Identified,
    headers: IncomingHttpHeaders,
    upstreamAuthorization: string | undefined,
    endpoint: Endpoint,
  ): AuthenticationResult | Promise<AuthenticationResult> {
    if (typeof identified === 'string') return refused(identified);
    const { audience } = identified.admission.principal;
    if (audience !== undefined && !endpoint.isAudience(audience)) return refused('token_audience');
    const endUserId = headers[END_USER_HEADER];
    if (endUserId === undefined || endUserId === '') return admission(identified, upstreamAuthorization);
    const narrowed = this.endUsers.identify(identified, String(endUserId));
    if (narrowed instanceof Promise) return narrowed.then((known) => admission(known, upstreamAuthorization));
    return admission(narrowed, upstreamAuthorization);
  }

  /** Takes SHA-256 in hex. */
  #isMasterKey(hash: string): boolean {
    return this.#masterHash !== undefined && timingSafeEqual(asBuffer(hash), this.#masterHash);
  }

  #changed(batch: ChangeBatch): void {
    const audience = [this.keys, this.tokens, this.oauth, this.endUsers];
    if (batch === 'everything') for (const room of audience) room.changedAll();
    else {
      const subjects = new Set(batch.map(({ kind, subjectId }) => `${kind}:${subjectId}`));
      for (const room of audience) room.changed(subjects);
    }
  }
}

function admission(identified: Identified, upstreamAuthorization: string | undefined): AuthenticationResult {
  if (typeof identified === 'string') return refused(identified);
  return upstreamAuthorization === undefined
    ? identified.admission
    : { ...identified.admission, upstreamAuthorization };
}

/** What may be a value of its own in a header with several, where there are several. */
function partsOf(value: string): readonly string[] {
  const basic = /^basic\s+([A-Za-z0-9+/_-]+=*)$/i.exec(value)?.[1];
  if (basic !== undefined) return Buffer.from(basic, 'base64').toString('utf8').split(':');
  const parts = value.match(/[^\s,;="'()<>]+/g) ?? [];
  return parts.length > 1 ? parts : [];
}

function refused(reason: RefusalReason): AuthenticationResult {
  return { kind: 'refused', reason };
}

/** The master key rests on no row: nothing that happens to the database changes whom it stands for. */
function masterIdentity(): Identity {
  return new Identity(MASTER.id, () => Promise.resolve(masterResolved()), masterResolved(), new Set());
}

function masterResolved(): Resolved {
  return { kind: 'principal', principal: MASTER, subjects: [], readAt: performance.now(), isOvertaken: false };
}

/** Pooled: OpenSSL's digest as a buffer of its own took 5 µs of a call under load, hex and this together take 1. */
function asBuffer(hash: string): Buffer {
  return Buffer.from(hash, 'latin1');
}
