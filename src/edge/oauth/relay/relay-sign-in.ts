import { createHash } from 'node:crypto';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Logger } from 'pino';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import {
  SignInRefusal,
  UpstreamAuthorization,
  type PendingAuthorization,
} from '../../../engine/upstream/oauth/upstream-authorization.js';
import { UpstreamDiscovery } from '../../../engine/upstream/oauth/upstream-discovery.js';
import { LOGGER } from '../../../platform/telemetry/logger.token.js';
import { credentialAddress } from '../../../state/credential/credential-address.js';
import { ownerOf, RelayTokens } from '../../../state/identity/relay-tokens.js';
import { answerAddress } from '../authorization-request.js';
import { BrowserCookies } from '../browser-cookies.js';
import { markup, sendPage } from '../browser-page.js';
import { BrowserSessions, type BrowserUser } from '../browser-sessions.js';
import { Clients } from '../clients.js';
import { Codes } from '../codes.js';
import { consentPage } from '../consent-page.js';
import { FlowStore } from '../flow.store.js';
import { OAuthRefusal } from '../oauth-refusal.js';
import { isLoopbackRedirect } from '../redirect-rules.js';
import { refuseClient } from '../refuse-client.js';
import { CALLBACK_PATH, UpstreamReturns, type BrowserReturn, type UpstreamReturn } from '../upstream-returns.js';
import type { RelayCode } from './relay-code.js';
import { readRelayRequest, readRelayReturn, type RelayRequest } from './relay-request.js';
import { RelayServers, type RelayServer } from './relay-server.js';

/** What waits for the browser while its user signs in at the server. */
interface Pending {
  readonly asked: RelayRequest;
  /** Whom the tokens will be bound to, if somebody was signed in here. */
  readonly owner: string | undefined;
  /** Undefined until the way there is known. */
  readonly pending: PendingAuthorization | undefined;
}

const FLOW_MS = 600_000;
/** RFC 6749 §4.1.2.1: what an upstream may say that our client is to hear as it is. */
const UPSTREAM_ERRORS = ['access_denied', 'invalid_scope', 'temporarily_unavailable', 'interaction_required'] as const;

/**
 * A browser at the issuer of a server: the request of a client is judged, the person is asked, then signs in at the server
 * itself, and comes back with a code. The person is asked for every client anew, before the server is: whoever has allowed one
 * client there has allowed no other (protocol page §4, confused deputy).
 */
@Injectable()
export class RelaySignIn implements UpstreamReturn, OnModuleInit {
  readonly kind = 'relay_return';
  readonly #logger: Logger;

  constructor(
    @Inject(RelayServers) private readonly servers: RelayServers,
    @Inject(Clients) private readonly clients: Clients,
    @Inject(FlowStore) private readonly flows: FlowStore,
    @Inject(Codes) private readonly codes: Codes,
    @Inject(BrowserCookies) private readonly cookies: BrowserCookies,
    @Inject(BrowserSessions) private readonly sessions: BrowserSessions,
    @Inject(UpstreamAuthorization) private readonly upstream: UpstreamAuthorization,
    @Inject(UpstreamDiscovery) private readonly discovery: UpstreamDiscovery,
    @Inject(RelayTokens) private readonly tokens: RelayTokens,
    @Inject(UpstreamReturns) private readonly returns: UpstreamReturns,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.#logger = logger.child({ room: 'oauth' });
  }

  onModuleInit(): void {
    this.returns.add(this);
  }

