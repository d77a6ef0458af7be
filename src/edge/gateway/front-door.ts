import type { IncomingMessage, ServerResponse } from 'node:http';
import { randomUUID } from 'node:crypto';
import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { GatewayError } from '../../core/errors/gateway-error.js';
import { resolveView, type CallerPlace } from '../../core/access/resolve-view.js';
import type { Limits } from '../../core/model/limits.js';
import type { Principal } from '../../core/model/principal.js';
import { SessionStore } from '../../engine/session/session-store.js';
import { DOOR_SETTINGS, LIMITS, LISTEN_SETTINGS } from '../../platform/config/tokens.js';
import type { DoorSettings, ListenSettings } from '../../platform/config/settings.js';
import { PublicAddress } from '../../platform/http/public-address.js';
import { LOGGER } from '../../platform/telemetry/logger.token.js';
import { Authenticator, type AuthenticationResult } from '../../state/identity/authenticator.js';
import { refusalError } from '../../state/identity/refusal.js';
import { opensRoute } from '../../state/identity/route-access.js';
import { RegistryService } from '../../state/registry/registry.service.js';
import { callerContext, type CallerContext } from './caller-context.js';
import { corsHeaders, isPreflight } from './cors.js';
import { answerError } from './answer-error.js';
import { challenge } from './challenge.js';
import { HostGuard } from './host-guard.js';
import { LegacySseDoor } from './legacy-sse-door.js';
import { readScope } from './read-scope.js';
import { RestDoor } from './rest-door.js';
import { RouteTable, type Route } from './route.js';
import { SiblingRelay } from './sibling-relay.js';
import { StreamableDoor } from './streamable-door.js';
import { toGatewayError } from './render-error.js';

const INSIDE: CallerPlace = Object.freeze({ external: false });
const OUTSIDE: CallerPlace = Object.freeze({ external: true });

/**
 * Stands on the HTTP server before Express and takes MCP traffic; what it declines goes to Nest. Admits a request (Host,
 * Origin, credential, scope) and hands it to the door of its transport. A Nest provider by injection and lifecycle, but
 * none of Nest's per-request layers are on this path: they would cost several times what a call does.
 */
