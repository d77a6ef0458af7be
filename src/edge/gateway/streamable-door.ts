import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { Limits } from '../../core/model/limits.js';
import { rawMember, resultText, type RpcMessage } from '../../core/protocol/rpc-message.js';
import {
  allowsBatches,
  ASSUMED_VERSION,
  isLegacyVersion,
  LEGACY_VERSIONS,
  resumesStreams,
  type LegacyVersion,
} from '../../core/protocol/versions.js';
import { MODERN_VERSIONS, isModernVersion } from '../../core/protocol/modern/modern-version.js';
import { claimedVersion } from '../../core/protocol/modern/request-envelope.js';
import type { ClientSession } from '../../engine/session/client-session.js';
import { SessionStore } from '../../engine/session/session-store.js';
import { CallControl } from '../../engine/upstream/upstream.js';
import { LIMITS } from '../../platform/config/tokens.js';
import type { Identity } from '../../state/identity/identity.js';
import type { CallerContext } from './caller-context.js';
import { Dispatcher, type Served } from './dispatcher.js';
import { Elsewhere } from './elsewhere.js';
import { readEnvelope } from './envelope.js';
import { Exchange, readAccepts } from './exchange.js';
import { InCallClient } from './in-call-client.js';
import { declaredCapabilities, initializeResult, negotiateVersion } from './method/initialize.js';
import { parseBody } from './parse-body.js';
import { ModernDoor } from './modern-door.js';
import { isModernPost } from './modern-request.js';
import type { Pass } from './peer-pass.js';
import { readBody } from './read-body.js';
import { rpcErrorReply, statusOnMcp } from './render-error.js';
import { answerLostCall, resumeCall } from './resume-call.js';
import { ServeAtHome } from './serve-at-home.js';
import { LongCalls } from './long-calls.js';
import { handleNotification } from './notification.js';
import { ClientStream } from './client-stream.js';

/** A request on the streamable HTTP endpoint, admitted. */
export interface Admitted {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** What was read of it already, if it was. */
  readonly body?: string | undefined;
  /** By which another process passed it here; undefined: it comes from a client. */
  readonly pass?: Pass | undefined;
  /** Headers every answer carries (CORS, connection). */
  readonly headers: Record<string, string>;
  readonly context: CallerContext;
  readonly session: ClientSession | undefined;
  /** Whom it was admitted as; for what outlives it. */
  readonly identity?: Identity | undefined;
  /** To be done when its credential is good for nothing any more, whether its connection is still there or not. */
  ifRefused(act: () => void): void;
  /** What the caller sees now; asked again when the registry changes. */
  readonly currentView: () => CallerContext['view'] | undefined;
}

/** Streamable HTTP of the legacy revisions, with and without sessions (protocol page §3.1). */
@Injectable()
export class StreamableDoor {
  constructor(
    @Inject(Dispatcher) private readonly dispatcher: Dispatcher,
    @Inject(SessionStore) private readonly sessions: SessionStore,
    @Inject(ModernDoor) private readonly modern: ModernDoor,
    @Inject(LongCalls) private readonly longCalls: LongCalls,
    @Inject(ServeAtHome) private readonly home: ServeAtHome,
    @Inject(LIMITS) private readonly limits: Limits,
  ) {}

  /** Throws, or rejects, before anything was answered. */
  serve(admitted: Admitted): Promise<void> | undefined {
    const { headers, method } = admitted.request;
    if (method !== 'POST' && isModernVersion(headers['mcp-protocol-version'])) {
      throw new GatewayError('http/method_not_allowed', { detail: 'use POST' });
    }
    switch (method) {
      case 'POST':
        return this.#post(admitted);
      case 'GET':
        this.#get(admitted);
        return undefined;
      case 'DELETE':
        this.#delete(admitted);
        return undefined;
      default:
        throw new GatewayError('http/method_not_allowed', { detail: 'use POST, GET or DELETE' });
    }
  }

