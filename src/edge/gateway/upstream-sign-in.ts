import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { isInteractive, type InteractiveServer } from '../../core/access/interactive-server.js';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { OfferedUpstreamToken } from '../../core/model/client-offer.js';
import { Secret } from '../../core/model/secret.js';
import { resolveCredential } from '../../engine/upstream/credential/resolve-credential.js';
import type { DoorSettings } from '../../platform/config/settings.js';
import { DOOR_SETTINGS } from '../../platform/config/tokens.js';
import { PublicAddress } from '../../platform/http/public-address.js';
import { credentialAddress } from '../../state/credential/credential-address.js';
import type { UserCredential } from '../../state/credential/user-credential.js';
import { UserCredentials } from '../../state/credential/user-credentials.js';
import { Authenticator } from '../../state/identity/authenticator.js';
import { ownerOf, RelayTokens, type RelayAccess } from '../../state/identity/relay-tokens.js';
import type { CallerContext } from './caller-context.js';
import { challenge, type ChallengeDetails } from './challenge.js';
import type { LiveRequest } from './live-request.js';

/** What came in `Authorization` beside a gateway key. */
type Presented =
  | { readonly kind: 'token'; readonly token: OfferedUpstreamToken }
  /** One of ours that is not good here: over, revoked, of another server or another caller. */
  | { readonly kind: 'bad' }
  | { readonly kind: 'none' };

const NONE: Presented = { kind: 'none' };
const BAD: Presented = { kind: 'bad' };

/**
 * Tokens of servers in the hands of clients (contract §8): a sealed one is opened for its own server and for whom it was issued
 * to; one as the server gave it goes to the one server that the path names, if its users sign in there. A client that has
 * its key in `x-litellm-api-key` and so keeps `Authorization` for the server is told to sign in there (401), to renew its token
 * (401) or to get more rights (403).
 */
@Injectable()
export class UpstreamSignIn {
  constructor(
    @Inject(RelayTokens) private readonly tokens: RelayTokens,
    @Inject(Authenticator) private readonly authenticator: Authenticator,
    @Inject(UserCredentials) private readonly credentials: UserCredentials,
    @Inject(PublicAddress) private readonly address: PublicAddress,
    @Inject(DOOR_SETTINGS) private readonly settings: DoorSettings,
  ) {}

