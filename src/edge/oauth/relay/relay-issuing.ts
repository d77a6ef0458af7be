import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Request } from 'express';
import type { Logger } from 'pino';
import { resolveView } from '../../../core/access/resolve-view.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import { TokenRefusal } from '../../../engine/upstream/oauth/token-endpoint.js';
import { UpstreamAuthorization } from '../../../engine/upstream/oauth/upstream-authorization.js';
import type { UpstreamTokenSet } from '../../../engine/upstream/oauth/upstream-token-set.js';
import { PublicAddress } from '../../../platform/http/public-address.js';
import { LOGGER } from '../../../platform/telemetry/logger.token.js';
import { credentialAddress } from '../../../state/credential/credential-address.js';
import { Authenticator } from '../../../state/identity/authenticator.js';
import {
  ownerOf,
  RELAY_ACCESS_MS_MAX,
  RELAY_REFRESH_MS,
  RelayTokens,
  type RelayGrant,
  type RelayRefresh,
} from '../../../state/identity/relay-tokens.js';
import { RegistryService } from '../../../state/registry/registry.service.js';
import { Codes } from '../codes.js';
import type { KnownClient } from '../known-client.js';
import { OAuthRefusal, type OAuthErrorCode } from '../oauth-refusal.js';
import { CALLBACK_PATH } from '../upstream-returns.js';
import type { RelayCode } from './relay-code.js';
import { requireResource } from './relay-request.js';
import type { RelayServer } from './relay-server.js';

/** RFC 6749 §5.1. */
export interface RelayAnswer {
  readonly access_token: string;
  readonly token_type: 'Bearer';
  readonly expires_in?: number;
  readonly refresh_token?: string;
  readonly scope?: string;
}

/** How long the answer to a refresh token is given again: a client that lost it asks once more, and the upstream's is used up. */
const REPEATED_MS = 20_000;
const REPEATED_MAX = 1_000;
/** Left of an access token that is handed out once more for want of a refresh token. */
const REST_MS_MIN = 60_000;

/** What of the upstream's refusals is the client's to act upon. */
const RELAYED = [
  'invalid_grant',
  'invalid_scope',
  'invalid_target',
  'access_denied',
  'slow_down',
] as const satisfies readonly OAuthErrorCode[];

/**
 * Tokens of servers for clients: from a code, or from a refresh token, with the gateway as client of the server's authorization
 * server. What the client gets is sealed (contract §8), unless the server's `oauth_token_mode` is `passthrough`.
 */
@Injectable()
export class RelayIssuing {
  readonly #logger: Logger;
  readonly #refreshes = new Map<string, Promise<RelayAnswer>>();

  constructor(
    @Inject(Codes) private readonly codes: Codes,
    @Inject(RelayTokens) private readonly tokens: RelayTokens,
    @Inject(UpstreamAuthorization) private readonly upstream: UpstreamAuthorization,
    @Inject(Authenticator) private readonly authenticator: Authenticator,
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(PublicAddress) private readonly address: PublicAddress,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.#logger = logger.child({ room: 'oauth' });
  }

  /** @throws OAuthRefusal. */
  async issue(request: Request, server: RelayServer, client: KnownClient, form: URLSearchParams): Promise<RelayAnswer> {
    requireResource(form, server.base, server.entry);
    const owner = await this.#ownerAt(request, server);
    switch (form.get('grant_type')) {
      case 'authorization_code':
        return this.#redeem(server, client, form, owner);
      case 'refresh_token':
        return this.#refreshOnce(server, client, form.get('refresh_token') ?? '', owner);
      default:
        // In the incumbent's words (reference, Appendix E).
        throw new OAuthRefusal('unsupported_grant_type', 'Unsupported grant_type');
    }
  }