  async #post(admitted: Admitted): Promise<void> {
    const { request, response, session } = admitted;
    const accepts = readAccepts(request);
    const text = admitted.body ?? (await readBody(request, this.limits.requestBodyBytesMax));
    const body = parseBody(text, this.limits.jsonDepthMax);
    if (isModernPost(request.headers, body.kind === 'single' ? body.message : undefined)) {
      if (body.kind === 'single') return await this.modern.post(admitted, body.message);
      throw noBatches(MODERN_VERSIONS[0]);
    }
    const exchange = new Exchange(response, accepts, admitted.headers);
    if (body.kind === 'single') {
      const version = this.#version(admitted, body.message);
      const run = (): Promise<void> => this.#single(admitted, body.message, version, exchange);
      try {
        return await run();
      } catch (thrown) {
        return await this.home.follow(thrown, admitted, text, run);
      }
    }
    const version = this.#version(admitted, undefined);
    if (!allowsBatches(version)) throw noBatches(version);
    if (body.messages.some(({ value }) => claimedVersion(value) !== undefined)) throw noBatches(MODERN_VERSIONS[0]);
    return await this.#batch(admitted, body.messages, version, exchange, session);
  }

  async #single(admitted: Admitted, message: RpcMessage, version: LegacyVersion, exchange: Exchange): Promise<void> {
    const envelope = readEnvelope(message);
    if (envelope.kind !== 'request') {
      this.#oneWay(admitted.session, envelope.kind, message);
      return exchange.accepted();
    }
    if (message.value['method'] === 'initialize') {
      return await this.#initialize(admitted, message, envelope.idText, exchange);
    }
    const { session } = admitted;
    const control = new CallControl();
    if (session !== undefined && resumesStreams(version)) {
      exchange.keepBy(session.resume, envelope.idText);
      admitted.ifRefused(() => control.abandon());
    }
    const slot = this.longCalls.add(exchange);
    // That its client is gone says nothing about a call that the client can come back to.
    admitted.response.on('close', () => {
      if (!exchange.isKept) control.abandon();
    });
    try {
      const served = await this.dispatcher.serve({
        context: admitted.context,
        message,
        idText: envelope.idText,
        session,
        version,
        control,
        client: clientOf(session, exchange),
        emit: (text) => exchange.emit(text),
        onPolled: (retryMs) => exchange.rest(retryMs),
      });
      exchange.finish(served.text, statusOf(served));
    } finally {
      this.longCalls.delete(slot);
    }
  }

  async #batch(
    admitted: Admitted,
    messages: readonly RpcMessage[],
    version: LegacyVersion,
    exchange: Exchange,
    session: ClientSession | undefined,
  ): Promise<void> {
    const controls: CallControl[] = [];
    admitted.response.once('close', () => controls.forEach((control) => control.abandon()));
    const replies = await Promise.all(
      messages.map(async (message) => {
        const envelope = readEnvelope(message);
        if (envelope.kind !== 'request') {
          this.#oneWay(session, envelope.kind, message);
          return undefined;
        }
        if (message.value['method'] === 'initialize') {
          throw new GatewayError('rpc/invalid_request', { detail: 'initialize must not be part of a batch' });
        }
        const control = new CallControl();
        controls.push(control);
        const served = await this.dispatcher
          .serve({
            context: admitted.context,
            message,
            idText: envelope.idText,
            session,
            version,
            control,
            client: clientOf(session, exchange),
            emit: (text) => exchange.emit(text),
          })
          .catch(refuseInBatch(envelope.idText));
        return served.text;
      }),
    );
    const texts = replies.filter((reply) => reply !== undefined);
    if (texts.length === 0) exchange.accepted();
    else exchange.finish(`[${texts.join(',')}]`);
  }

  async #initialize(admitted: Admitted, message: RpcMessage, idText: string, exchange: Exchange): Promise<void> {
    const params = message.value['params'] as { protocolVersion?: unknown } | undefined;
    const version = negotiateVersion(params?.protocolVersion);
    const { context } = admitted;
    const session = this.sessions.create(context.principal, version, declaredCapabilities(message));
    try {
      const caller = { principal: context.principal, offer: context.offer, owner: session };
      const result = await initializeResult(this.dispatcher.engine, context.view, caller, version);
      exchange.setHeader('Mcp-Session-Id', session.id);
      exchange.finish(resultText(idText, result));
    } catch (error) {
      this.sessions.end(session);
      throw error;
    }
  }

  /** A response answers a request of ours, which only a session can have been sent (contract §5). */
  #oneWay(session: ClientSession | undefined, kind: 'notification' | 'response', message: RpcMessage): void {
    if (kind === 'notification') return handleNotification(this.dispatcher.engine, session, message);
    if (session === undefined) throw new GatewayError('session/required', { detail: 'for a response' });
    if (session.questions.answer(message) === 'foreign') {
      throw new GatewayError('session/unknown', { detail: 'the process that asked is gone' });
    }
  }

  #get(admitted: Admitted): void {
    const session = requireSession(admitted);
    if (!(admitted.request.headers.accept ?? '').includes('text/event-stream')) {
      throw new GatewayError('http/not_acceptable', { detail: 'a stream needs Accept: text/event-stream' });
    }
    const { request, response, headers, currentView } = admitted;
    if (!resumesStreams(this.#version(admitted, undefined))) {
      ClientStream.open(this.sessions, session, response, headers, currentView);
      return;
    }
    const lastEventId = request.headers['last-event-id'];
    const point = session.resume.find(typeof lastEventId === 'string' ? lastEventId : '');
    switch (point.kind) {
      case 'call':
        resumeCall(admitted, point);
        return;
      case 'lost call':
        answerLostCall(admitted, point.idText);
        return;
      case 'session':
        ClientStream.open(this.sessions, session, response, headers, currentView, point);
        return;
      case 'unknown':
        this.sessions.requireStreamRoom(session);
        ClientStream.open(this.sessions, session, response, headers, currentView, {
          stream: session.resume.openSession(),
        });
    }
  }

  #delete(admitted: Admitted): void {
    this.sessions.end(requireSession(admitted));
    admitted.response.writeHead(200, { ...admitted.headers, 'Content-Length': '0' }).end();
  }

  /** The revision this request speaks: its session's, else its header's, else the assumed one (protocol page §3.1). */
  #version(admitted: Admitted, message: RpcMessage | undefined): LegacyVersion {
    const header = admitted.request.headers['mcp-protocol-version'];
    if (header !== undefined && !isLegacyVersion(header) && message?.value['method'] !== 'initialize') {
      throw new GatewayError('rpc/unsupported_version', {
        detail: `${String(header)} (supported: ${[...MODERN_VERSIONS, ...LEGACY_VERSIONS].join(', ')})`,
      });
    }
    return admitted.session?.version ?? (isLegacyVersion(header) ? header : ASSUMED_VERSION);
  }
}