  /**
   * Completes the context of a request whose view depends on the caller; `authorization` is the header when it is not ours.
   * At once when nothing must be looked up.
   *
   * @throws GatewayError `auth/upstream_token_required`.
   */
  admit(live: LiveRequest, authorization: string | undefined): void | Promise<void> {
    const { context } = live;
    const sole = soleServer(live);
    const presented = this.#read(context, sole, authorization);
    if (presented instanceof Promise) return presented.then((known) => this.#use(live, sole, known));
    return this.#use(live, sole, presented);
  }

  /** `WWW-Authenticate` of an error that this room made; undefined for others. */
  challengeOf(error: GatewayError, request: IncomingMessage): string | undefined {
    const details = CHALLENGES.get(error);
    if (details === undefined) return undefined;
    return challenge(this.address, this.settings.rootPath, request, details);
  }

  #read(
    { view, principal }: CallerContext,
    sole: InteractiveServer | undefined,
    authorization: string | undefined,
  ): Presented | Promise<Presented> {
    const token = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) return NONE;
    if (!this.tokens.isSealed(token)) {
      // A key of ours is nobody else's, wherever it is put.
      return sole === undefined || this.authenticator.isGatewayKey(token)
        ? NONE
        : { kind: 'token', token: { serverId: sole.id, accessToken: new Secret(token) } };
    }
    const access = this.tokens.openAccess(token);
    const entry = access === undefined ? undefined : view.byServerId.get(access.grant.serverId)?.entry;
    if (access === undefined || entry === undefined) return BAD;
    const { owner, address } = access.grant;
    if (address !== credentialAddress(entry) || (owner ?? ownerOf(principal)) !== ownerOf(principal)) return BAD;
    // Another server's, though visible: it is kept for that one, but does not let this one in.
    if (sole !== undefined && sole.id !== entry.id) return BAD;
    const isRevoked = this.tokens.isRevoked(access.grant);
    if (isRevoked instanceof Promise) return isRevoked.then((over) => (over ? BAD : opened(access)));
    return isRevoked ? BAD : opened(access);
  }

  #use(live: LiveRequest, sole: InteractiveServer | undefined, presented: Presented): void | Promise<void> {
    const { context } = live;
    const { caller } = context.offer;
    if (presented.kind === 'token' && caller !== undefined) {
      const offer = { ...context.offer, caller: { ...caller, upstreamToken: presented.token } };
      live.context = { ...context, offer };
      if (sole?.id !== presented.token.serverId) return undefined;
      const asChallenge = (error: GatewayError): GatewayError => this.#asChallenge(live, sole, presented.token, error);
      live.context = { ...live.context, asChallenge };
      return undefined;
    }
    if (sole === undefined || live.request.headers['x-litellm-api-key'] === undefined) return undefined;
    if (presented.kind === 'bad') throw required(sole, { error: 'invalid_token' });
    // The client brings a credential in another way.
    if (resolveCredential(sole, context.offer).lacks !== 'credential') return undefined;
    const userId = context.principal.userId;
    const kept = userId === undefined ? undefined : this.credentials.get({ userId, serverId: sole.id, kind: 'oauth' });
    if (kept instanceof Promise) return kept.then((known) => requireKept(sole, known));
    return requireKept(sole, kept);
  }

  /** What a server says of a token that the client holds is said to the client, in the words of RFC 6750, if it can still be. */
  #asChallenge(
    live: LiveRequest,
    sole: InteractiveServer,
    token: OfferedUpstreamToken,
    error: GatewayError,
  ): GatewayError {
    const { request, response, headers } = live;
    if (error.code !== 'upstream/login_required' || error.data?.['server'] !== sole.name) return error;
    if (response.headersSent) return error;
    const { data } = error;
    const wanted = typeof data['scope'] === 'string' ? data['scope'] : undefined;
    const isStepUp = data['insufficient_scope'] === true;
    const scopes = isStepUp ? [...scopesOf(token.scope), ...scopesOf(wanted)] : [];
    const challenged = new GatewayError(isStepUp ? 'auth/insufficient_scope' : 'auth/upstream_token_required', {
      data: { server: data['server'], reason: data['reason'], retryable: false },
      cause: error,
    });
    const details: ChallengeDetails = {
      error: isStepUp ? 'insufficient_scope' : 'invalid_token',
      ...(scopes.length === 0 ? {} : { scope: [...new Set(scopes)].join(' ') }),
    };
    CHALLENGES.set(challenged, details);
    headers['WWW-Authenticate'] = challenge(this.address, this.settings.rootPath, request, details);
    return challenged;
  }
}

/** What to say of an error in its challenge. */
const CHALLENGES = new WeakMap<GatewayError, ChallengeDetails>();

function opened({ grant, accessToken, scope }: RelayAccess): Presented {
  return { kind: 'token', token: { serverId: grant.serverId, accessToken: new Secret(accessToken), scope } };
}

/** The server whose endpoint was asked for, if its users sign in there. A filter names no endpoint that had metadata of its own. */
function soleServer({ context, route }: LiveRequest): InteractiveServer | undefined {
  const { scope, snapshot, view } = context;
  if (route.door !== 'mcp' && route.door !== 'sse' && route.door !== 'messages') return undefined;
  if (scope.kind !== 'named' || scope.source !== 'path' || scope.names.length !== 1) return undefined;
  const entry = snapshot.byHandle.get(scope.names[0]?.toLowerCase() ?? '');
  if (entry === undefined || !isInteractive(entry) || !view.byServerId.has(entry.id)) return undefined;
  return view.servers.length === 1 ? entry : undefined;
}

function requireKept(entry: InteractiveServer, kept: UserCredential | undefined): void {
  if (kept?.status !== 'active') throw required(entry, {});
}

function required(entry: InteractiveServer, details: ChallengeDetails): GatewayError {
  const error = new GatewayError('auth/upstream_token_required', {
    detail: entry.name,
    data: { server: entry.name, retryable: false },
  });
  const { scopes } = entry.auth;
  CHALLENGES.set(error, scopes.length === 0 ? details : { ...details, scope: scopes.join(' ') });
  return error;
}

function scopesOf(text: string | undefined): readonly string[] {
  return text?.split(' ').filter((scope) => scope !== '') ?? [];
}
