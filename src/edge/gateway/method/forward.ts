import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { ServerView } from '../../../core/model/access-view.js';
import { isShown, type LogLevel } from '../../../core/protocol/log-level.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';
import { toLegacyParams } from '../../../core/protocol/modern/legacy-request.js';
import { isModernVersion } from '../../../core/protocol/modern/modern-version.js';
import { withMembersSet } from '../../../core/protocol/modern/object-text.js';
import type { MirroredArgument } from '../../../core/protocol/modern/param-headers.js';
import {
  readParams,
  progressTokenText,
  rewriteParams,
  withProgressToken,
  type RequestParams,
} from '../../../core/protocol/request-params.js';
import { rawMember, requestText, type RpcMessage } from '../../../core/protocol/rpc-message.js';
import type { Catalog } from '../../../engine/catalog/catalog.js';
import { kindsChangedBy } from '../../../engine/catalog/list-kind.js';
import type { SessionStore } from '../../../engine/session/session-store.js';
import type { ResolvedCredential, UpstreamInfo, Upstreams } from '../../../engine/upstream/upstream.js';
import type { Answer, Call } from '../call.js';
import { Elsewhere } from '../elsewhere.js';

/** What methods need of the engine. */
export interface Engine {
  readonly catalog: Catalog;
  readonly sessions: SessionStore;
  readonly upstreams: Upstreams;
}

/** One request on its way to one server. */
export interface Forwarding {
  readonly server: ServerView;
  readonly params: RequestParams;
  /** Members of params to replace, by raw JSON text: the upstream's own names. */
  readonly replace: Readonly<Record<string, string>>;
  /** May be repeated after a lost session. */
  readonly repeatable: boolean;
  /** What was asked for, in the upstream's words; for the ledger. */
  readonly target: string;
  /** Where it is not the caller's. */
  readonly method?: string;
  /** Longest silence, where it is not the server's. */
  readonly idleTimeoutMs?: number | undefined;
  /** Arguments that headers repeat, towards servers that want that. */
  readonly mirrored?: readonly MirroredArgument[];
}

/** The params of a request that must have some. Throws `rpc/invalid_params`. */
export function requireParams(call: Call): RequestParams {
  const params = readParams(call.message);
  if (params === undefined) throw new GatewayError('rpc/invalid_params', { detail: `${call.method} needs params` });
  if (params === 'invalid') {
    throw new GatewayError('rpc/invalid_params', { detail: 'params must be an object without repeated members' });
  }
  return call.modern === undefined ? params : toLegacyParams(params);
}

/** A member of params that must be a string. Throws `rpc/invalid_params`. */
export function requireString(params: RequestParams, key: string): string {
  const value = params.value[key];
  if (typeof value !== 'string' || value === '') {
    throw new GatewayError('rpc/invalid_params', { detail: `params.${key} must be a string` });
  }
  return value;
}

/**
 * Sends the request upstream on the caller's own session, with arguments as they came, and answers the reply as it came.
 * Progress and log messages of the call go to the client in between.
 */