/** The others of a batch may be under way already: it cannot be passed on as a whole. */
function refuseInBatch(idText: string): (thrown: unknown) => Served {
  return (thrown) => {
    if (!(thrown instanceof Elsewhere)) throw thrown;
    const error = new GatewayError('rpc/invalid_request', {
      detail: 'without a session, a server with a child for every caller is called outside of batches',
    });
    return { text: rpcErrorReply(error, idText, ''), error };
  };
}

function noBatches(version: string): GatewayError {
  return new GatewayError('rpc/invalid_request', { detail: `protocol ${version} has no batches` });
}

function requireSession(admitted: Admitted): ClientSession {
  if (admitted.session === undefined) {
    throw new GatewayError('session/required', { detail: `${admitted.request.method ?? ''} works on a session` });
  }
  return admitted.session;
}

/** A client that declared nothing is not asked anything. */
function clientOf(session: ClientSession | undefined, exchange: Exchange): InCallClient | undefined {
  return session?.client === undefined ? undefined : new InCallClient(session, exchange);
}

function statusOf(served: Served): number {
  return served.error === undefined ? 200 : statusOnMcp(served.error);
}

/** The raw id of a request, if there is one to answer to. */
export function idTextOf(message: RpcMessage): string {
  return rawMember(message, 'id') ?? 'null';
}