@Injectable()
export class FrontDoor implements BeforeApplicationShutdown {
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
    @Inject(SiblingRelay) private readonly siblings: SiblingRelay,
    @Inject(PublicAddress) private readonly address: PublicAddress,
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
    void this.#serve(route, mark === -1 ? '' : target.slice(mark + 1), request, response);
    return true;
  }

  /**
   * The server accepts no connections any more. Open streams end with a hint when to come back; running calls are
   * waited for, up to `limits.shutdownGraceMs`.
   */
  async beforeApplicationShutdown(): Promise<void> {
    for (const session of this.sessions.all()) for (const stream of session.streams) stream.end();
    if (this.#active === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onIdle = resolve;
    const timer = setTimeout(resolve, this.limits.shutdownGraceMs);
    await promise;
    clearTimeout(timer);
  }

  async #serve(route: Route, query: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#active += 1;
    const headers: Record<string, string> = {};
    try {
      await this.#admit(route, query, request, response, headers);
    } catch (thrown) {
      const callId = randomUUID();
      const error = toGatewayError(thrown);
      const level = error.kind.logLevel;
      this.logger[level]({ callId, code: error.code, err: error, door: route.door }, 'request refused');
      if (error.code === 'auth/required') {
        headers['WWW-Authenticate'] = challenge(this.address, this.settings.rootPath, request);
      }
      answerError(route, request, response, error, headers, callId);
    } finally {
      this.#active -= 1;
      if (this.#active === 0) this.#onIdle?.();
    }
  }

  /** Throws what is wrong with the request before anything was done for it. */
  #admit(
    route: Route,
    query: string,
    request: IncomingMessage,
    response: ServerResponse,
    headers: Record<string, string>,
  ): Promise<void> | undefined {
    if (!this.#hosts.allows(request)) {
      throw new GatewayError('http/forbidden_host', {
        detail: 'add it to general_settings.allowed_hosts or allowed_origins if it is yours',
      });
    }
    Object.assign(headers, corsHeaders(request));
    if (isPreflight(request)) {
      response.writeHead(204, headers).end();
      return undefined;
    }
    const caller = this.authenticator.authenticate(request.headers);
    // A warm key is known at once: nothing is awaited on the path of its calls.
    if (caller instanceof Promise) {
      return caller.then((known) => this.#enter(known, route, query, request, response, headers));
    }
    return this.#enter(caller, route, query, request, response, headers);
  }

  #enter(
    caller: AuthenticationResult,
    route: Route,
    query: string,
    request: IncomingMessage,
    response: ServerResponse,
    headers: Record<string, string>,
  ): Promise<void> | undefined {
    if (caller.kind === 'refused') {
      this.logger.debug({ reason: caller.reason }, 'credential refused');
      throw refusalError(caller.reason);
    }
    if (caller.principal.routes !== undefined) requireMcpRoute(caller.principal, request);
    const { principal } = caller;
    const scope = readScope(route, query, request.headers);
    const place = this.address.isExternal(request, this.siblings.peerOf(request)) ? OUTSIDE : INSIDE;
    const context = callerContext(this.registry.current, principal, scope, place, request.headers, {
      sharedHeader: this.settings.clientSideAuthHeader,
      upstreamAuthorization: caller.upstreamAuthorization,
      isGatewayKey: this.#isGatewayKey,
    });
    return this.#dispatch(route, query, request, response, headers, principal, context);
  }

  #dispatch(
    route: Route,
    query: string,
    request: IncomingMessage,
    response: ServerResponse,
    headers: Record<string, string>,
    principal: Principal,
    context: CallerContext,
  ): Promise<void> | undefined {
    const currentView = (): CallerContext['view'] | undefined => this.#view(principal, context);
    switch (route.door) {
      case 'mcp':
      case 'toolset': {
        const sessionId = request.headers['mcp-session-id'];
        if (typeof sessionId !== 'string') {
          return this.streamable.serve({ request, response, headers, context, session: undefined, currentView });
        }
        const found = this.sessions.find(sessionId, principal);
        if (found.kind === 'unknown') throw new GatewayError('session/unknown');
        if (found.kind === 'elsewhere') return this.siblings.relay(found.worker, request, response);
        return this.streamable.serve({
          request,
          response,
          headers,
          context,
          session: found.session,
          currentView,
        });
      }
      case 'sse':
        this.sse.open({ request, response, headers, context, names: route.names, currentView });
        return undefined;
      case 'messages': {
        const sessionId = new URLSearchParams(query).get('session_id');
        const worker = sessionId === null ? undefined : this.sse.elsewhere(sessionId, principal);
        if (worker !== undefined) return this.siblings.relay(worker, request, response);
        const { names } = route;
        return this.sse.post({ request, response, headers, context, names, currentView }, sessionId);
      }
      case 'rest-list':
        return this.rest.list(
          { request, response, headers, context, snapshot: this.registry.current },
          new URLSearchParams(query).get('server_id'),
        );
      case 'rest-call':
        return this.rest.call({ request, response, headers, context, snapshot: this.registry.current });
    }
  }

  #view(principal: Principal, { scope, place }: CallerContext): CallerContext['view'] | undefined {
    const decision = resolveView(this.registry.current, principal, scope, place);
    return decision.kind === 'view' ? decision.view : undefined;
  }
}

/** Keys made for the control plane only do not reach servers (reference §3). */
function requireMcpRoute(principal: Principal, { url = '/' }: IncomingMessage): void {
  const mark = url.indexOf('?');
  if (opensRoute(principal, 'mcp', mark === -1 ? url : url.slice(0, mark))) return;
  throw new GatewayError('auth/forbidden', { detail: 'this key is not allowed to use MCP routes' });
}
