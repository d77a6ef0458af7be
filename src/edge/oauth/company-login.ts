import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Request } from 'express';
import {
  allowInsecureRequests,
  ClientSecretBasic,
  customFetch,
  discovery,
  fetchUserInfo,
  None,
  randomNonce,
  type Configuration,
} from 'openid-client';
import { Strategy, type AuthenticateOptions } from 'openid-client/passport';
import type { Logger } from 'pino';
import type { Limits } from '../../core/model/limits.js';
import type { OAuthSettings, OidcLoginSettings } from '../../platform/config/settings.js';
import { LIMITS, OAUTH_SETTINGS } from '../../platform/config/tokens.js';
import { guardedFetch } from '../../platform/http/guarded-fetch.js';
import { HttpClient } from '../../platform/http/http-client.js';
import { LOGGER } from '../../platform/telemetry/logger.token.js';
import type { GrantHolder } from '../../state/identity/oauth-grant.store.js';
import { readClaims } from '../../state/identity/token-claims.js';
import { TokenOwnersReader } from '../../state/identity/token-owners-reader.js';
import { tokenPrincipal } from '../../state/identity/token-principal.js';
import { OAuthRefusal } from './oauth-refusal.js';
import { runStrategy } from './run-strategy.js';

const DOCUMENT_BYTES_MAX = 512 * 1_024;
const TIMEOUT_MS = 10_000;
/** What the provider says of itself is asked for again after this. */
const METADATA_MS = 3_600_000;

/** What a sign-in must remember until the browser comes back: PKCE verifier, nonce, state. Plain JSON. */
export type LoginMemory = Readonly<Record<string, unknown>>;

interface Verified {
  readonly claims: Readonly<Record<string, unknown>>;
}

/** Signing in at the company's OpenID provider: authorization code with PKCE, state and nonce, by `openid-client`. */
@Injectable()
export class CompanyLogin implements OnApplicationShutdown {
  readonly #settings: OidcLoginSettings | undefined;
  readonly #grantMs: number;
  readonly #client: HttpClient;
  readonly #logger: Logger;
  #provider: Promise<CompanyStrategy> | undefined;
  #until = 0;

  constructor(
    @Inject(OAUTH_SETTINGS) settings: OAuthSettings,
    @Inject(LIMITS) limits: Limits,
    @Inject(TokenOwnersReader) private readonly owners: TokenOwnersReader,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.#settings = settings.oidcLogin;
    this.#grantMs = settings.grantMs;
    this.#client = new HttpClient({ connectTimeoutMs: limits.connectTimeoutMs, connectionsPerOriginMax: 8 });
    this.#logger = logger.child({ room: 'oauth' });
  }

  onApplicationShutdown(): Promise<void> {
    return this.#client.close();
  }

  /** Whether there is such a provider. */
  get isOffered(): boolean {
    return this.#settings !== undefined;
  }

  /** The provider's host, for people. */
  get host(): string {
    return URL.parse(this.#settings?.claims.issuer ?? '')?.host ?? '';
  }

  /** Where to send the browser, and what to remember. `callback` is the address it comes back to. */
  async begin(
    request: Request,
    callback: string,
    state: string,
  ): Promise<{ readonly url: string; readonly memory: LoginMemory }> {
    const strategy = await this.#ready();
    const memory: Record<string, unknown> = {};
    const outcome = await runStrategy<Verified>(strategy, withSession(request, memory), {
      callbackURL: callback,
      login: state,
    });
    if (outcome.kind !== 'redirect') throw new OAuthRefusal('server_error', 'the provider cannot be asked', 502);
    return { url: outcome.url, memory };
  }

  /** Who came back. @throws OAuthRefusal when the provider, or what it says, does not let them in. */
  async finish(request: Request, callback: string, state: string, memory: LoginMemory): Promise<GrantHolder> {
    const strategy = await this.#ready();
    const session = withSession(request, { ...memory });
    const outcome = await runStrategy<Verified>(strategy, session, { callbackURL: callback, login: state });
    if (outcome.kind !== 'success') {
      this.#logger.info(
        { err: outcome.kind === 'error' ? outcome.error : undefined },
        'a sign-in at the provider failed',
      );
      throw new OAuthRefusal('access_denied', 'signing in at the company’s provider did not succeed', 403);
    }
    return this.#holder(outcome.user.claims);
  }

