import type { IncomingMessage, ServerResponse } from 'node:http';
import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { GatewayError } from '../../core/errors/gateway-error.js';
import { EMPTY_VIEW } from '../../core/access/empty-view.js';
import { resolveView, type CallerPlace } from '../../core/access/resolve-view.js';
import type { AccessView } from '../../core/model/access-view.js';
import { isModernVersion } from '../../core/protocol/modern/modern-version.js';
import type { Limits } from '../../core/model/limits.js';
import type { Place } from '../../core/model/place.js';
import type { Principal } from '../../core/model/principal.js';
import { SessionStore, type FoundSession } from '../../engine/session/session-store.js';
import { DOOR_SETTINGS, LIMITS, LISTEN_SETTINGS } from '../../platform/config/tokens.js';
import type { DoorSettings, ListenSettings } from '../../platform/config/settings.js';
import { WORKER, type Worker } from '../../platform/config/worker.js';
import { PublicAddress } from '../../platform/http/public-address.js';
import { LOGGER } from '../../platform/telemetry/logger.token.js';
import { Authenticator, type AuthenticationResult } from '../../state/identity/authenticator.js';
import { refusalError, type RefusalReason } from '../../state/identity/refusal.js';
import { opensRoute } from '../../state/identity/route-access.js';
import { RegistryService } from '../../state/registry/registry.service.js';
import { callerContext } from './caller-context.js';
import { corsHeaders, isPreflight } from './cors.js';
import { answerError } from './answer-error.js';
import { identityChallenge } from './challenge.js';
import { DEBUG_HEADER, debugHeaders } from './debug-headers.js';
import { HostGuard } from './host-guard.js';
import { LegacySseDoor } from './legacy-sse-door.js';
import { ListChangeNotices } from './list-change-notices.js';
import { ListenStreams } from './modern-listen-streams.js';
import { LiveRequest, type LiveRequestDoor } from './live-request.js';
import { OfferCallers } from './offer-callers.js';
import { PeerPass, SERVED_BY_HEADER, type Pass } from './peer-pass.js';
import { PeerRelay } from './peer-relay.js';
import { readScope } from './read-scope.js';
import { RestDoor } from './rest-door.js';
import { RouteTable } from './route.js';
import { SessionRouter } from './session-router.js';
import { StreamableDoor } from './streamable-door.js';
import { toGatewayError } from './render-error.js';
import { UpstreamSignIn } from './upstream-sign-in.js';

const INSIDE: CallerPlace = Object.freeze({ external: false });
const OUTSIDE: CallerPlace = Object.freeze({ external: true });

/**
 * Stands on the HTTP server before Express and takes MCP traffic; what it declines goes to Nest. Admits a request (Host,
 * Origin, credential, scope) and hands it to the door of its transport. A Nest provider by injection and lifecycle, but
 * none of Nest's per-request layers are on this path: they would cost several times what a call does.
 */
@Injectable()
export class FrontDoor implements BeforeApplicationShutdown, LiveRequestDoor {
  readonly #routes: RouteTable;
  readonly #hosts: HostGuard;
  readonly #isGatewayKey = (value: string): boolean => this.authenticator.isGatewayKey(value);
  #active = 0;
  #onIdle: (() => void) | undefined;

  constructor(
    @Inject(DOOR_SETTINGS) private readonly settings: DoorSettings,
    @Inject(LISTEN_SETTINGS) listen: ListenSettings,
    @Inject(Authenticator) private readonly authenticator: Authenticator,
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(SessionStore) private readonly sessions: SessionStore,
    @Inject(StreamableDoor) private readonly streamable: StreamableDoor,
    @Inject(LegacySseDoor) private readonly sse: LegacySseDoor,
    @Inject(RestDoor) private readonly rest: RestDoor,
    @Inject(SessionRouter) private readonly router: SessionRouter,
    @Inject(PeerPass) private readonly passes: PeerPass,
    @Inject(PeerRelay) private readonly relay: PeerRelay,
    @Inject(ListChangeNotices) private readonly notices: ListChangeNotices,
    @Inject(ListenStreams) private readonly listening: ListenStreams,
    @Inject(PublicAddress) private readonly address: PublicAddress,
    @Inject(OfferCallers) private readonly callers: OfferCallers,
    @Inject(UpstreamSignIn) private readonly signIn: UpstreamSignIn,
    @Inject(WORKER) private readonly worker: Worker,
    @Inject(LIMITS) private readonly limits: Limits,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#routes = new RouteTable(settings.rootPath);
    this.#hosts = new HostGuard(settings, listen);
    if (this.#hosts.acceptsAnyHost) {
      logger.warn(
        'any Host header is accepted: set PROXY_BASE_URL or general_settings.allowed_hosts to the names clients use',
      );
    }
  }

