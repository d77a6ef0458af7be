import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { Limits } from '../../core/model/limits.js';
import { isClientMethod, type ClientMethod } from '../../core/protocol/client-methods.js';
import { errorText, resultText, type RpcMessage } from '../../core/protocol/rpc-message.js';
import type { LegacyVersion } from '../../core/protocol/versions.js';
import { Catalog } from '../../engine/catalog/catalog.js';
import type { ClientSession } from '../../engine/session/client-session.js';
import { SessionStore } from '../../engine/session/session-store.js';
import type { ClientInteraction } from '../../engine/upstream/client-interaction.js';
import { UpstreamPool } from '../../engine/upstream/upstream-pool.js';
import { CallControl, type UpstreamOwner } from '../../engine/upstream/upstream.js';
import { LIMITS } from '../../platform/config/tokens.js';
import { CallMetrics } from '../../platform/telemetry/call-metrics.js';
import { LOGGER } from '../../platform/telemetry/logger.token.js';
import { Ledger } from '../../state/usage/ledger.js';
import type { Answer, Call } from './call.js';
import type { CallerContext } from './caller-context.js';
import { Elsewhere } from './elsewhere.js';
import { callTool } from './method/call-tool.js';
import { complete } from './method/complete.js';
import type { Engine } from './method/forward.js';
import { getPrompt } from './method/get-prompt.js';
import { list } from './method/list.js';
import { readResource } from './method/read-resource.js';
import { subscribeResource, unsubscribeResource } from './method/subscribe-resource.js';
import { setLevel } from './method/set-level.js';
import { modernTask } from './method/modern-tasks.js';
import { listTasks, oneTask } from './method/tasks.js';
import type { ModernFacts } from './modern-facts.js';
import { pageToVisit, wasVisited } from './page-to-visit.js';
import { PendingVisits } from './pending-visits.js';
import { PrincipalOwners } from './principal-owners.js';
import { rpcErrorObject, toGatewayError } from './render-error.js';

type Method = (engine: Engine, call: Call) => Promise<Answer>;

const METHODS: Readonly<Record<Exclude<ClientMethod, 'initialize'>, Method>> = {
  ping: () => Promise.resolve({ kind: 'result', text: '{}' }),
  'tools/list': (engine, call) => list('tools', engine, call),
  'tools/call': callTool,
  'prompts/list': (engine, call) => list('prompts', engine, call),
  'prompts/get': getPrompt,
  'resources/list': (engine, call) => list('resources', engine, call),
  'resources/templates/list': (engine, call) => list('templates', engine, call),
  'resources/read': readResource,
  'resources/subscribe': subscribeResource,
  'resources/unsubscribe': unsubscribeResource,
  'completion/complete': complete,
  'logging/setLevel': setLevel,
  'tasks/get': oneTask,
  'tasks/result': oneTask,
  'tasks/list': listTasks,
  'tasks/cancel': oneTask,
};

/** Of the modern era: its tasks are others (SEP-2663). */
const MODERN_METHODS: Readonly<Record<string, Method>> = {
  ...METHODS,
  'tasks/get': modernTask,
  'tasks/update': modernTask,
  'tasks/cancel': modernTask,
};

/** Not worth a row in the ledger. */
const UNRECORDED: ReadonlySet<string> = new Set(['ping', 'logging/setLevel']);

/** One request to serve, as a transport hands it over. */
export interface ServeRequest {
  readonly context: CallerContext;
  readonly message: RpcMessage;
  /** Raw text of the request id; `null` where the client gave none. */
  readonly idText: string;
  readonly session: ClientSession | undefined;
  readonly version: LegacyVersion;
  readonly control: CallControl;
  /** Whom servers may ask in the middle of it. */
  readonly client?: ClientInteraction | undefined;
  readonly emit: (text: string) => void | Promise<void>;
  readonly onPolled?: (retryMs: number) => void;
  /** Of a client of the modern era, and how it wants its reply. */
  readonly modern?: ModernFacts & Rendering;
  /** Whose upstream sessions it runs on; absent: the session's, or those of the principal's sessionless calls. */
  readonly owner?: UpstreamOwner;
}

/** Writes the whole JSON-RPC reply in the words of an era. */
export interface Rendering {
  /** May throw a GatewayError, which is answered instead. */
  answer(answer: Answer): string;
  error(error: GatewayError, callId: string): string;
}

/** The reply to one request: its text, and the error behind it if the gateway itself refused. */
export interface Served {
  readonly text: string;
  readonly error: GatewayError | undefined;
}

/** Method → function; counts, records and renders what comes of it. Every protocol door ends here. */
@Injectable()
export class Dispatcher {
  readonly engine: Engine;
  readonly #inFlight = new Map<string, number>();
  #running = 0;