  async #holder(payload: Readonly<Record<string, unknown>>): Promise<GrantHolder> {
    const settings = this.#settings;
    const read = settings === undefined ? undefined : readClaims(settings.claims, payload, undefined);
    if (settings === undefined || read === undefined) {
      throw new OAuthRefusal('access_denied', 'the company’s provider does not say who you are', 403);
    }
    const claims = { ...read, expiresAt: Date.now() + this.#grantMs };
    const { owners } = await this.owners.read(claims, settings.claims.makesUsers);
    const verdict = tokenPrincipal(claims, owners);
    if (verdict.kind === 'refused') {
      this.#logger.info({ reason: verdict.reason }, 'somebody signed in at the provider and is not let in');
      throw new OAuthRefusal('access_denied', 'you are not allowed to use this gateway', 403);
    }
    return { kind: 'oidc', claims, userKnown: owners.user !== undefined };
  }

  #ready(): Promise<CompanyStrategy> {
    if (this.#provider !== undefined && performance.now() < this.#until) return this.#provider;
    this.#until = performance.now() + METADATA_MS;
    const asked = this.#ask();
    this.#provider = asked;
    asked.catch(() => {
      // The next sign-in asks again.
      if (this.#provider === asked) this.#provider = undefined;
    });
    return asked;
  }

  async #ask(): Promise<CompanyStrategy> {
    const settings = this.#settings;
    if (settings === undefined) throw new OAuthRefusal('invalid_request', 'there is no provider to sign in at', 404);
    const issuer = new URL(settings.claims.issuer);
    const { clientId, clientSecret } = settings;
    try {
      const config = await discovery(
        issuer,
        clientId,
        undefined,
        clientSecret === undefined ? None() : ClientSecretBasic(clientSecret.reveal()),
        {
          // An address the administrator wrote; with http it is their own network.
          execute: issuer.protocol === 'http:' ? [allowInsecureRequests] : [],
          [customFetch]: guardedFetch(this.#client, {
            policyOf: (url) => (URL.parse(url)?.origin === issuer.origin ? 'registered' : 'third-party'),
            bytesMax: DOCUMENT_BYTES_MAX,
            timeoutMs: TIMEOUT_MS,
          }),
        },
      );
      return new CompanyStrategy(config, settings);
    } catch (error) {
      this.#logger.warn({ err: error, issuer: settings.claims.issuer }, 'the provider for sign-ins cannot be reached');
      throw new OAuthRefusal('temporarily_unavailable', 'the company’s provider cannot be reached', 503, {
        cause: error,
        retryAfterSeconds: 5,
      });
    }
  }
}

interface CompanyOptions extends AuthenticateOptions {
  /** `state` of the request: the handle of the flow. */
  readonly login: string;
}

class CompanyStrategy extends Strategy {
  constructor(config: Configuration, { scopes }: OidcLoginSettings) {
    super({ config, name: 'company', sessionKey: 'login', scope: scopes.join(' ') }, (tokens, verified) => {
      const claims = tokens.claims();
      if (claims === undefined) {
        verified(null, false);
        return;
      }
      // Groups and addresses are often told there only.
      const more =
        config.serverMetadata().userinfo_endpoint === undefined
          ? Promise.resolve({})
          : fetchUserInfo(config, tokens.access_token, claims.sub);
      more.then(
        (info) => void verified(null, { claims: { ...info, ...claims } }),
        (error: unknown) => void verified(error),
      );
    });
  }

  override authorizationRequestParams(request: Request, options: AuthenticateOptions): URLSearchParams {
    const parameters = new URLSearchParams(super.authorizationRequestParams(request, options));
    parameters.set('state', (options as CompanyOptions).login);
    parameters.set('nonce', randomNonce());
    return parameters;
  }

  /** Only its parameters count: the address itself is `callbackURL`. */
  override currentUrl(request: Request): URL {
    return new URL(request.originalUrl, 'http://callback.invalid');
  }
}

/** What the strategy writes there and reads again: a session for the length of one sign-in. */
function withSession(request: Request, memory: LoginMemory): Request {
  const copy = Object.create(request) as Request & { session: LoginMemory };
  copy.session = memory;
  return copy;
}
