import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import {
  notificationText,
  readRpcMessage,
  requestText,
  resultText,
  rpcShape,
  type RpcMessage,
} from '../../../core/protocol/rpc-message.js';
import { NO_CAPABILITIES } from '../../../core/model/client-capabilities.js';
import { allowsBatches, isLegacyVersion } from '../../../core/protocol/versions.js';
import type { ConnectOptions, UpstreamConnection } from '../connection.js';
import type { Era } from '../era-memory.js';
import { NotModernError } from '../era-negotiation.js';
import { ServerRequests } from '../server-requests.js';
import type { UpstreamInfo, UpstreamRequest } from '../upstream.js';
import { WatchedResources } from '../watched-resources.js';
import { upstreamError, type UpstreamErrorCode } from '../upstream-error.js';
import { nestsTooDeep, readReplyMessages, replyProblem } from './http-reply.js';
import { initializeParams } from './initialize-params.js';
import { discoverRequest } from './modern-discover.js';
import { readModernInfo } from './modern-info.js';
import { PipeCall } from './pipe-call.js';
import { oversizeReplyId } from './pipe-oversize-reply.js';
import { readUpstreamInfo } from './pipe-upstream-info.js';

type Headers = Readonly<Record<string, string>>;

/** How long a server may be silent about its era before it is initialised as well. */
const DISCOVERY_MS = 3_000;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
/** Of a message that is not read, as much is looked at from either end. */
const ENDS_CHARS = 16 * 1024;

/** Carries whole JSON-RPC texts to an upstream: a child's standard input, or POSTs beside an event stream. */
export interface MessagePipe {
  /**
   * Sends one message. Throws or rejects with a GatewayError when it cannot be delivered; a promise that resolves says
   * only that it was. `version` is the negotiated revision, undefined before that.
   */
  send(text: string, headers: Headers, version: string | undefined): void | Promise<void>;
  /** Ends the transport politely; idempotent; never rejects. No event comes after it was called. */
  close(): Promise<void>;
}

/** What a pipe tells its connection. */
export interface PipeEvents {
  /** One message, or a batch, or noise. */
  onText(text: string): void;
  /** A message was larger than allowed and dropped; the id of the call it replied to, if that could be made out. */
  onOversize(callId: number | undefined): void;
  /**
   * The upstream ended it. Running calls fail with `error`; without one as a lost session, which lets the pool repeat
   * what is free of side effects on a new one.
   */
  onLost(reason: string, error?: GatewayError): void;
}

export interface PipeConnectionOptions extends ConnectOptions {
  readonly logger: Logger;
  /** Our version, for `clientInfo`. */
  readonly clientVersion: string;
  /** Longest wait for the reply to `initialize`. */
  readonly handshakeTimeoutMs: number;
  /** Something that is not JSON-RPC came. Must be bounded in what it logs. */
  readonly onNoise: (text: string) => void;
}

/**
 * Opens a session of the legacy era over a pipe (lifecycle of every revision to 2025-11-25): `initialize`, then
 * `notifications/initialized`. Rejects with `upstream/*` after closing the pipe.
 */