  /** RFC 7009: ends the sign-in that a token is of, here and at the server. A token that is none of the client's is no error. */
  async revoke(server: RelayServer, client: KnownClient, token: string): Promise<void> {
    if (server.entry.auth.tokenMode === 'passthrough') {
      const set = await this.#rawSet(server, { refreshToken: token, accessToken: token });
      return this.#revokeUpstream(server, set);
    }
    const refresh = this.tokens.openRefresh<UpstreamTokenSet>(token);
    const access = this.tokens.openAccess(token);
    const grant = refresh?.grant ?? access?.grant;
    if (grant?.clientId !== client.id || grant.serverId !== server.entry.id) return;
    await this.tokens.revoke(grant);
    const set = refresh?.set ?? access;
    if (set !== undefined && grant.address === credentialAddress(server.entry)) await this.#revokeUpstream(server, set);
  }

  async #redeem(
    server: RelayServer,
    client: KnownClient,
    form: URLSearchParams,
    owner: string | undefined,
  ): Promise<RelayAnswer> {
    const { kind, payload } = await this.codes.redeem<RelayCode>('relay_code', form, client.id);
    if (payload.grant.serverId !== server.entry.id)
      throw new OAuthRefusal('invalid_grant', 'the code is for another server');
    if (kind === 'used') {
      await this.tokens.revoke(payload.grant);
      await this.#revokeUpstream(server, payload.set);
      throw new OAuthRefusal('invalid_grant', 'the code was used before: what it gave is over');
    }
    return this.#answer(server, boundTo(payload.grant, owner), payload.set);
  }

  /** The same refresh token twice at the same time, or again at once: one answer. */
  async #refreshOnce(
    server: RelayServer,
    client: KnownClient,
    token: string,
    owner: string | undefined,
  ): Promise<RelayAnswer> {
    const key = createHash('sha256')
      .update(JSON.stringify([server.entry.id, client.id, owner ?? null, token]))
      .digest('base64url');
    const running = this.#refreshes.get(key);
    if (running !== undefined) return running;
    if (this.#refreshes.size >= REPEATED_MAX)
      throw new OAuthRefusal('slow_down', 'too many requests', 429, { retryAfterSeconds: 5 });
    const answer = this.#refresh(server, client, token, owner);
    this.#refreshes.set(key, answer);
    const forget = (): void => void this.#refreshes.delete(key);
    answer.then(() => void setTimeout(forget, REPEATED_MS).unref(), forget);
    return answer;
  }

  async #refresh(
    server: RelayServer,
    client: KnownClient,
    token: string,
    owner: string | undefined,
  ): Promise<RelayAnswer> {
    const { entry } = server;
    if (entry.auth.tokenMode === 'passthrough') {
      const set = await this.#rawSet(server, { refreshToken: token, accessToken: '' });
      return rawAnswer(await this.#renewed(server, set));
    }
    const held = this.tokens.openRefresh<UpstreamTokenSet>(token);
    const { grant } = held ?? {};
    if (held === undefined || grant?.clientId !== client.id || grant.serverId !== entry.id) {
      throw new OAuthRefusal('invalid_grant', 'the refresh token is unknown or over');
    }
    if (grant.address !== credentialAddress(entry) || (await this.tokens.isRevoked(grant))) {
      throw new OAuthRefusal('invalid_grant', 'the sign-in is over');
    }
    return this.#answer(server, boundTo(grant, owner), await this.#renewed(server, held.set));
  }

  async #renewed(server: RelayServer, set: UpstreamTokenSet): Promise<UpstreamTokenSet> {
    if (set.refreshToken === undefined) {
      if ((set.expiresAt ?? Number.POSITIVE_INFINITY) > Date.now() + REST_MS_MIN) return set;
      throw new OAuthRefusal('invalid_grant', 'the token of the server has ended and cannot be refreshed');
    }
    try {
      return await this.upstream.refresh(server.entry, set);
    } catch (error) {
      throw relayed(error);
    }
  }

  #answer(server: RelayServer, grant: RelayGrant, set: UpstreamTokenSet): RelayAnswer {
    if (server.entry.auth.tokenMode === 'passthrough') return rawAnswer(set);
    const now = Date.now();
    const end = set.expiresAt ?? Number.POSITIVE_INFINITY;
    const expiresAt = Math.min(end, now + RELAY_ACCESS_MS_MAX);
    const { accessToken, scope, issuer, clientRef } = set;
    const refresh: RelayRefresh = { grant, set, expiresAt: now + RELAY_REFRESH_MS };
    // A token that outlives what seals it is sealed again, though the server gave nothing to refresh it with.
    const isRenewable = set.refreshToken !== undefined || end > expiresAt;
    return {
      access_token: this.tokens.sealAccess({ grant, accessToken, scope, issuer, clientRef, expiresAt }),
      token_type: 'Bearer',
      expires_in: Math.max(0, Math.floor((expiresAt - now) / 1_000)),
      ...(isRenewable ? { refresh_token: this.tokens.sealRefresh(refresh) } : {}),
      ...(scope === undefined ? {} : { scope }),
    };
  }

  /** A token that a client holds as the server gave it, with what it takes to speak of it to whoever gave it. */
  async #rawSet(
    server: RelayServer,
    tokens: Pick<UpstreamTokenSet, 'accessToken' | 'refreshToken'>,
  ): Promise<UpstreamTokenSet> {
    const { base } = server;
    try {
      return {
        ...tokens,
        ...(await this.upstream.adopt(server.entry, { baseUrl: base, redirectUri: `${base}${CALLBACK_PATH}` })),
      };
    } catch (error) {
      throw relayed(error);
    }
  }

  async #revokeUpstream(
    { entry }: RelayServer,
    { accessToken, issuer, clientRef, ...rest }: Omit<UpstreamTokenSet, 'scope' | 'expiresAt'>,
  ): Promise<void> {
    try {
      await this.upstream.revoke(entry, { accessToken, issuer, clientRef, ...rest });
    } catch (error) {
      // Its tokens are good for nothing here any more; the server's own word for it is a courtesy.
      this.#logger.warn({ err: error, server: entry.name }, 'a server was not told that its tokens are revoked');
    }
  }

  /** Whose key came along, if one did: it must be good, and for this server. @throws OAuthRefusal. */
  async #ownerAt(request: Request, server: RelayServer): Promise<string | undefined> {
    const key = request.headers['x-litellm-api-key'];
    if (key === undefined) return undefined;
    const caller = await this.authenticator.authenticate({ 'x-litellm-api-key': key });
    if (caller.kind === 'refused') throw new OAuthRefusal('invalid_client', 'the gateway key is not valid', 401);
    const scope = { kind: 'named' as const, names: [server.entry.name], source: 'path' as const };
    const place = { external: this.address.isExternal(request) };
    if (resolveView(this.registry.current, caller.principal, scope, place).kind === 'unknown') {
      throw new OAuthRefusal('invalid_target', 'MCP server not found', 404);
    }
    return ownerOf(caller.principal);
  }
}