export async function forward(engine: Engine, call: Call, forwarding: Forwarding): Promise<Answer> {
  const { upstreams } = engine;
  const { entry } = forwarding.server;
  const { method = call.method } = forwarding;
  const id = upstreams.nextRequestId();
  const tokenText = progressTokenText(forwarding.params);
  // Progress of a task goes on after the call that began it.
  if (tokenText !== undefined && forwarding.params.value['task'] !== undefined) {
    call.session?.followProgress(id, tokenText);
  }
  const credential = upstreams.resolveCredential(entry, call.offer);
  if (hasOwnChild(entry)) await requireOwnChild(engine, call, entry);
  if (call.modern !== undefined) await call.modern.onTarget(forwarding.server, forwarding.target, credential);
  const given = rewriteParams(forwarding.params, forwarding.replace, id);
  // Nothing is awaited on the way of a warm call of the legacy era.
  const params = call.modern === undefined ? given : await withRound(engine, call, entry, credential, given);
  const reply = await upstreams.request(entry, credential, call.owner, {
    id,
    method,
    text: requestText(id, method, params),
    repeatable: forwarding.repeatable,
    onMessage: (message) => relay(engine, call, forwarding.server, message, tokenText),
    onPolled: call.onPolled,
    client: call.client,
    idleTimeoutMs: forwarding.idleTimeoutMs,
    mirrored: forwarding.mirrored,
    logLevel: logLevelOf(call),
    modern: call.modern?.caller,
    control: call.control,
  });
  const common = {
    serverId: entry.id,
    serverName: entry.name,
    target: forwarding.target,
    isModern: call.modern !== undefined && speaksModern(upstreams.knownInfo(entry, credential)),
  };
  const result = rawMember(reply, 'result');
  if (result !== undefined) {
    const isToolError = (reply.value['result'] as { isError?: unknown } | null)?.isError === true;
    return { kind: 'result', text: result, isToolError, ...common };
  }
  return { kind: 'error', text: rawMember(reply, 'error') ?? 'null', ...common };
}

/** Params of a further round, for a server of the modern era; others have no rounds. */
function withRound(
  { upstreams }: Engine,
  { modern, owner }: Call,
  entry: ServerEntry,
  credential: ResolvedCredential,
  params: string,
): string | Promise<string> {
  if (modern === undefined || modern.roundMembers.size === 0) return params;
  return upstreams
    .info(entry, credential, owner)
    .then((info) => (speaksModern(info) ? withMembersSet(params, modern.roundMembers) : params));
}

/** What a child holds that serves this caller alone is nowhere else. Throws {@link Elsewhere}. */
async function requireOwnChild({ sessions }: Engine, { session, owner }: Call, entry: ServerEntry): Promise<void> {
  if (session !== undefined) return await sessions.bind(session);
  const { place, stateId } = await sessions.homeOfChild(owner, entry);
  if (!sessions.isHere(place)) throw new Elsewhere(place, stateId);
}

function hasOwnChild({ endpoint }: ServerEntry): boolean {
  return endpoint.kind === 'stdio' && endpoint.isolation === 'session';
}

function speaksModern(info: UpstreamInfo | undefined): boolean {
  return isModernVersion(info?.protocolVersion);
}

/** Messages that arrive with a call, before its reply. */
function relay(
  engine: Engine,
  call: Call,
  server: ServerView,
  message: RpcMessage,
  tokenText: string | undefined,
): void | Promise<void> {
  const { method } = message.value;
  switch (method) {
    case 'notifications/progress': {
      const text = tokenText === undefined ? undefined : withProgressToken(message, tokenText);
      return text === undefined ? undefined : call.emit(text);
    }
    case 'notifications/message':
      return wantsLog(call, message) ? call.emit(message.text) : undefined;
    case 'notifications/resources/updated': {
      const text = call.session?.subscriptions.translate(server.entry.id, message);
      return text === undefined ? undefined : call.emit(text);
    }
    default:
      if (kindsChangedBy(method).length > 0) engine.catalog.invalidate(server.entry, method);
      // A page was visited, a task went on, or something we do not know: this call's client will.
      else if (call.session !== undefined) {
        return call.emit(engine.sessions.tasks.notificationToClient(message, server.entry, call.principal.id));
      }
      return undefined;
  }
}

/** Servers of the legacy era log to a session that never said how much: a modern one is asked for the usual. */
function logLevelOf({ modern, session }: Call): LogLevel | undefined {
  if (modern !== undefined) return modern.logLevel;
  return session === undefined ? undefined : (session.logLevel ?? 'info');
}

/** A legacy session sets a level for all its calls; a modern client hears nothing unless this call asks for it. */
function wantsLog({ modern, session }: Call, message: RpcMessage): boolean {
  if (modern === undefined) return session?.wantsLog(message) !== false;
  const { params } = message.value as { params?: { level?: unknown } };
  return modern.logLevel !== undefined && isShown(params?.level, modern.logLevel);
}
