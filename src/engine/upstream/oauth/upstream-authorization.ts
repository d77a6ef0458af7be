import { createHash, randomBytes } from 'node:crypto';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { OAuth2Auth, ServerEntry } from '../../../core/model/server-entry.js';
import type { HttpClient } from '../../../platform/http/http-client.js';
import { HttpFailure } from '../../../platform/http/http-failure.js';
import { errorOfHttpFailure, upstreamError } from '../upstream-error.js';
import type { AuthorizationServer, SignIn } from './authorization-server.js';
import { authenticateClient, type ClientIdentity } from './client-authentication.js';
import { postForAnswer } from './oauth-json.js';
import { SignInProblem } from './sign-in-problem.js';
import { BadTokenReply, requestTokens, TokenRefusal, type TokenReply } from './token-endpoint.js';
import type { UpstreamClients } from './upstream-clients.js';
import type { UpstreamDiscovery } from './upstream-discovery.js';
import type { UpstreamTokenSet } from './upstream-token-set.js';

export interface BeginOptions {
  /** Where the browser comes back to; below the gateway's own address. */
  readonly redirectUri: string;
  /** In place of those the server is known to want. For a step-up: all that are needed, the former ones included. */
  readonly scopes?: readonly string[];
  /** Comes back with the browser. Nothing is read from it here. */
  readonly state: string;
  /** The gateway's address, no trailing slash. */
  readonly baseUrl: string;
}

/** What is needed to go on when the browser is back. JSON; secret (it holds the PKCE verifier). */
export interface PendingAuthorization {
  readonly issuer: string;
  readonly redirectUri: string;
  readonly verifier: string;
  readonly clientRef: string;
  readonly scope?: string | undefined;
}

/** The upstream sent the browser back with an error (RFC 6749 §4.1.2.1): the user said no, mostly. */
export class SignInRefusal extends Error {
  constructor(
    readonly error: string,
    readonly description: string | undefined,
  ) {
    super(description === undefined ? error : `${error}: ${description}`);
    this.name = 'SignInRefusal';
  }
}

const VERIFIER_BYTES = 32;
const ERROR = /^[\x20-\x21\x23-\x5B\x5D-\x7E]{1,100}$/;
const DESCRIPTION_CHARS_MAX = 300;

/**
 * The gateway as OAuth client of servers, on behalf of one user each time: begin, come back, refresh, revoke. PKCE with S256
 * of its own and the server's `resource` always; `iss` checked; what comes back of scopes is kept as it was granted.
 *
 * Failures are `GatewayError`s: `upstream/login_required` when the grant is dead, `upstream/token_failed` and the like
 * otherwise; a `TokenRefusal`, `SignInRefusal` or `SignInProblem` that caused one is its `cause`.
 */
export class UpstreamAuthorization {
  constructor(
    private readonly http: HttpClient,
    private readonly discovery: UpstreamDiscovery,
    private readonly clients: UpstreamClients,
  ) {}