/** For whom the tokens of a sign-in are from now on. Whoever was known before stays the one. @throws OAuthRefusal. */
function boundTo(grant: RelayGrant, owner: string | undefined): RelayGrant {
  if (grant.owner === undefined) return { ...grant, owner };
  if (owner === undefined || owner === grant.owner) return grant;
  throw new OAuthRefusal('invalid_grant', 'the sign-in is another user’s');
}

function rawAnswer({ accessToken, refreshToken, expiresAt, scope }: UpstreamTokenSet): RelayAnswer {
  return {
    access_token: accessToken,
    token_type: 'Bearer',
    ...(expiresAt === undefined ? {} : { expires_in: Math.max(0, Math.floor((expiresAt - Date.now()) / 1_000)) }),
    ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
    ...(scope === undefined ? {} : { scope }),
  };
}

/** What an upstream said, in the words of OAuth: a dead grant is the client's to know of, whatever else is not its fault. */
function relayed(error: unknown): unknown {
  if (!(error instanceof GatewayError)) return error;
  const { cause } = error;
  const code = cause instanceof TokenRefusal ? RELAYED.find((known) => known === cause.error) : undefined;
  if (code !== undefined && cause instanceof TokenRefusal) {
    return new OAuthRefusal(code, cause.description ?? code, 400, { cause: error });
  }
  if (error.code === 'upstream/login_required') {
    return new OAuthRefusal('invalid_grant', 'the sign-in at the server is over', 400, { cause: error });
  }
  return new OAuthRefusal('temporarily_unavailable', error.publicMessage, 503, { cause: error, retryAfterSeconds: 5 });
}
