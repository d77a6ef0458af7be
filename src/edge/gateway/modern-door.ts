import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { clientCapabilities } from '../../core/model/client-capabilities.js';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { Limits } from '../../core/model/limits.js';
import { readPlace, type Place } from '../../core/model/place.js';
import type { Secret } from '../../core/model/secret.js';
import { findMember } from '../../core/protocol/json-scan.js';
import { readRoundInput, type RoundInput } from '../../core/protocol/modern/input-required.js';
import { declaresTasks, TASK_METHODS } from '../../core/protocol/modern/tasks-extension.js';
import { MULTI_ROUND } from '../../core/protocol/modern/modern-methods.js';
import { passedHeaders } from '../../core/protocol/modern/request-headers.js';
import { progressTokenText } from '../../core/protocol/request-params.js';
import { rawMember, resultText, rpcShape, type RpcMessage } from '../../core/protocol/rpc-message.js';
import { LATEST_LEGACY_VERSION } from '../../core/protocol/versions.js';
import { LIMITS } from '../../platform/config/tokens.js';
import { WORKER, type Worker } from '../../platform/config/worker.js';
import { SEALING_SECRET } from '../../platform/database/sealing-secret.js';
import { LOGGER } from '../../platform/telemetry/logger.token.js';
import { Authenticator } from '../../state/identity/authenticator.js';
import { Dispatcher } from './dispatcher.js';
import { Exchange, readAccepts } from './exchange.js';
import { LongCalls } from './long-calls.js';
import { ModernCall, type Round, type RoundEnd } from './modern-call.js';
import { discoverResult } from './modern-discover.js';
import { ModernListener } from './modern-listener.js';
import { ModernOwners } from './modern-owners.js';
import { ParkedCalls, type ParkedCall } from './modern-parked-calls.js';
import { TaskWatches } from './modern-task-watches.js';
import { inputRequiredReply, modernErrorReply, statusOnModern } from './modern-reply.js';
import { PeerRelay } from './peer-relay.js';
import { readModernRequest, type ModernRequest } from './modern-request.js';
import { requestFingerprint, RequestStates } from './modern-state.js';
import { toGatewayError } from './render-error.js';
import { ServeAtHome } from './serve-at-home.js';
import type { Admitted } from './streamable-door.js';

/**
 * Streamable HTTP of the modern era (2026-07-28; protocol page §1.3): every request stands alone, and closing its stream
 * cancels it. Sessions and `Last-Event-ID` mean nothing here.
 */
@Injectable()
export class ModernDoor {
  readonly #states: RequestStates;

  constructor(
    @Inject(Dispatcher) private readonly dispatcher: Dispatcher,
    @Inject(ModernOwners) private readonly owners: ModernOwners,
    @Inject(ParkedCalls) private readonly parked: ParkedCalls,
    @Inject(ModernListener) private readonly listener: ModernListener,
    @Inject(Authenticator) private readonly authenticator: Authenticator,
    @Inject(LongCalls) private readonly longCalls: LongCalls,
    @Inject(TaskWatches) private readonly watches: TaskWatches,
    @Inject(PeerRelay) private readonly peers: PeerRelay,
    @Inject(ServeAtHome) private readonly home: ServeAtHome,
    @Inject(WORKER) private readonly worker: Worker,
    @Inject(LIMITS) private readonly limits: Limits,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(SEALING_SECRET) sealingSecret: Secret,
  ) {
    this.#states = new RequestStates(sealingSecret);
  }

  /** Serves one message of a POST. Rejects only with what ends the request as such (`auth/*`, a malformed message). */
  async post(admitted: Admitted, message: RpcMessage): Promise<void> {
    const exchange = new Exchange(admitted.response, readAccepts(admitted.request), admitted.headers);
    if (message.value['jsonrpc'] !== '2.0') {
      throw new GatewayError('rpc/invalid_request', { detail: 'jsonrpc must be "2.0"' });
    }
    const shape = rpcShape(message);
    // The clients of this revision have nothing to notify of over HTTP; what they say is accepted, as JSON-RPC asks.
    if (shape === 'notification') return exchange.accepted();
    if (shape !== 'request') {
      throw new GatewayError('rpc/invalid_request', { detail: 'not a request or notification' });
    }
    const idText = rawMember(message, 'id') ?? 'null';
    try {
      await this.#request(admitted, message, idText, exchange);
    } catch (thrown) {
      const error = toGatewayError(thrown);
      if (error.code.startsWith('auth/')) throw error;
      this.#refuse(error, idText, exchange);
    }
  }