  /** Where the user's browser is to go, and what to keep until it is back. */
  begin(entry: ServerEntry, options: BeginOptions): Promise<{ url: string; pending: PendingAuthorization }> {
    return this.#failing(entry, async () => {
      const auth = userOAuth(entry);
      const { server, scopes: wanted, resource } = await this.discovery.find(entry, auth);
      const scopes = withOfflineAccess(options.scopes ?? wanted, server);
      const { redirectUri, baseUrl, state } = options;
      const url = authorizationUrl(server);
      const chosen = await this.clients.choose(entry, auth.client, { server, redirectUri, baseUrl, scopes });
      const verifier = randomBytes(VERIFIER_BYTES).toString('base64url');
      const scope = scopes.length === 0 ? undefined : scopes.join(' ');
      const parameters = {
        response_type: 'code',
        client_id: chosen.identity.id,
        redirect_uri: redirectUri,
        state,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
        scope,
        resource,
        // OpenID Connect Core §11: without it many servers give no refresh token.
        prompt: scopes.includes('offline_access') ? 'consent' : undefined,
      };
      // The address may have a query of its own, which stays.
      for (const [name, value] of Object.entries(parameters)) {
        if (value !== undefined) url.searchParams.set(name, value);
      }
      return {
        url: url.href,
        pending: { issuer: server.issuer, redirectUri, verifier, clientRef: chosen.ref, scope },
      };
    });
  }

  /** The browser is back with these parameters; whoever calls has checked `state`. */
  finish(entry: ServerEntry, pending: PendingAuthorization, parameters: URLSearchParams): Promise<UpstreamTokenSet> {
    return this.#failing(entry, async () => {
      const signIn = await this.#sameServer(entry, pending.issuer);
      checkIssuer(signIn.server, parameters);
      const code = readCode(parameters);
      const form = new URLSearchParams({
        grant_type: 'authorization_code',
        code,
        redirect_uri: pending.redirectUri,
        code_verifier: pending.verifier,
      });
      const reply = await this.#ask(entry, signIn, pending.clientRef, form);
      return {
        accessToken: reply.accessToken,
        refreshToken: reply.refreshToken,
        expiresAt: endOf(reply),
        scope: reply.scope ?? pending.scope,
        issuer: pending.issuer,
        clientRef: pending.clientRef,
      };
    });
  }

  /**
   * A new set for an old one; the old refresh token may be dead afterwards.
   *
   * @throws GatewayError `upstream/login_required` when this grant will give no tokens any more.
   */
  refresh(entry: ServerEntry, set: UpstreamTokenSet): Promise<UpstreamTokenSet> {
    return this.#failing(entry, async () => {
      if (set.refreshToken === undefined) throw deadGrant(entry, 'its token has ended and cannot be refreshed');
      let signIn: SignIn;
      try {
        signIn = await this.#sameServer(entry, set.issuer);
      } catch (error) {
        if (error instanceof ChangedIssuer) throw deadGrant(entry, error.message, error);
        throw error;
      }
      const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: set.refreshToken });
      let reply: TokenReply;
      try {
        reply = await this.#ask(entry, signIn, set.clientRef, form);
      } catch (error) {
        const isDead = error instanceof UnknownClient || (error instanceof TokenRefusal && isFinal(error));
        throw isDead ? deadGrant(entry, 'its authorization server does not renew the token', error) : error;
      }
      return {
        accessToken: reply.accessToken,
        refreshToken: reply.refreshToken ?? set.refreshToken,
        expiresAt: endOf(reply),
        scope: reply.scope ?? set.scope,
        issuer: set.issuer,
        clientRef: set.clientRef,
      };
    });
  }

  /** Tells the authorization server that the tokens are not needed any more (RFC 7009). False: there is nobody to tell. */
  revoke(entry: ServerEntry, set: UpstreamTokenSet): Promise<boolean> {
    return this.#failing(entry, async () => {
      const { server } = await this.#sameServer(entry, set.issuer);
      const client = await this.clients.recall(userOAuth(entry).client, server, set.clientRef);
      if (server.revocation === undefined || client === undefined) return false;
      const tokens: readonly (readonly [string, string | undefined])[] = [
        ['refresh_token', set.refreshToken],
        ['access_token', set.accessToken],
      ];
      for (const [hint, token] of tokens) {
        if (token === undefined) continue;
        const form = new URLSearchParams({ token, token_type_hint: hint });
        const headers = await authenticateClient(client, form, server.issuer);
        await postForAnswer(this.http, server.revocation, form, headers);
      }
      return true;
    });
  }

  /** Who gives tokens for the server now, and as which client of theirs: for a token that came without saying so. */
  adopt(
    entry: ServerEntry,
    { redirectUri, baseUrl }: Pick<BeginOptions, 'redirectUri' | 'baseUrl'>,
  ): Promise<Pick<UpstreamTokenSet, 'issuer' | 'clientRef'>> {
    return this.#failing(entry, async () => {
      const auth = userOAuth(entry);
      const { server, scopes } = await this.discovery.find(entry, auth);
      const { ref } = await this.clients.choose(entry, auth.client, { server, redirectUri, baseUrl, scopes });
      return { issuer: server.issuer, clientRef: ref };
    });
  }

  async #ask(
    entry: ServerEntry,
    { server, resource }: SignIn,
    clientRef: string,
    form: URLSearchParams,
  ): Promise<TokenReply> {
    if (server.token === undefined) throw new SignInProblem('has no token endpoint');
    const client: ClientIdentity | undefined = await this.clients.recall(userOAuth(entry).client, server, clientRef);
    if (client === undefined) throw new UnknownClient();
    if (resource !== undefined) form.set('resource', resource);
    const audience = server.source === 'metadata' ? server.issuer : server.token.url;
    try {
      return await requestTokens(this.http, { address: server.token, audience }, client, form);
    } catch (error) {
      if (error instanceof TokenRefusal && error.error === 'invalid_client') await this.clients.disown(clientRef);
      throw error;
    }
  }

  /** What is known of the server's authorization server, if that is still the one that tokens or the sign-in are of. */
  async #sameServer(entry: ServerEntry, issuer: string): Promise<SignIn> {
    const signIn = await this.discovery.find(entry, userOAuth(entry));
    if (signIn.server.issuer !== issuer) throw new ChangedIssuer();
    return signIn;
  }

  /** Whatever goes wrong, in the gateway's words. */
  async #failing<T>(entry: ServerEntry, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      if (error instanceof HttpFailure) throw errorOfHttpFailure(entry, error);
      if (
        error instanceof SignInProblem ||
        error instanceof SignInRefusal ||
        error instanceof TokenRefusal ||
        error instanceof BadTokenReply
      ) {
        throw upstreamError('upstream/token_failed', entry, error.message, error);
      }
      throw error;
    }
  }
}