  /** Judges the request of a client, and shows what is asked. */
  async begin(request: Request, response: Response, server: RelayServer, parameters: URLSearchParams): Promise<void> {
    const judged = await readRelayReturn(parameters, server, this.clients);
    let asked: RelayRequest;
    try {
      asked = readRelayRequest(parameters, server, judged);
    } catch (error) {
      if (!(error instanceof OAuthRefusal)) throw error;
      return refuseClient(response, this.clients, judged, error);
    }
    const browser = this.cookies.ensureBrowser(request, response);
    const user = await this.sessions.current(request);
    if (user !== undefined && (await this.#wasAllowed(user, request, asked))) {
      return this.#goOn(response, server, asked, browser, user);
    }
    const flow = await this.flows.begin('relay', asked, { ttlMs: FLOW_MS, browser });
    const next = await this.#next(server);
    sendPage(
      response,
      consentPage({
        clientName: asked.clientName,
        clientHost: asked.clientHost,
        redirectUri: asked.redirectUri,
        resource: `${server.base}/mcp/${server.entry.name}`,
        next: { name: server.entry.name, host: next.host, source: next.origin },
        scopes: asked.scopes ?? next.scopes,
        signedInAs: user?.label,
        action: `${server.base}${server.issuerPath}/authorize`,
        fields: { flow, csrf: this.cookies.csrfToken(browser, flow) },
      }),
    );
  }

  /** The person has decided. */
  async decide(request: Request, response: Response, server: RelayServer, form: URLSearchParams): Promise<void> {
    const flow = form.get('flow') ?? '';
    const browser = this.cookies.browser(request);
    if (browser === undefined || !this.cookies.isOwnForm(request, browser, flow, form.get('csrf') ?? '')) {
      throw new OAuthRefusal('access_denied', 'this form was not sent by this browser, or is too old', 403);
    }
    const taken = await this.flows.take<RelayRequest>('relay', flow, browser);
    if (taken?.kind !== 'taken' || taken.payload.serverId !== server.entry.id) {
      throw new OAuthRefusal('access_denied', 'this request is over, or was begun in another browser', 403);
    }
    const asked = taken.payload;
    if (form.get('decision') !== 'allow') {
      return this.#answer(response, asked, { error: 'access_denied', error_description: 'the person said no' });
    }
    const user = await this.sessions.current(request);
    if (user !== undefined) await this.sessions.remember(user, request, consentOf(asked));
    await this.#goOn(response, server, asked, browser, user);
  }

  /** Back from the server: a code for the client, whatever the server said. */
  async resume({ request, response, payload, parameters }: BrowserReturn): Promise<void> {
    const { asked, owner, pending } = payload as Pending;
    const server = this.servers.byId(request, asked.serverId);
    if (server === undefined || pending === undefined) {
      return this.#answer(response, asked, { error: 'server_error', error_description: 'the server is gone' });
    }
    const { entry } = server;
    try {
      const set = await this.upstream.finish(entry, pending, parameters);
      const { clientId, redirectUri, challenge } = asked;
      const grant = this.tokens.newGrant({ serverId: entry.id, address: credentialAddress(entry), clientId, owner });
      const code: RelayCode = { clientId, redirectUri, challenge, grant, set };
      this.#answer(response, asked, { code: await this.codes.issue('relay_code', code) });
    } catch (error) {
      this.#answer(response, asked, this.#failure(error, entry.name));
    }
  }

  /** Sends the browser to the server. By a page and not by a redirect: where that leads on to, `form-action` would have to know. */
  async #goOn(
    response: Response,
    server: RelayServer,
    asked: RelayRequest,
    browser: string,
    user: BrowserUser | undefined,
  ): Promise<void> {
    const owner = user === undefined ? undefined : ownerOf(user.principal);
    const waiting: Pending = { asked, owner, pending: undefined };
    const state = await this.flows.begin(this.kind, waiting, { ttlMs: FLOW_MS, browser });
    let way: Awaited<ReturnType<UpstreamAuthorization['begin']>>;
    try {
      way = await this.upstream.begin(server.entry, {
        redirectUri: `${server.base}${CALLBACK_PATH}`,
        state,
        baseUrl: server.base,
        ...(asked.scopes === undefined ? {} : { scopes: asked.scopes }),
      });
    } catch (error) {
      return this.#answer(response, asked, this.#failure(error, server.entry.name));
    }
    await this.flows.change(this.kind, state, { ...waiting, pending: way.pending } satisfies Pending);
    const { host } = new URL(way.url);
    response.setHeader('Refresh', `0; url=${way.url}`);
    sendPage(response, {
      title: `On to ${host}`,
      body: markup`<p><a class="button" href="${way.url}">Sign in to ${server.entry.name} at ${host}</a></p>`,
    });
  }

  /** Where the person will be sent next, for the page. @throws OAuthRefusal for a page. */
  async #next({ entry }: RelayServer): Promise<{ host: string; origin: string; scopes: readonly string[] }> {
    try {
      const { server, scopes } = await this.discovery.find(entry, entry.auth);
      const url = URL.parse(server.authorization?.url ?? '');
      // In the incumbent's words (reference, Appendix E).
      if (url === null) throw new OAuthRefusal('invalid_request', 'MCP server authorization url is not set');
      return { host: url.host, origin: url.origin, scopes };
    } catch (error) {
      if (error instanceof OAuthRefusal || error instanceof GatewayError) throw error;
      this.#logger.warn({ err: error, server: entry.name }, 'where the users of a server sign in cannot be found out');
      throw new OAuthRefusal('temporarily_unavailable', 'the server cannot say where its users sign in', 502, {
        cause: error,
      });
    }
  }

  /** For the client: what the server said where it is for its ears, else in our words. */
  #failure(error: unknown, serverName: string): Readonly<Record<string, string>> {
    if (!(error instanceof GatewayError)) throw error;
    const { cause } = error;
    if (cause instanceof SignInRefusal) {
      const known = UPSTREAM_ERRORS.find((code) => code === cause.error) ?? 'access_denied';
      return { error: known, error_description: plain(cause.description ?? cause.error) };
    }
    this.#logger.warn({ err: error, server: serverName }, 'a sign-in at a server did not come to its end');
    return { error: 'server_error', error_description: plain(error.publicMessage) };
  }

  /** Any program can be behind an address on the user's own machine: there the person is asked every time (RFC 8252 §8.6). */
  async #wasAllowed(user: BrowserUser, request: Request, asked: RelayRequest): Promise<boolean> {
    if (!asked.redirectUri.startsWith('https:') || isLoopbackRedirect(asked.redirectUri)) return false;
    return this.sessions.wasAllowed(user, request, consentOf(asked));
  }

  #answer(
    response: Response,
    back: Parameters<typeof answerAddress>[0],
    answer: Readonly<Record<string, string>>,
  ): void {
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('Referrer-Policy', 'no-referrer');
    response.redirect(303, answerAddress(back, answer));
  }
}

/** What a person allowed: this client, to be sent there, for this server. */
function consentOf({ clientId, redirectUri, serverId, scopes }: RelayRequest): string {
  return createHash('sha256')
    .update(JSON.stringify(['relay', clientId, redirectUri, serverId, scopes ?? null]))
    .digest('base64url');
}

/** The characters of `error_description` (RFC 6749 §4.1.2.1). */
function plain(text: string): string {
  return text.replace(/[^\x20-\x21\x23-\x5B\x5D-\x7E]/g, ' ').slice(0, 300);
}
