import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { Limits } from '../../core/model/limits.js';
import type { Place } from '../../core/model/place.js';
import type { Principal } from '../../core/model/principal.js';
import { resultText, type RpcMessage } from '../../core/protocol/rpc-message.js';
import type { ClientSession } from '../../engine/session/client-session.js';
import { SessionStore } from '../../engine/session/session-store.js';
import { CallControl } from '../../engine/upstream/upstream.js';
import { DOOR_SETTINGS, LIMITS } from '../../platform/config/tokens.js';
import type { DoorSettings } from '../../platform/config/settings.js';
import type { CallerContext } from './caller-context.js';
import { ClientStream } from './client-stream.js';
import { Dispatcher } from './dispatcher.js';
import { readEnvelope } from './envelope.js';
import { declaredCapabilities, initializeResult, negotiateVersion } from './method/initialize.js';
import { handleNotification } from './notification.js';
import { parseBody } from './parse-body.js';
import { readBody } from './read-body.js';
import { rpcErrorReply, toGatewayError } from './render-error.js';

/** The revision whose transport this is; what is spoken on it is negotiated in `initialize`. */
const TRANSPORT_VERSION = '2024-11-05';

/** A request on the old transport, admitted. */
export interface SseAdmitted {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly headers: Record<string, string>;
  readonly context: CallerContext;
  /** Names in the path, which the POST address repeats. */
  readonly names: readonly string[] | undefined;
  readonly currentView: () => CallerContext['view'] | undefined;
}

/**
 * The HTTP+SSE transport of 2024-11-05 for old clients: a GET that stays open and names the address to POST to; replies
 * come on the stream. The session lives and dies with its stream.
 */
@Injectable()
export class LegacySseDoor {
  readonly #streams = new WeakMap<ClientSession, ClientStream>();

  constructor(
    @Inject(Dispatcher) private readonly dispatcher: Dispatcher,
    @Inject(SessionStore) private readonly sessions: SessionStore,
    @Inject(LIMITS) private readonly limits: Limits,
    @Inject(DOOR_SETTINGS) private readonly door: DoorSettings,
  ) {}

  /** `GET /sse`. */
  open(admitted: SseAdmitted): void {
    if (admitted.request.method !== 'GET') throw new GatewayError('http/method_not_allowed', { detail: 'use GET' });
    const { context, response } = admitted;
    const session = this.sessions.create(context.principal, TRANSPORT_VERSION);
    try {
      const stream = ClientStream.open(this.sessions, session, response, admitted.headers, admitted.currentView);
      this.#streams.set(session, stream);
      response.once('close', () => this.sessions.end(session));
      const scope = admitted.names === undefined ? '' : `/${admitted.names.map(encodeURIComponent).join(',')}`;
      stream.announce('endpoint', `${this.door.rootPath}${scope}/messages?session_id=${session.id}`);
    } catch (error) {
      this.sessions.end(session);
      throw error;
    }
  }

  /** The process that holds the stream of this session id, if it is not this one. */
  elsewhere(sessionId: string, principal: Principal): Place | undefined {
    const found = this.sessions.find(sessionId, principal);
    return found.kind === 'away' ? found.place : undefined;
  }

  /** `POST /messages?session_id=`: 202 at once, the reply on the stream. */
  async post(admitted: SseAdmitted, sessionId: string | null): Promise<void> {
    const { request, response } = admitted;
    if (request.method !== 'POST') throw new GatewayError('http/method_not_allowed', { detail: 'use POST' });
    if (sessionId === null) throw new GatewayError('session/required', { detail: 'session_id is required' });
    const found = this.sessions.find(sessionId, admitted.context.principal);
    const stream = found.kind === 'session' ? this.#streams.get(found.session) : undefined;
    if (found.kind !== 'session' || stream === undefined) {
      throw new GatewayError('session/unknown', { detail: 'Could not find session' });
    }
    if (stream.isBehind) {
      // A call ends when its answer is on the stream, read or not: unread ones would pile up without limit.
      throw new GatewayError('http/too_many', {
        detail: 'the answers on the event stream are not being read',
        retryAfterSeconds: 1,
      });
    }
    const body = parseBody(await readBody(request, this.limits.requestBodyBytesMax), this.limits.jsonDepthMax);
    if (body.kind !== 'single')
      throw new GatewayError('rpc/invalid_request', { detail: 'this transport has no batches' });
    const envelope = readEnvelope(body.message);
    response.writeHead(202, { ...admitted.headers, 'Content-Type': 'text/plain' }).end('Accepted');
    const { context } = admitted;
    if (envelope.kind === 'request') await this.#answer(context, found.session, stream, body.message, envelope.idText);
    else if (envelope.kind === 'notification') {
      handleNotification(this.dispatcher.engine, found.session, body.message);
    } else found.session.questions.answer(body.message);
  }

  async #answer(
    context: CallerContext,
    session: ClientSession,
    stream: ClientStream,
    message: RpcMessage,
    idText: string,
  ): Promise<void> {
    try {
      if (message.value['method'] === 'initialize') {
        const params = message.value['params'] as { protocolVersion?: unknown } | undefined;
        const version = negotiateVersion(params?.protocolVersion);
        session.declare(declaredCapabilities(message));
        const caller = { principal: context.principal, offer: context.offer, owner: session };
        await stream.reply(
          resultText(idText, await initializeResult(this.dispatcher.engine, context.view, caller, version)),
        );
        return;
      }
      const served = await this.dispatcher.serve({
        context,
        message,
        idText,
        session,
        version: session.version,
        control: new CallControl(),
        client: session.client,
        emit: (text) => stream.reply(text),
      });
      await stream.reply(served.text);
    } catch (thrown) {
      // The 202 is out: what goes wrong now can only be said on the stream.
      await stream.reply(rpcErrorReply(toGatewayError(thrown), idText, ''));
    }
  }
}