  constructor(
    @Inject(Catalog) catalog: Catalog,
    @Inject(UpstreamPool) upstreams: UpstreamPool,
    @Inject(SessionStore) sessions: SessionStore,
    @Inject(PrincipalOwners) private readonly owners: PrincipalOwners,
    @Inject(PendingVisits) private readonly visits: PendingVisits,
    @Inject(Ledger) private readonly ledger: Ledger,
    @Inject(CallMetrics) private readonly metrics: CallMetrics,
    @Inject(LIMITS) private readonly limits: Limits,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.engine = { catalog, sessions, upstreams };
  }

  /** Calls being served now. */
  get running(): number {
    return this.#running;
  }

  /** Serves one request to its reply. Throws only `http/too_many` and {@link Elsewhere}, before anything was done. */
  async serve(request: ServeRequest): Promise<Served> {
    const { context, message, session, control } = request;
    const principalId = context.principal.id;
    this.#enter(principalId);
    session?.calls.set(request.idText, control);
    const startedAt = Date.now();
    const clock = performance.now();
    const method = String(message.value['method']);
    const callId = randomUUID();
    let answer: Answer | undefined;
    let error: GatewayError | undefined;
    let outcome: string | undefined;
    let text: string;
    try {
      const serve = request.modern === undefined ? legacyMethod(method) : MODERN_METHODS[method];
      if (serve === undefined) throw new GatewayError('rpc/method_not_found', { detail: method });
      answer = await this.#carryOut(serve, request, this.#call(request, method, callId));
      text =
        request.modern === undefined
          ? (answer.kind === 'result' ? resultText : errorText)(request.idText, answer.text)
          : request.modern.answer(answer);
    } catch (thrown) {
      if (thrown instanceof Elsewhere) throw thrown;
      const failure = context.asChallenge?.(toGatewayError(thrown)) ?? toGatewayError(thrown);
      this.#log(failure, method, callId);
      outcome = failure.code;
      answer = pageToVisit(failure, request, this.visits);
      if (answer !== undefined) text = request.modern?.answer(answer) ?? errorText(request.idText, answer.text);
      else {
        error = failure;
        text = request.modern?.error(error, callId) ?? errorText(request.idText, rpcErrorObject(error, callId));
      }
    } finally {
      if (session?.calls.get(request.idText) === control) session.calls.delete(request.idText);
      this.#leave(principalId);
    }
    const durationMs = performance.now() - clock;
    outcome ??= outcomeOf(answer);
    this.metrics.observe(method, answer?.serverName, outcome, durationMs);
    if (!UNRECORDED.has(method)) {
      this.ledger.record({
        callId,
        startedAt,
        principal: context.principal,
        method,
        serverId: answer?.serverId,
        serverName: answer?.serverName,
        target: answer?.target,
        outcome,
        durationMs,
        requestBytes: message.text.length,
        resultBytes: text.length,
      });
    }
    return { text, error };
  }

  /** Once more when it failed for want of what its user has brought meanwhile: nothing was sent to the server before. */
  async #carryOut(serve: Method, request: ServeRequest, call: Call): Promise<Answer> {
    try {
      return await serve(this.engine, call);
    } catch (thrown) {
      if (!(await wasVisited(thrown, request, this.visits))) throw thrown;
    }
    return serve(this.engine, call);
  }

  #call(request: ServeRequest, method: string, callId: string): Call {
    const { context, session } = request;
    return {
      callId,
      principal: context.principal,
      offer: context.offer,
      owner: session ?? request.owner ?? this.owners.of(context.principal),
      view: context.view,
      message: request.message,
      method,
      session,
      version: request.version,
      modern: request.modern,
      control: request.control,
      client: request.client,
      emit: request.emit,
      onPolled: request.onPolled,
    };
  }

  #enter(principalId: string): void {
    const running = this.#inFlight.get(principalId) ?? 0;
    if (running >= this.limits.callsPerPrincipalMax) {
      throw new GatewayError('http/too_many', {
        detail: `at most ${this.limits.callsPerPrincipalMax} calls at once per key (limits.calls_per_key)`,
        retryAfterSeconds: 1,
      });
    }
    this.#inFlight.set(principalId, running + 1);
    this.#running += 1;
  }

  #leave(principalId: string): void {
    this.#running -= 1;
    const running = (this.#inFlight.get(principalId) ?? 1) - 1;
    if (running === 0) this.#inFlight.delete(principalId);
    else this.#inFlight.set(principalId, running);
  }

  #log(error: GatewayError, method: string, callId: string): void {
    const { logLevel } = error.kind;
    if (this.logger.isLevelEnabled(logLevel)) {
      this.logger[logLevel]({ callId, method, code: error.code, err: error }, 'call failed');
    }
  }
}

function legacyMethod(method: string): Method | undefined {
  return isClientMethod(method) && method !== 'initialize' ? METHODS[method] : undefined;
}

function outcomeOf(answer: Answer | undefined): string {
  if (answer?.kind === 'error') return 'rpc_error';
  return answer?.isToolError === true ? 'tool_error' : 'ok';
}
