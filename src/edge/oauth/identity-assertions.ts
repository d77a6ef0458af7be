import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { errors, jwtVerify, type JWTPayload } from 'jose';
import type { Logger } from 'pino';
import type { Limits } from '../../core/model/limits.js';
import { isLoopbackHost } from '../../platform/config/loopback.js';
import type { DoorSettings, JwtIssuer, OAuthSettings } from '../../platform/config/settings.js';
import { DOOR_SETTINGS, LIMITS, OAUTH_SETTINGS } from '../../platform/config/tokens.js';
import { HttpClient } from '../../platform/http/http-client.js';
import { configuredBaseUrl } from '../../platform/http/public-address.js';
import { LOGGER } from '../../platform/telemetry/logger.token.js';
import { IssuerKeys } from '../../state/identity/issuer-keys.js';
import { readClaims } from '../../state/identity/token-claims.js';
import { TokenOwnersReader } from '../../state/identity/token-owners-reader.js';
import { endpointOfResource } from './endpoint-address.js';
import { FlowStore } from './flow.store.js';
import type { KnownClient } from './known-client.js';
import { OAuthRefusal } from './oauth-refusal.js';
import { RootTokens, type TokenAnswer } from './root-tokens.js';

const ASSERTION_LENGTH_MAX = 16 * 1_024;
const TYPE = 'oauth-id-jag+jwt';
/** An assertion is for being exchanged at once; one that lives longer is not taken. */
const LIFETIME_MS_MAX = 3_600_000;
const CLOCK_TOLERANCE_SECONDS = 5;

/**
 * Identity assertions (ID-JAG) of the enterprise's identity provider, taken for access tokens: who the person is and what
 * the client may reach was decided there. Each is good once, for the client and the endpoint it names. No refresh token:
 * the client goes to the provider again.
 */
@Injectable()
export class IdentityAssertions implements OnApplicationShutdown {
  readonly #issuer: JwtIssuer | undefined;
  readonly #keys: IssuerKeys | undefined;
  readonly #client: HttpClient;
  readonly #accessTokenMs: number;

  constructor(
    @Inject(OAUTH_SETTINGS) settings: OAuthSettings,
    @Inject(DOOR_SETTINGS) private readonly door: DoorSettings,
    @Inject(LIMITS) limits: Limits,
    @Inject(LOGGER) logger: Logger,
    @Inject(TokenOwnersReader) private readonly owners: TokenOwnersReader,
    @Inject(FlowStore) private readonly flows: FlowStore,
    @Inject(RootTokens) private readonly tokens: RootTokens,
  ) {
    this.#issuer = settings.enterprise;
    this.#accessTokenMs = settings.accessTokenMs;
    this.#client = new HttpClient({ connectTimeoutMs: limits.connectTimeoutMs, connectionsPerOriginMax: 4 });
    this.#keys =
      settings.enterprise && new IssuerKeys(settings.enterprise, this.#client, logger.child({ room: 'oauth' }));
  }

  onApplicationShutdown(): Promise<void> {
    return this.#client.close();
  }

  /**
   * `audience`: our issuer, as this request calls it. `asked`: the endpoint the request names.
   *
   * @throws OAuthRefusal; GatewayError `auth/issuer_unavailable`.
   */
  async redeem(
    assertion: string,
    client: KnownClient,
    audience: string,
    asked: string | undefined,
  ): Promise<TokenAnswer> {
    const [issuer, keys] = [this.#issuer, this.#keys];
    if (issuer === undefined || keys === undefined) {
      throw new OAuthRefusal('unsupported_grant_type', 'no enterprise issuer is configured');
    }
    this.#requireOwn(audience);
    const { payload, keyId } = await this.#verify(assertion, issuer, keys, audience);
    const endpoint = this.#endpointOf(payload, client, audience);
    if (asked !== undefined && asked !== endpoint) throw refused('the assertion is for another resource');
    const read = readClaims(issuer, payload, keyId);
    if (read === undefined) throw refused('the assertion names nobody');
    const expiresAt = Date.now() + this.#accessTokenMs;
    const { owners } = await this.owners.read(read, issuer.makesUsers);
    // Last: what was refused for another reason may come again.
    if (!(await this.flows.spend(`id-jag ${issuer.issuer ?? ''} ${payload.jti ?? ''}`, LIFETIME_MS_MAX + 60_000))) {
      throw refused('the assertion was used before');
    }
    return this.tokens.begin(
      {
        grantId: randomUUID(),
        holder: { kind: 'oidc', claims: { ...read, expiresAt }, userKnown: owners.user !== undefined },
        clientId: client.id,
        clientName: client.name,
        redirectHost: '',
        endpoint,
        expiresAt,
      },
      false,
    );
  }

  /**
   * A request can call us what it likes where nobody wrote what we are called: an assertion that somebody got as another
   * authorization server would pass for ours. Nobody else is called loopback.
   */
  #requireOwn(base: string): void {
    if (configuredBaseUrl(this.door) === base || isLoopbackHost(URL.parse(base)?.hostname ?? '')) return;
    throw new OAuthRefusal('unsupported_grant_type', 'the gateway does not know its own address: set PROXY_BASE_URL');
  }

  async #verify(
    assertion: string,
    issuer: JwtIssuer,
    keys: IssuerKeys,
    audience: string,
  ): Promise<{ readonly payload: JWTPayload; readonly keyId: string | undefined }> {
    if (assertion.length > ASSERTION_LENGTH_MAX) throw refused('the assertion is too long');
    try {
      const { payload, protectedHeader } = await jwtVerify(assertion, (header) => keys.find(header), {
        typ: TYPE,
        algorithms: [...issuer.algorithms],
        audience,
        requiredClaims: ['exp', 'iat', 'sub', 'jti', 'client_id'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        ...(issuer.issuer === undefined ? {} : { issuer: issuer.issuer }),
      });
      const lifetimeMs = ((payload.exp ?? 0) - (payload.iat ?? 0)) * 1_000;
      if (lifetimeMs > LIFETIME_MS_MAX) throw refused('the assertion lives too long');
      // One audience only: an assertion for several could be shown to another of them.
      if (Array.isArray(payload.aud) && payload.aud.length !== 1) throw refused('the assertion is for several');
      return { payload, keyId: protectedHeader.kid };
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error;
      throw new OAuthRefusal('invalid_grant', 'the assertion is not valid', 400, { cause: error });
    }
  }

  #endpointOf(payload: JWTPayload, client: KnownClient, base: string): string {
    if (payload['client_id'] !== client.id) throw refused('the assertion is another client’s');
    const { resource } = payload as { readonly resource?: unknown };
    if (resource === undefined) return '/mcp';
    const endpoint = typeof resource === 'string' ? endpointOfResource(base, resource) : undefined;
    if (endpoint === undefined) throw new OAuthRefusal('invalid_target', 'the assertion is for another resource');
    return endpoint;
  }
}

function refused(description: string): OAuthRefusal {
  return new OAuthRefusal('invalid_grant', description);
}
