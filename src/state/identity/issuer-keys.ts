import { createLocalJWKSet, errors, type CryptoKey, type JWSHeaderParameters, type JWK } from 'jose';
import type { Logger } from 'pino';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { JwtIssuer } from '../../platform/config/settings.js';
import type { AddressPolicy } from '../../platform/http/address-guard.js';
import { fetchJson } from '../../platform/http/fetch-json.js';
import type { HttpClient } from '../../platform/http/http-client.js';

const DOCUMENT_BYTES_MAX = 512 * 1024;
const KEYS_MAX = 200;
const FETCH_TIMEOUT_MS = 5_000;
/** Between two fetches, whatever asks for them: tokens with made-up key ids must not make us hammer the issuer. */
const FETCH_INTERVAL_MS = 5_000;
/** Keys that could not be fetched again are used for so long. */
const STALE_MAX_MS = 24 * 3_600_000;

interface KeySet {
  readonly find: ReturnType<typeof createLocalJWKSet>;
  readonly keyIds: ReadonlySet<string>;
  readonly fetchedAt: number;
}

/**
 * The public keys of one issuer: fetched when first needed, again when old, and, at most every few seconds, when a token
 * names a key that is not there. Concurrent callers share one fetch. While the issuer is away the last keys stay good.
 */
export class IssuerKeys {
  readonly #issuer: JwtIssuer;
  readonly #client: HttpClient;
  readonly #log: Logger;
  #keys: KeySet | undefined;
  #triedAt = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | undefined;

  constructor(issuer: JwtIssuer, client: HttpClient, log: Logger) {
    this.#issuer = issuer;
    this.#client = client;
    this.#log = log;
  }

  /**
   * The key a token was signed with, for `jwtVerify`.
   *
   * @throws JWKSNoMatchingKey; GatewayError `auth/issuer_unavailable` when there are no keys to be had.
   */
  async find(header: JWSHeaderParameters): Promise<CryptoKey> {
    const keys = await this.#current();
    try {
      return await keys.find(header);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await this.#fetch();
      const renewed = this.#keys ?? keys;
      if (renewed === keys) throw error;
      return renewed.find(header);
    }
  }

  /** Whether the issuer still has this key, as far as is known; one without an id is not told apart. Never waits. */
  stillHas(keyId: string | undefined): boolean {
    const keys = this.#keys;
    if (keys === undefined) return false;
    if (performance.now() - keys.fetchedAt > this.#issuer.keysTtlMs) void this.#fetch();
    return this.#isWithinStale(keys) && (keyId === undefined || keys.keyIds.has(keyId));
  }

  async #current(): Promise<KeySet> {
    const keys = this.#keys;
    if (keys !== undefined && this.#isWithinStale(keys)) {
      if (performance.now() - keys.fetchedAt > this.#issuer.keysTtlMs) void this.#fetch();
      return keys;
    }
    await this.#fetch();
    if (this.#keys === undefined || !this.#isWithinStale(this.#keys)) {
      throw new GatewayError('auth/issuer_unavailable', { retryAfterSeconds: 5 });
    }
    return this.#keys;
  }

  #isWithinStale(keys: KeySet): boolean {
    return performance.now() - keys.fetchedAt < Math.max(STALE_MAX_MS, this.#issuer.keysTtlMs);
  }

  /** Never rejects: what could not be had is in the log, and what there was stays. */
  #fetch(): Promise<void> {
    if (this.#fetching !== undefined) return this.#fetching;
    if (performance.now() - this.#triedAt < FETCH_INTERVAL_MS) return Promise.resolve();
    this.#triedAt = performance.now();
    this.#fetching = this.#fetchNow()
      .catch((error: unknown) => {
        this.#log.warn({ err: error, issuer: this.#issuer.issuer }, 'the keys of a token issuer could not be fetched');
      })
      .finally(() => (this.#fetching = undefined));
    return this.#fetching;
  }

  async #fetchNow(): Promise<void> {
    const { url, policy } = await this.#address();
    const document = await fetchJson(this.#client, url, options(policy));
    const keys = readKeys(document);
    this.#keys = {
      find: createLocalJWKSet({ keys }),
      keyIds: new Set(keys.map(({ kid }) => kid).filter((kid) => kid !== undefined)),
      fetchedAt: performance.now(),
    };
  }

  /** What an administrator wrote may be in our own network; what the issuer's metadata names only if it is the issuer's. */
  async #address(): Promise<{ url: string; policy: AddressPolicy }> {
    const { issuer, jwksUri } = this.#issuer;
    if (jwksUri !== undefined) return { url: jwksUri, policy: 'registered' };
    if (issuer === undefined) throw new Error('neither the issuer nor its keys have an address');
    const metadata = await fetchJson(
      this.#client,
      `${issuer.replace(/\/+$/, '')}/.well-known/openid-configuration`,
      options('registered'),
    );
    const { issuer: named, jwks_uri: uri } = (metadata ?? {}) as { issuer?: unknown; jwks_uri?: unknown };
    if (named !== issuer) throw new Error('its OpenID configuration names another issuer');
    if (typeof uri !== 'string') throw new Error('its OpenID configuration names no keys');
    const isOwn = URL.parse(uri)?.origin === URL.parse(issuer)?.origin;
    return { url: uri, policy: isOwn ? 'registered' : 'third-party' };
  }
}

function options(policy: AddressPolicy): Parameters<typeof fetchJson>[2] {
  return { policy, bytesMax: DOCUMENT_BYTES_MAX, timeoutMs: FETCH_TIMEOUT_MS };
}

/** Public keys only: a shared secret in the document would let anybody who reads it sign. */
function readKeys(document: unknown): JWK[] {
  const { keys } = (document ?? {}) as { keys?: unknown };
  if (!Array.isArray(keys)) throw new Error('its keys are no JSON Web Key Set');
  const usable = keys.filter(
    (key: unknown): key is JWK =>
      typeof key === 'object' && key !== null && (key as JWK).kty !== 'oct' && typeof (key as JWK).kty === 'string',
  );
  return usable.slice(0, KEYS_MAX);
}