  async #request(admitted: Admitted, message: RpcMessage, idText: string, exchange: Exchange): Promise<void> {
    const request = readModernRequest(message, admitted.request.headers);
    switch (request.method) {
      case 'server/discover':
        return exchange.finish(resultText(idText, await this.#discover(admitted, request)));
      case 'subscriptions/listen':
        return await this.listener.open(admitted, request, idText);
      default:
        return await this.#call(admitted, request, message, idText, exchange);
    }
  }

  async #discover({ context }: Admitted, { envelope }: ModernRequest): Promise<string> {
    const owner = this.owners.of(context.principal, clientCapabilities(envelope.capabilitiesText));
    const caller = { principal: context.principal, offer: context.offer, owner };
    return await discoverResult(this.dispatcher.engine, context.view, caller);
  }

  async #call(
    admitted: Admitted,
    request: ModernRequest,
    message: RpcMessage,
    idText: string,
    exchange: Exchange,
  ): Promise<void> {
    if (TASK_METHODS.has(request.method) && (await this.#relayTask(admitted, request, message))) return;
    const round: Round = { idText, exchange, progressToken: progressTokenText(request.params) };
    const input = MULTI_ROUND.has(request.method) ? readInput(request) : undefined;
    const fingerprint = onDemand(() => requestFingerprint(request.method, request.params.value));
    let upstreamState: string | undefined;
    if (input?.requestState !== undefined) {
      const claims = this.#readState(admitted, input.requestState, fingerprint());
      upstreamState = claims.upstreamState;
      if (claims.parked !== undefined) {
        const home = readPlace(claims.place);
        if (home?.tag !== this.worker.place.tag) return await this.#relay(home, admitted, message);
        const waiting = this.parked.find(claims.parked, claims.round, admitted.context.principal.id);
        if (waiting === undefined) throw new GatewayError('call/unknown_state');
        return await this.#resume(admitted, waiting, round, input, fingerprint);
      }
    }
    const { context } = admitted;
    const run = (): Promise<void> => {
      const call = this.#newCall(admitted, request, fingerprint, roundMembers(request, upstreamState));
      return this.#finish(admitted, call, round, fingerprint, () =>
        call.begin(round, () =>
          this.dispatcher.serve({
            context,
            message,
            idText,
            session: undefined,
            version: LATEST_LEGACY_VERSION,
            modern: call,
            owner: call.owner,
            client: call,
            control: call.control,
            emit: call.emit,
          }),
        ),
      );
    };
    try {
      await run();
    } catch (thrown) {
      await this.home.follow(thrown, admitted, message.text, run);
    }
  }

  #newCall(
    { context, request: { headers } }: Admitted,
    request: ModernRequest,
    fingerprint: () => string,
    members: ReadonlyMap<string, string>,
  ): ModernCall {
    const { method, envelope } = request;
    const capabilities = clientCapabilities(envelope.capabilitiesText);
    return new ModernCall({
      method,
      headers,
      logLevel: envelope.logLevel,
      capabilities,
      owner: this.owners.of(context.principal, capabilities),
      clientInfoText: envelope.clientInfoText,
      passedHeaders: passedHeaders(headers, (value) => this.authenticator.isGatewayKey(value)),
      roundMembers: members,
      tasks: declaresTasks(capabilities.value) ? { watches: this.watches, place: this.worker.place } : undefined,
      stateForAnother: (upstreamState) =>
        this.#writeState(context.principal.id, fingerprint(), undefined, upstreamState),
    });
  }

  async #resume(
    admitted: Admitted,
    waiting: ParkedCall,
    round: Round,
    input: RoundInput,
    fingerprint: () => string,
  ): Promise<void> {
    const { call } = waiting;
    this.parked.wake(waiting);
    if (!stillSees(admitted, call)) {
      this.parked.remove(call);
      call.cancel();
      throw new GatewayError('call/unknown_state');
    }
    await this.#finish(admitted, call, round, fingerprint, () => call.resume(round, input.responses));
  }

  /** One round: what it comes to is answered. A client that goes away meanwhile cancels the call. */
  async #finish(
    admitted: Admitted,
    call: ModernCall,
    round: Round,
    fingerprint: () => string,
    run: () => Promise<RoundEnd>,
  ): Promise<void> {
    const { response, context } = admitted;
    const onGone = (): void => {
      if (response.writableEnded) return;
      this.parked.remove(call);
      call.cancel();
    };
    if (response.destroyed) onGone();
    response.once('close', onGone);
    let end: RoundEnd;
    const slot = this.longCalls.add(round.exchange);
    try {
      end = await run();
    } catch (error) {
      this.parked.remove(call);
      throw error;
    } finally {
      this.longCalls.delete(slot);
    }
    if (end.kind === 'served') {
      this.parked.remove(call);
      return round.exchange.finish(call.reply(round.idText), call.status ?? statusOnModern(end.served.error));
    }
    const waiting = response.destroyed ? undefined : this.parked.park(call, context.principal, admitted.identity);
    if (waiting === undefined) {
      call.cancel();
      throw new GatewayError('http/too_many', { detail: 'calls that wait for input', retryAfterSeconds: 5 });
    }
    const state = this.#writeState(context.principal.id, fingerprint(), waiting, undefined);
    round.exchange.finish(inputRequiredReply(round.idText, end.requests, state));
  }

  /** A parked call ends with its state; whatever an upstream keeps ends when that says so, within the life of a session. */
  #writeState(
    principalId: string,
    request: string,
    parked: ParkedCall | undefined,
    upstreamState: string | undefined,
  ): string {
    const { clientAnswerTimeoutMs, sessionLifetimeMs } = this.limits;
    const lifeMs = upstreamState === undefined ? clientAnswerTimeoutMs : sessionLifetimeMs;
    const expiresAt = parked?.expiresAt ?? Date.now() + lifeMs;
    const claims = { parked: parked?.call.id, upstreamState, round: parked?.round ?? 0, request, expiresAt };
    return this.#states.write({ ...claims, place: this.worker.place.tag }, principalId);
  }

  #readState(admitted: Admitted, state: string, fingerprint: string): ReturnType<RequestStates['read']> & object {
    const claims = this.#states.read(state, admitted.context.principal.id, fingerprint, Date.now());
    if (claims === undefined) throw new GatewayError('call/unknown_state');
    return claims;
  }

  /** Questions of a legacy server's task wait in one process; the others pass on what is about it. */
  async #relayTask(admitted: Admitted, { params }: ModernRequest, message: RpcMessage): Promise<boolean> {
    const { taskId } = params.value;
    const { tasks } = this.dispatcher.engine.sessions;
    const target = typeof taskId === 'string' ? tasks.open(taskId, admitted.context.principal.id) : undefined;
    const home = target?.place ?? this.worker.place;
    if (home.tag === this.worker.place.tag) return false;
    // When it is gone, its questions are with it: the server is asked from here.
    return (await this.peers.relay(home, admitted.request, admitted.response, { body: message.text })) === 'answered';
  }

  /** When it is gone, so is the call, before anybody answered it: the client makes it anew. */
  async #relay(home: Place | undefined, { request, response }: Admitted, message: RpcMessage): Promise<void> {
    const relayed = home && (await this.peers.relay(home, request, response, { body: message.text }));
    if (relayed !== 'answered') throw new GatewayError('call/unknown_state');
  }

  #refuse(error: GatewayError, idText: string, exchange: Exchange): void {
    const callId = randomUUID();
    this.logger[error.kind.logLevel]({ callId, code: error.code, err: error }, 'request refused');
    if (error.retryAfterSeconds !== undefined) exchange.setHeader('Retry-After', String(error.retryAfterSeconds));
    exchange.finish(modernErrorReply(idText, error, callId), statusOnModern(error));
  }
}

/** Most calls never need it. */
function onDemand(make: () => string): () => string {
  let made: string | undefined;
  return () => (made ??= make());
}

/** What goes along to an upstream of the same era in a further round. */
function roundMembers({ params }: ModernRequest, upstreamState: string | undefined): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  const given = findMember(params.members, 'inputResponses');
  if (given !== undefined) members.set('inputResponses', params.text.slice(given.start, given.end));
  if (upstreamState !== undefined) members.set('requestState', JSON.stringify(upstreamState));
  return members;
}

function readInput({ params }: ModernRequest): RoundInput {
  const input = readRoundInput(params);
  if ('problem' in input) throw new GatewayError('rpc/invalid_params', { detail: input.problem });
  return input;
}

/** Between rounds rights may have gone: the call then reads as one that is not there. */
function stillSees({ context: { view } }: Admitted, { method, target }: ModernCall): boolean {
  if (target === undefined) return true;
  const scope = method === 'tools/call' ? view : view.content;
  const server = scope.byServerId.get(target.server.entry.id);
  if (server?.entry.fingerprint !== target.server.entry.fingerprint) return false;
  return method !== 'tools/call' || server.allowsTool(target.name);
}