  /** True when the request is ours and will be answered here; false hands it to Nest. */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    const target = request.url ?? '/';
    const mark = target.indexOf('?');
    const route = this.#routes.find(mark === -1 ? target : target.slice(0, mark));
    if (route === undefined) return false;
    void this.#serve(new LiveRequest(route, mark === -1 ? '' : target.slice(mark + 1), request, response, this));
    return true;
  }

  /**
   * The server accepts no connections any more. Open streams end with a hint when to come back; running calls are
   * waited for, up to `limits.shutdownGraceMs`.
   */
  async beforeApplicationShutdown(): Promise<void> {
    for (const session of this.sessions.all()) for (const stream of session.streams) stream.end();
    this.listening.endAll();
    if (this.#active === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onIdle = resolve;
    const timer = setTimeout(resolve, this.limits.shutdownGraceMs);
    await promise;
    clearTimeout(timer);
  }

  async #serve(live: LiveRequest): Promise<void> {
    this.#active += 1;
    try {
      await this.#admit(live);
    } catch (thrown) {
      this.#refuse(live, toGatewayError(thrown));
    } finally {
      live.settle();
      this.#active -= 1;
      if (this.#active === 0) this.#onIdle?.();
    }
  }

  /** The one place where a request is answered with an error of the door. */
  #refuse(live: LiveRequest, error: GatewayError): void {
    const { route, request, response, headers } = live;
    const callId = randomUUID();
    const level = error.kind.logLevel;
    this.logger[level]({ callId, code: error.code, err: error, door: route.door }, 'request refused');
    if (error.code === 'auth/required') {
      const { address, settings, registry } = this;
      headers['WWW-Authenticate'] = identityChallenge(address, settings.rootPath, request, route, registry.current);
    }
    const upstream = this.signIn.challengeOf(error, request);
    if (upstream !== undefined) headers['WWW-Authenticate'] = upstream;
    answerError(route, request, response, error, headers, callId);
  }

  /** Throws what is wrong with the request before anything was done for it. */
  #admit(live: LiveRequest): Promise<void> | undefined {
    const { request, response, headers } = live;
    const pass = this.passes.read(request);
    if (pass !== undefined) {
      live.pass = pass;
      const { place } = this.worker;
      if (pass.target.tag !== place.tag) return this.#passOn(live, pass);
      headers[SERVED_BY_HEADER] = place.tag;
    } else if (!this.#hosts.allows(request)) {
      throw new GatewayError('http/forbidden_host', {
        detail: 'add it to general_settings.allowed_hosts or allowed_origins if it is yours',
      });
    }
    Object.assign(headers, corsHeaders(request));
    if (isPreflight(request)) {
      response.writeHead(204, headers).end();
      return undefined;
    }
    return this.#authenticate(live);
  }

  /** For a sibling of this process, who will look at it; one for another replica came to the wrong address. */
  async #passOn({ request, response }: LiveRequest, pass: Pass): Promise<void> {
    const isSibling = pass.target.replica === this.worker.place.replica;
    if (isSibling && (await this.relay.relay(pass.target, request, response, { incoming: pass })) === 'answered')
      return;
    throw new GatewayError('http/misdirected');
  }

  #authenticate(live: LiveRequest): Promise<void> | undefined {
    const caller = this.authenticator.authenticate(live.request.headers, live);
    // A warm key is known at once: nothing is awaited on the path of its calls.
    return caller instanceof Promise ? caller.then((known) => this.#enter(known, live)) : this.#enter(caller, live);
  }

  #enter(caller: AuthenticationResult, live: LiveRequest): Promise<void> | undefined {
    if (caller.kind === 'refused') {
      this.logger.debug({ reason: caller.reason }, 'credential refused');
      throw refusalError(caller.reason);
    }
    const { principal } = caller;
    if (principal.routes !== undefined) requireMcpRoute(principal, live.request);
    if (!live.hold(caller.identity)) return this.#authenticate(live);
    const { request } = live;
    const scope = readScope(live.route, live.query, request.headers);
    const place = this.address.isExternal(request, live.pass?.address) ? OUTSIDE : INSIDE;
    live.context = callerContext(this.registry.current, principal, scope, place, request.headers, {
      sharedHeader: this.settings.clientSideAuthHeader,
      upstreamAuthorization: caller.upstreamAuthorization,
      isGatewayKey: this.#isGatewayKey,
    });
    if (live.context.view.wantsCaller) {
      const baseUrl = this.address.baseUrl(request, live.pass?.address);
      const whoCalls = this.callers.read(live.context, request.headers, baseUrl);
      live.context = { ...live.context, offer: { ...live.context.offer, caller: whoCalls } };
      // Whoever is sent to sign in may want to know as well.
      if (request.headers[DEBUG_HEADER] !== undefined) this.#explain(live);
      const admitted = this.signIn.admit(live, caller.upstreamAuthorization);
      if (admitted !== undefined) return admitted.then(() => this.#dispatch(live, principal));
    }
    return this.#dispatch(live, principal);
  }

  #explain({ context, request, headers }: LiveRequest): void {
    const said = debugHeaders(context, request.headers, { isGatewayKey: this.#isGatewayKey });
    const exposed = headers['Access-Control-Expose-Headers'];
    if (exposed !== undefined) {
      headers['Access-Control-Expose-Headers'] = [...new Set([...exposed.split(', '), ...Object.keys(said)])].join(
        ', ',
      );
    }
    Object.assign(headers, said);
  }

  #dispatch(live: LiveRequest, principal: Principal): Promise<void> | undefined {
    const { route, request, query } = live;
    if (request.headers[DEBUG_HEADER] !== undefined) this.#explain(live);
    switch (route.door) {
      case 'mcp':
      case 'toolset': {
        const sessionId = request.headers['mcp-session-id'];
        const isSessionless = isModernVersion(request.headers['mcp-protocol-version']);
        if (typeof sessionId !== 'string' || isSessionless) return this.streamable.serve(live);
        const found = this.sessions.find(sessionId, principal);
        if (found.kind === 'unknown') throw new GatewayError('session/unknown');
        if (found.kind === 'away') return this.#route(live, sessionId, found);
        live.session = found.session;
        return this.streamable.serve(live);
      }
      case 'sse':
        live.names = route.names;
        this.sse.open(live);
        return undefined;
      case 'messages': {
        const sessionId = new URLSearchParams(query).get('session_id');
        const home = sessionId === null ? undefined : this.sse.elsewhere(sessionId, principal);
        if (home !== undefined) return this.#passToStream(live, home);
        live.names = route.names;
        return this.sse.post(live, sessionId);
      }
      case 'rest-list':
        return this.rest.list(live, new URLSearchParams(query).get('server_id'));
      case 'rest-call':
        return this.rest.call(live);
    }
  }

  async #route(live: LiveRequest, sessionId: string, found: FoundSession & { kind: 'away' }): Promise<void> {
    live.session = await this.router.route(live, sessionId, found);
    if (live.session !== undefined) await this.streamable.serve(live);
  }

  /** A session of the old transport lives and dies with its stream. */
  async #passToStream({ request, response, pass }: LiveRequest, home: Place): Promise<void> {
    const isLost = pass !== undefined || home.tag === this.worker.place.tag;
    if (!isLost && (await this.relay.relay(home, request, response)) === 'answered') return;
    throw new GatewayError('session/unknown', { detail: 'Could not find session' });
  }

  /** What the caller of a running request may see now. */
  currentView(live: LiveRequest): AccessView | undefined {
    const { principal, scope, place } = live.context;
    const decision = resolveView(this.registry.current, live.identity?.principal ?? principal, scope, place);
    return decision.kind === 'view' ? decision.view : undefined;
  }

  /** The credential is good for nothing any more: so is everything that was begun with it. */
  onRefused(live: LiveRequest, reason: RefusalReason): void {
    const { response } = live;
    this.logger.info({ reason, door: live.route.door }, 'a running request ends with its credential');
    if (!response.headersSent) this.#refuse(live, refusalError(reason));
    else if (response.writableLength > 0) response.destroy();
    else response.end();
  }

  /** The same caller may see something else: what runs goes on, what comes next is decided anew. */
  onChanged(live: LiveRequest): void {
    const { context } = live;
    const principal = live.identity?.principal ?? context.principal;
    live.context = { ...context, principal, view: this.currentView(live) ?? EMPTY_VIEW };
    this.notices.principalChanged(principal.id);
  }
}

/** Keys made for the control plane only do not reach servers (reference §3). */
function requireMcpRoute(principal: Principal, { url = '/' }: IncomingMessage): void {
  const mark = url.indexOf('?');
  if (opensRoute(principal, 'mcp', mark === -1 ? url : url.slice(0, mark))) return;
  throw new GatewayError('auth/forbidden', { detail: 'this key is not allowed to use MCP routes' });
}