export async function openPipeConnection(
  options: PipeConnectionOptions,
  connectPipe: (events: PipeEvents) => MessagePipe,
): Promise<UpstreamConnection> {
  const connection = new PipeConnection(options, connectPipe);
  try {
    await connection.initialize();
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** A pipe's connection, and the era its server speaks. One of the modern era takes requests in the form of that era. */
export interface NegotiatedPipe {
  readonly era: Era;
  readonly connection: UpstreamConnection;
}

/**
 * The same for a server whose era is not known: it is asked in the modern way, and on the same pipe in the legacy one when
 * it answers otherwise or is silent for {@link DISCOVERY_MS} (protocol page §1.4). Throws `NotModernError` when it left
 * over the question, as some servers do.
 */
export async function negotiatePipeConnection(
  options: PipeConnectionOptions,
  connectPipe: (events: PipeEvents) => MessagePipe,
): Promise<NegotiatedPipe> {
  const connection = new PipeConnection(options, connectPipe);
  try {
    return { era: await connection.negotiate(), connection };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/**
 * Many requests at the same time over one message pipe, told apart by their ids, which are unique in the process.
 * Texts are forwarded as they came; a message is parsed once, to look at it.
 */
class PipeConnection implements UpstreamConnection {
  readonly stateful = true;
  readonly #options: PipeConnectionOptions;
  readonly #pipe: MessagePipe;
  readonly #calls = new Map<number, PipeCall>();
  readonly #serverRequests: ServerRequests;
  readonly #watched = new WatchedResources();
  #info: UpstreamInfo = { protocolVersion: '', capabilities: {}, instructions: undefined, serverInfo: {} };
  /** Negotiated; undefined while opening. */
  #version: string | undefined;
  #state: 'opening' | 'open' | 'closed' = 'opening';
  #closeReason = '';

  constructor(options: PipeConnectionOptions, connectPipe: (events: PipeEvents) => MessagePipe) {
    this.#options = options;
    this.#serverRequests = new ServerRequests(options.entry);
    this.#pipe = connectPipe({
      onText: (text) => this.#receive(text),
      onOversize: (callId) => this.#failOversize(callId),
      onLost: (reason, error) => this.#end(reason, error ?? this.#lost(reason)),
    });
  }

  get info(): UpstreamInfo {
    return this.#info;
  }

  get closed(): boolean {
    return this.#state === 'closed';
  }

  async initialize(): Promise<void> {
    const { capabilities = NO_CAPABILITIES, clientVersion, credential, entry } = this.#options;
    const { handshakeTimeoutMs, nextRequestId } = this.#options;
    const id = nextRequestId();
    const text = requestText(id, 'initialize', initializeParams(capabilities, clientVersion));
    const request = { id, method: 'initialize', text, repeatable: false };
    const reply = await this.#start(request, credential.headers, handshakeTimeoutMs, handshakeTimeoutMs);
    // The other question was answered meanwhile (`negotiate`), or the pipe ended.
    this.#requireOpening();
    this.#info = readUpstreamInfo(entry, reply);
    this.#version = this.#info.protocolVersion;
    await this.#pipe.send(notificationText('notifications/initialized', undefined), credential.headers, this.#version);
    this.#requireOpening();
    this.#state = 'open';
  }

  async negotiate(): Promise<Era> {
    const discovered = this.#discover();
    const late = new AbortController();
    const silence = delay(DISCOVERY_MS, undefined, { signal: late.signal, ref: false }).then(
      () => 'silence' as const,
      () => 'silence' as const, // Aborted: the answer came first.
    );
    const first = await Promise.race([discovered, silence]);
    late.abort();
    if (first !== 'silence') return first === 'legacy' ? await this.#initializeAs() : this.#openAs(first);
    // Package runners install before they answer anything: whichever question is answered first tells.
    const answer = await Promise.any([
      discovered.then((found) => (found === 'legacy' ? Promise.reject(new NotModernError(true)) : found)),
      this.#initializeAs(),
    ]).catch((error: unknown) => {
      if (!(error instanceof AggregateError)) throw error;
      const [discovery, initialize] = error.errors as unknown[];
      // With a cause it left; otherwise it answered, and the failure is that of the session.
      throw discovery instanceof NotModernError && discovery.cause !== undefined ? discovery : initialize;
    });
    // Both were answered at the same moment: a server that was initialised is one of a session by now.
    return answer === 'legacy' || this.#state === 'open' ? 'legacy' : this.#openAs(answer);
  }

  #requireOpening(): void {
    if (this.#state !== 'opening') throw this.#error('upstream/unreachable', this.#closeReason);
  }

  async #initializeAs(): Promise<'legacy'> {
    await this.initialize();
    return 'legacy';
  }

  #openAs(info: UpstreamInfo): 'modern' {
    this.#info = info;
    this.#version = info.protocolVersion;
    this.#requireOpening();
    this.#state = 'open';
    return 'modern';
  }

  async #discover(): Promise<UpstreamInfo | 'legacy'> {
    const { clientVersion, credential, entry, handshakeTimeoutMs, nextRequestId } = this.#options;
    const request = discoverRequest(nextRequestId(), clientVersion);
    try {
      return readModernInfo(
        entry,
        await this.#start(request, credential.headers, handshakeTimeoutMs, handshakeTimeoutMs),
      );
    } catch (error) {
      if (error instanceof NotModernError) return 'legacy';
      if (this.#state === 'closed') throw new NotModernError(true, error);
      throw error;
    }
  }

  async request(request: UpstreamRequest, headers: Headers, ownerKey?: string): Promise<RpcMessage> {
    const { method } = request;
    if (ownerKey !== undefined && (method === 'resources/subscribe' || method === 'resources/unsubscribe')) {
      return await this.#watch(request, headers, ownerKey);
    }
    return this.#send(request, headers);
  }

  releaseOwner(ownerKey: string): void {
    const { credential, nextRequestId, logger } = this.#options;
    for (const uri of this.#watched.release(ownerKey)) {
      if (this.#state !== 'open') return;
      const [id, method] = [nextRequestId(), 'resources/unsubscribe'];
      const text = requestText(id, method, JSON.stringify({ uri }));
      this.#send({ id, method, text, repeatable: true }, credential.headers).catch((error: unknown) => {
        // What it goes on telling is told to nobody.
        logger.debug({ err: error }, 'resource not unsubscribed');
      });
    }
  }

  #send(request: UpstreamRequest, headers: Headers): Promise<RpcMessage> {
    const { entry, limits } = this.#options;
    const idleTimeoutMs = request.idleTimeoutMs ?? entry.timeoutMs ?? limits.callIdleTimeoutMs;
    return this.#start(request, headers, idleTimeoutMs, limits.callTimeoutMs);
  }

  /** Those who share a child are one client to it: it is told to stop when the last of them does not watch any more. */
  async #watch(request: UpstreamRequest, headers: Headers, ownerKey: string): Promise<RpcMessage> {
    const { params } = JSON.parse(request.text) as { params?: { uri?: unknown } };
    const uri = String(params?.uri);
    if (request.method === 'resources/unsubscribe') {
      const message = this.#watched.delete(uri, ownerKey)
        ? undefined
        : readRpcMessage(resultText(String(request.id), '{}'));
      return message ?? (await this.#send(request, headers));
    }
    const reply = await this.#send(request, headers);
    if (reply.value['error'] === undefined) this.#watched.add(uri, ownerKey);
    return reply;
  }

  send(text: string, headers: Headers): void {
    if (this.#state === 'closed') return;
    const dropped = (error: unknown): void =>
      this.#options.logger.debug({ err: error, server: this.#options.entry.name }, 'message to a server was not sent');
    try {
      this.#pipe.send(text, headers, this.#version)?.catch(dropped);
    } catch (error) {
      dropped(error);
    }
  }

  setListening(): void {
    // Messages outside of calls come on the same pipe, always.
  }

  async close(): Promise<void> {
    this.#end('closed by the gateway', this.#error('upstream/unreachable', 'the connection was closed by the gateway'));
    await this.#pipe.close();
  }

  #start(request: UpstreamRequest, headers: Headers, idleTimeoutMs: number, timeoutMs: number): Promise<RpcMessage> {
    if (this.#state === 'closed') return Promise.reject(this.#lost(this.#closeReason));
    if (request.control?.reason !== undefined) return Promise.reject(new GatewayError('call/cancelled'));
    if (this.#calls.size >= this.#options.limits.callsPerUpstreamMax) {
      return Promise.reject(this.#error('upstream/busy', 'too many calls run at the same time'));
    }
    const call = new PipeCall({
      request,
      headers,
      idleTimeoutMs,
      timeoutMs,
      onTimeout: (late, waitedMs) => this.#timeOut(late, waitedMs),
    });
    this.#calls.set(request.id, call);
    request.control?.onEnd((reason) => this.#endByCaller(call, reason));
    try {
      this.#pipe
        .send(request.text, headers, this.#version)
        ?.catch((error: unknown) => this.#fail(call, this.#asGatewayError(error)));
    } catch (error) {
      this.#fail(call, this.#asGatewayError(error));
    }
    return call.reply;
  }

  #fail(call: PipeCall, error: GatewayError): void {
    this.#calls.delete(call.request.id);
    call.fail(error);
  }

  #endByCaller(call: PipeCall, reason: 'cancelled' | 'abandoned'): void {
    this.#fail(call, new GatewayError('call/cancelled'));
    if (reason === 'cancelled') this.#tellCancelled(call, 'The client cancelled the request');
  }

  #timeOut(call: PipeCall, waitedMs: number): void {
    const { method } = call.request;
    this.#fail(call, this.#error('upstream/timeout', `no reply to ${method} within ${waitedMs / 1_000} s`));
    this.#tellCancelled(call, 'The request timed out');
  }

  /** `initialize` must not be cancelled (lifecycle, "Cancellation"); its failure closes the pipe anyway. */
  #tellCancelled(call: PipeCall, reason: string): void {
    if (this.#state !== 'open') return;
    const params = JSON.stringify({ requestId: call.request.id, reason });
    this.send(notificationText('notifications/cancelled', params), call.headers);
  }

  #receive(text: string): void {
    if (this.#state === 'closed') return;
    const json = text.charCodeAt(0) === OPEN_BRACE ? text : text.trim();
    if (json === '') return;
    const first = json.charCodeAt(0);
    const mayBatch = isLegacyVersion(this.#version) && allowsBatches(this.#version);
    const messages = first === OPEN_BRACE || first === OPEN_BRACKET ? readReplyMessages(json, mayBatch) : undefined;
    if (messages !== undefined) for (const message of messages) this.#dispatch(message);
    else if (!nestsTooDeep(json)) this.#options.onNoise(json);
    else {
      const callId = oversizeReplyId(json.slice(0, ENDS_CHARS), json.slice(-ENDS_CHARS));
      this.#failUnread(callId, 'upstream/bad_reply', `its reply ${replyProblem(json)}`);
    }
  }

  #dispatch(message: RpcMessage): void {
    try {
      const shape = rpcShape(message);
      if (shape === 'response') this.#takeReply(message);
      else if (shape === 'request') this.#takeRequest(message);
      else if (shape === 'notification') this.#takeNotification(message);
      else this.#options.onNoise(message.text);
    } catch (error) {
      // A bug behind one message must not end the process, which is what an error in a stream's event would do.
      this.#options.logger.error({ err: error, server: this.#options.entry.name }, 'message of a server failed');
    }
  }

  #takeReply(message: RpcMessage): void {
    const call = this.#callOf(message.value['id']);
    if (call === undefined) {
      // Late (timed out, cancelled), or a lie.
      this.#options.logger.debug({ server: this.#options.entry.name }, 'reply to no running call ignored');
      return;
    }
    this.#calls.delete(call.request.id);
    call.succeed(message);
  }

  #takeNotification(message: RpcMessage): void {
    if (message.value['method'] === 'notifications/progress') {
      // Without a running call it is late, and on a child that many share nobody else's business.
      const { params } = message.value;
      const token = typeof params === 'object' && params !== null && 'progressToken' in params && params.progressToken;
      const call = this.#callOf(token);
      if (call !== undefined) call.deliver(message);
      // Of a task, which goes on after its call; its session knows the token, and drops any other.
      else if (this.#state === 'open') this.#options.onNotification(message);
      return;
    }
    if (message.value['method'] === 'notifications/cancelled') {
      this.#serverRequests.cancelled(message);
      return;
    }
    if (this.#state === 'open') this.#options.onNotification(message);
  }

  #takeRequest(message: RpcMessage): void {
    const asking = this.#asking();
    const headers = asking[0]?.headers ?? this.#options.credential.headers;
    const client = asking[0] === undefined ? this.#options.client?.() : asking[0].request.client;
    const question = this.#serverRequests.take(
      message,
      client,
      (text) => this.send(text, headers),
      () => {
        for (const call of asking) call.resumeDeadline();
      },
    );
    // It is the client's turn, so the server is not silent.
    if (question !== undefined) for (const call of asking) call.suspendDeadline();
  }

  /**
   * The running calls that a request of the server can belong to, the newest first: a pipe does not say which it is. None
   * when the callers behind them differ: what one is asked must not be shown to another.
   */
  #asking(): PipeCall[] {
    const asking: PipeCall[] = [];
    let key: string | undefined;
    for (const call of this.#calls.values()) {
      const { client } = call.request;
      if (client === undefined) continue;
      if (key !== undefined && client.key !== key) return [];
      key = client.key;
      asking.unshift(call);
    }
    return asking;
  }

  /** Some servers answer a number as a string of digits; every SDK forgives that. */
  #callOf(id: unknown): PipeCall | undefined {
    if (typeof id === 'number') return this.#calls.get(id);
    return typeof id === 'string' && /^\d{1,15}$/.test(id) ? this.#calls.get(Number(id)) : undefined;
  }

  #failOversize(callId: number | undefined): void {
    const { resultBytesMax } = this.#options.limits;
    this.#failUnread(callId, 'upstream/too_large', `more than ${resultBytesMax} bytes`);
  }

  /** A message was not read at all; whoever waits for it should not wait for the deadline. */
  #failUnread(callId: number | undefined, code: UpstreamErrorCode, reason: string): void {
    const call = callId === undefined ? undefined : this.#calls.get(callId);
    const { logger, entry } = this.#options;
    logger.warn({ server: entry.name, reason }, 'message of a server was not read');
    if (call !== undefined) this.#fail(call, this.#error(code, reason));
  }

  #end(reason: string, error: GatewayError): void {
    if (this.#state === 'closed') return;
    const wasOpen = this.#state === 'open';
    this.#state = 'closed';
    this.#closeReason = reason;
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) call.fail(error);
    this.#serverRequests.end();
    void this.#pipe.close();
    if (wasOpen) this.#options.onClose(reason);
  }

  #lost(reason: string): GatewayError {
    return this.#error(this.#state === 'opening' ? 'upstream/unreachable' : 'upstream/session_lost', reason);
  }

  #error(code: UpstreamErrorCode, reason: string): GatewayError {
    return upstreamError(code, this.#options.entry, reason);
  }

  #asGatewayError(error: unknown): GatewayError {
    if (error instanceof GatewayError) return error;
    return new GatewayError('internal/bug', { cause: error });
  }
}
