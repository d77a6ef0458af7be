import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import type { Limits } from '../../core/model/limits.js';
import type { DoorSettings, JwtSettings } from '../../platform/config/settings.js';
import { DOOR_SETTINGS, JWT_SETTINGS, LIMITS } from '../../platform/config/tokens.js';
import { hashKey } from '../../platform/crypto/hash-key.js';
import { ChangeFeed } from '../../platform/database/change-feed.js';
import { configuredBaseUrl } from '../../platform/http/public-address.js';
import { HttpClient } from '../../platform/http/http-client.js';
import { LOGGER } from '../../platform/telemetry/logger.token.js';
import type { Identity, Refused, Resolve, Resolved } from './identity.js';
import { IdentityCache } from './identity-cache.js';
import { IssuerKeys } from './issuer-keys.js';
import type { RefusalReason } from './refusal.js';
import { TokenOwnersReader } from './token-owners-reader.js';
import { tokenPrincipal } from './token-principal.js';
import { looksLikeToken, verifyToken, type TrustedIssuer, type VerifiedToken } from './token-verifier.js';

const TOKEN_LENGTH_MAX = 16 * 1024;

/** What the rows of a refused token are called that has none: it is not asked again because some row changed. */
const NO_ROWS = ['token'];

/**
 * Tokens of identity providers, by their SHA-256: verified once, then kept until they expire, while the rows they name are
 * watched like those of a key, and as long as the issuer has the key they were signed with.
 */
@Injectable()
export class JsonWebTokens implements OnApplicationShutdown {
  readonly #cache: IdentityCache;
  readonly #issuers: readonly TrustedIssuer[];
  readonly #client: HttpClient;
  readonly #owners: TokenOwnersReader;

  constructor(
    @Inject(TokenOwnersReader) owners: TokenOwnersReader,
    @Inject(ChangeFeed) feed: ChangeFeed,
    @Inject(JWT_SETTINGS) settings: JwtSettings,
    @Inject(DOOR_SETTINGS) door: DoorSettings,
    @Inject(LIMITS) limits: Limits,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.#owners = owners;
    this.#client = new HttpClient({ connectTimeoutMs: limits.connectTimeoutMs, connectionsPerOriginMax: 4 });
    const log = logger.child({ room: 'identity' });
    this.#issuers = settings.issuers.map((issuer) => ({
      settings: issuer,
      keys: new IssuerKeys(issuer, this.#client, log),
      baseUrl: configuredBaseUrl(door),
    }));
    this.#cache = new IdentityCache({
      identitiesMax: limits.principalsCachedMax,
      staleMs: limits.staleMs,
      changesLagMs: () => feed.status().lagMs,
    });
  }

  async onApplicationShutdown(): Promise<void> {
    this.#cache.close();
    await this.#client.close();
  }

  /** Whether a credential is to be judged as a token: it looks like one, and some issuer is configured. */
  accepts(credential: string): boolean {
    return this.#issuers.length > 0 && credential.length <= TOKEN_LENGTH_MAX && looksLikeToken(credential);
  }

  get size(): number {
    return this.#cache.size;
  }

  /** Whether this is the hash of a token in use. */
  isKnown(hash: string): boolean {
    return this.#cache.has(hash);
  }

  /** A promise for one that is not in memory; it rejects when the database or the issuer cannot be reached. */
  identify(token: string): Identity | RefusalReason | Promise<Identity | RefusalReason> {
    const key = hashKey(token);
    const found = this.#cache.find(key);
    if (found !== undefined) return found;
    const verified: { token?: VerifiedToken } = {};
    return this.#cache.load(key, this.#first(token, verified), this.#again(verified));
  }

  changed(subjects: ReadonlySet<string>): void {
    this.#owners.noteChanged(subjects);
    this.#cache.changed(subjects);
  }

  changedAll(): void {
    this.#owners.noteChangedAll();
    this.#cache.changedAll();
  }

  #first(token: string, verified: { token?: VerifiedToken }): Resolve {
    return async () => {
      if (verified.token === undefined) {
        const readAt = performance.now();
        const answer = await verifyToken(token, this.#issuers);
        if (typeof answer === 'string') {
          return { kind: 'refused', reason: answer, subjects: NO_ROWS, readAt, isOvertaken: false };
        }
        verified.token = answer;
      }
      return this.#resolve(verified.token);
    };
  }

  /** Apart from {@link #first}, so that what is kept does not keep the token itself. */
  #again(verified: { token?: VerifiedToken }): Resolve {
    return () => (verified.token === undefined ? Promise.resolve(unverified()) : this.#resolve(verified.token));
  }

  async #resolve({ issuer, claims }: VerifiedToken): Promise<Resolved | Refused> {
    if (!issuer.keys.stillHas(claims.keyId)) return unverified();
    const { owners, ...reading } = await this.#owners.read(claims, issuer.settings.makesUsers);
    return { ...tokenPrincipal(claims, owners), ...reading };
  }
}

function unverified(): Refused {
  return {
    kind: 'refused',
    reason: 'token_invalid',
    subjects: NO_ROWS,
    readAt: performance.now(),
    isOvertaken: false,
  };
}
