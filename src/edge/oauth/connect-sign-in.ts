import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Logger } from 'pino';
import { isInteractive, type InteractiveServer } from '../../core/access/interactive-server.js';
import { GatewayError } from '../../core/errors/gateway-error.js';
import {
  SignInRefusal,
  UpstreamAuthorization,
  type PendingAuthorization,
} from '../../engine/upstream/oauth/upstream-authorization.js';
import { UpstreamDiscovery } from '../../engine/upstream/oauth/upstream-discovery.js';
import type { UpstreamTokenSet } from '../../engine/upstream/oauth/upstream-token-set.js';
import { PublicAddress } from '../../platform/http/public-address.js';
import { LOGGER } from '../../platform/telemetry/logger.token.js';
import { markup, sendPage } from './browser-page.js';
import { BrowserSessions } from './browser-sessions.js';
import { connectedPage } from './connect-page.js';
import { Connections, type Kept, type Person } from './connections.js';
import { FlowStore } from './flow.store.js';
import { OAuthRefusal } from './oauth-refusal.js';
import { CALLBACK_PATH, UpstreamReturns, type BrowserReturn, type UpstreamReturn } from './upstream-returns.js';

/** What waits for the browser while its user logs in at the server. */
interface Pending {
  readonly serverId: string;
  /** Whose the tokens will be. */
  readonly userId: string;
  /** A path of ours to go on to. */
  readonly next: string | undefined;
  /** Undefined until the way there is known. */
  readonly pending: PendingAuthorization | undefined;
}

const FLOW_MS = 600_000;

/**
 * A user logs in to a server, and the gateway keeps the tokens. Who is signed in at the browser when it comes back must be who
 * began it: a link that somebody else sent makes nobody's login anybody else's.
 */
@Injectable()
export class ConnectSignIn implements UpstreamReturn, OnModuleInit {
  readonly kind = 'connect';
  readonly #logger: Logger;

  constructor(
    @Inject(FlowStore) private readonly flows: FlowStore,
    @Inject(BrowserSessions) private readonly sessions: BrowserSessions,
    @Inject(Connections) private readonly connections: Connections,
    @Inject(UpstreamAuthorization) private readonly upstream: UpstreamAuthorization,
    @Inject(UpstreamDiscovery) private readonly discovery: UpstreamDiscovery,
    @Inject(UpstreamReturns) private readonly returns: UpstreamReturns,
    @Inject(PublicAddress) private readonly address: PublicAddress,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.#logger = logger.child({ room: 'oauth' });
  }

  onModuleInit(): void {
    this.returns.add(this);
  }

  /** Where users of the server log in, and for what; nothing when the server cannot say that now. */
  async destination(entry: InteractiveServer): Promise<{ host: string | undefined; scopes: readonly string[] }> {
    try {
      const { server, scopes } = await this.discovery.find(entry, entry.auth);
      return { host: URL.parse(server.authorization?.url ?? '')?.host, scopes };
    } catch (error) {
      this.#logger.warn({ err: error, server: entry.name }, 'where the users of a server log in cannot be found out');
      return { host: undefined, scopes: entry.auth.scopes };
    }
  }

  /** Sends the browser to the server. By a page: where that leads on to, `form-action` would have to know. @throws GatewayError. */
  async begin(
    request: Request,
    response: Response,
    browser: string,
    entry: InteractiveServer,
    who: { readonly person: Person; readonly scopes: readonly string[] | undefined; readonly next: string | undefined },
  ): Promise<void> {
    const baseUrl = this.address.baseUrl(request);
    const { person, scopes, next } = who;
    const waiting: Pending = { serverId: entry.id, userId: person.userId, next, pending: undefined };
    const state = await this.flows.begin(this.kind, waiting, { ttlMs: FLOW_MS, browser });
    const way = await this.upstream.begin(entry, {
      redirectUri: `${baseUrl}${CALLBACK_PATH}`,
      state,
      baseUrl,
      ...(scopes === undefined ? {} : { scopes }),
    });
    await this.flows.change(this.kind, state, { ...waiting, pending: way.pending } satisfies Pending);
    const { host } = new URL(way.url);
    response.setHeader('Refresh', `0; url=${way.url}`);
    sendPage(response, {
      title: `On to ${host}`,
      body: markup`<p><a class="button" href="${way.url}">Log in to ${entry.name} at ${host}</a></p>`,
    });
  }

  async resume({ request, response, payload, parameters }: BrowserReturn): Promise<void> {
    const { serverId, userId, next, pending } = payload as Pending;
    const user = await this.sessions.current(request);
    if (user?.principal.userId !== userId || pending === undefined) {
      throw new OAuthRefusal('access_denied', 'somebody else is signed in here than who began to connect', 403);
    }
    const entry = this.connections.serverById(serverId);
    if (entry === undefined || !isInteractive(entry))
      throw new OAuthRefusal('invalid_request', 'the server is gone', 404);
    // What they may see may have changed meanwhile.
    this.connections.serverFor(request, user.principal, entry.id);
    const set = await this.#finish(entry, pending, parameters);
    await this.connections.keepTokens(this.connections.personOf(user.principal), entry, set);
    if (next === undefined) return sendPage(response, connectedPage(entry.name));
    response.redirect(303, `${this.address.baseUrl(request)}${next}`);
  }

  /** Drops it here, and tells the authorization server if that can be told. */
  async drop(person: Person, entry: InteractiveServer, { tokens }: Kept): Promise<void> {
    await this.connections.dropTokens(person, entry);
    if (tokens?.status !== 'active') return;
    const set = JSON.parse(tokens.secret.reveal()) as Partial<UpstreamTokenSet>;
    const { accessToken, issuer, clientRef } = set;
    if (accessToken === undefined || issuer === undefined || clientRef === undefined) return;
    try {
      await this.upstream.revoke(entry, { ...set, accessToken, issuer, clientRef });
    } catch (error) {
      this.#logger.warn({ err: error, server: entry.name }, 'tokens that a user dropped could not be revoked');
    }
  }

  async #finish(
    entry: InteractiveServer,
    pending: PendingAuthorization,
    parameters: URLSearchParams,
  ): Promise<UpstreamTokenSet> {
    try {
      return await this.upstream.finish(entry, pending, parameters);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      const { cause } = error;
      if (cause instanceof SignInRefusal) {
        throw new OAuthRefusal('access_denied', `${entry.name} did not let you in (${cause.error})`, 403, { cause });
      }
      this.#logger.warn({ err: error, server: entry.name }, 'a login at a server did not come to its end');
      throw error;
    }
  }
}