class ChangedIssuer extends SignInProblem {
  constructor() {
    super('has another authorization server by now');
  }
}

class UnknownClient extends SignInProblem {
  constructor() {
    super('does not know this gateway any more as the client it gave the token to');
  }
}

function userOAuth({ auth }: ServerEntry): OAuth2Auth {
  if (auth.type !== 'oauth2') throw new SignInProblem('is not OAuth2');
  return auth;
}

function authorizationUrl(server: AuthorizationServer): URL {
  if (server.authorization === undefined) throw new SignInProblem('authorization url is not set');
  if (!server.supportsPkce) {
    throw new SignInProblem(
      'has an authorization server that does not say it supports PKCE with S256 (set authorization_url and token_url if it does)',
    );
  }
  const url = new URL(server.authorization.url);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new SignInProblem('has no http authorization url');
  return url;
}

/** Refresh tokens are worth asking for where that takes a scope (OpenID Connect Core §11). */
function withOfflineAccess(scopes: readonly string[], { scopesSupported }: AuthorizationServer): readonly string[] {
  const given = [...new Set(scopes)];
  return scopesSupported.includes('offline_access') && !given.includes('offline_access')
    ? [...given, 'offline_access']
    : given;
}

/** RFC 9207 §2.4: exactly the same, no normalisation, before anything else of the answer is believed. */
function checkIssuer({ source, issuer, sendsIssuer }: AuthorizationServer, parameters: URLSearchParams): void {
  // Nobody told us what it calls itself.
  if (source !== 'metadata') return;
  const [said, ...more] = parameters.getAll('iss');
  if (more.length > 0 || (said === undefined ? sendsIssuer : said !== issuer)) {
    throw new SignInProblem('got an answer that is not of its authorization server');
  }
}

function readCode(parameters: URLSearchParams): string {
  const error = parameters.get('error');
  if (error !== null) {
    const description = parameters.get('error_description')?.slice(0, DESCRIPTION_CHARS_MAX);
    throw new SignInRefusal(ERROR.test(error) ? error : 'server_error', description);
  }
  const [code, ...more] = parameters.getAll('code');
  if (code === undefined || code === '' || more.length > 0)
    throw new SignInProblem('sent the browser back without a code');
  return code;
}

function deadGrant(entry: ServerEntry, reason: string, cause?: unknown): GatewayError {
  return upstreamError('upstream/login_required', entry, reason, cause);
}

/** Asking again will not help; a server that is busy or away says something else. */
function isFinal({ error }: TokenRefusal): boolean {
  return ['invalid_grant', 'invalid_client', 'unauthorized_client', 'invalid_scope'].includes(error);
}

function endOf({ expiresIn }: TokenReply): number | undefined {
  return expiresIn === undefined ? undefined : Date.now() + expiresIn * 1_000;
}
