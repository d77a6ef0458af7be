import type { IncomingHttpHeaders } from 'node:http';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import { rpcShape, type RpcMessage } from '../../../core/protocol/rpc-message.js';
import { SseEventTooLargeError, SseParser, type SseEvent } from '../../../core/protocol/sse-parser.js';
import type { HttpExchange, ResponseSink } from '../../../platform/http/http-exchange.js';
import type { HttpFailure } from '../../../platform/http/http-failure.js';
import type { SlotTable } from '../../../platform/http/slot-table.js';
import type { CredentialHeaders } from '../credential/credential-source.js';
import type { CallControl, UpstreamRequest } from '../upstream.js';
import { errorOfHttpFailure, upstreamError, type UpstreamErrorCode } from '../upstream-error.js';
import { answersRequest, readReplyMessages, replyProblem } from './http-reply.js';
import type { HttpSession } from './http-session.js';
import { errorOfStatus, type Refusal } from './http-status.js';

/** A refusal's body is looked at, never forwarded whole. */
const REFUSAL_BYTES_MAX = 64 * 1024;
/** After the reply the upstream may take this long to end the response; then the socket is closed. */
const AFTERGLOW_MS = 1_000;
const AFTERGLOW_BYTES_MAX = 64 * 1024;
/** SSE polling: the wait when the server named none, the bounds of what it may name, and polls in a row without any event. */
const RETRY_MS = 1_000;
const RETRY_MS_MIN = 50;
const RETRY_MS_MAX = 60_000;
const EMPTY_POLLS_MAX = 5;

/** What is being read. */
type Mode = 'head' | 'json' | 'events' | 'refusal' | 'done';

/**
 * One request over streamable HTTP: a POST whose response is the reply as JSON, or a stream of events that ends in it,
 * resumed by GET when the upstream closes it in between (2025-11-25, "Polling"). Settles its promise exactly once.
 */
export class HttpCall implements ResponseSink {
  /** Status and headers of the response to the POST. */
  status = 0;
  headers: IncomingHttpHeaders = {};

  readonly #session: HttpSession;
  readonly #request: UpstreamRequest;
  readonly #credential: CredentialHeaders;
  readonly #idleTimeoutMs: number;
  readonly #deadlineAt: number;
  readonly #resolve: (reply: RpcMessage) => void;
  readonly #reject: (error: unknown) => void;
  /** Where it stands while it runs. */
  readonly #running: SlotTable<HttpCall> | undefined;
  readonly #slot: number;
  #exchange: HttpExchange | undefined;
  #mode: Mode = 'head';
  #first: Buffer | undefined;
  #rest: Buffer[] | undefined;
  #bytes = 0;
  #parser: SseParser | undefined;
  #lastEventId: string | undefined;
  #retryMs = RETRY_MS;
  #emptyPolls = 0;
  #pollTimer: NodeJS.Timeout | undefined;
  /** Events that came while a receiver held back reading. At most what one chunk held. */
  #waiting: string[] | undefined;
  #held = false;
  /** Questions of the upstream to the client that are open. */
  #questions: Set<CallControl> | undefined;
  #ended = false;

  constructor(
    session: HttpSession,
    request: UpstreamRequest,
    credential: CredentialHeaders,
    resolve: (reply: RpcMessage) => void,
    reject: (error: unknown) => void,
    running: SlotTable<HttpCall> | undefined,
  ) {
    this.#session = session;
    this.#request = request;
    this.#credential = credential;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#running = running;
    this.#slot = running?.add(this) ?? -1;
    const { entry, limits, client } = session;
    this.#idleTimeoutMs = request.idleTimeoutMs ?? entry.timeoutMs ?? limits.callIdleTimeoutMs;
    this.#deadlineAt = client.sweep.now + limits.callTimeoutMs;
  }

  /** Sends the request. May settle before it returns. */
  start(): void {
    const { control, text } = this.#request;
    if (control?.reason !== undefined) {
      this.#fail(new GatewayError('call/cancelled'));
      return;
    }
    control?.onEnd((reason) => this.#endByCaller(reason));
    const exchange = this.#session.post(text, this.#credential, this.#idleTimeoutMs, this.#deadlineAt, this);
    if (this.#mode !== 'done') this.#exchange = exchange;
  }

  /** The target the request ended at, redirects followed. */
  get target(): HttpExchange['target'] {
    return this.#exchange?.target ?? this.#session.target;
  }

  /** The gateway itself ends the connection: whoever wanted the call is gone. */
  drop(): void {
    this.#fail(new GatewayError('call/cancelled'));
  }

  onHead(status: number, headers: IncomingHttpHeaders): void {
    if (this.#mode === 'done') return;
    const isPoll = this.#lastEventId !== undefined;
    if (!isPoll) {
      this.status = status;
      this.headers = headers;
    }
    if (status >= 400) {
      this.#mode = 'refusal';
      if (isPoll) this.#failWith('upstream/bad_reply', `the stream ended before the reply and cannot be resumed`);
      return;
    }
    const type = headers['content-type'];
    const encoding = headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      this.#failWith('upstream/bad_reply', 'its reply is compressed, which was not asked for');
    } else if (type === undefined) {
      this.#failWith('upstream/bad_reply', `HTTP ${status} without a reply`);
    } else if (isType(type, 'text/event-stream')) {
      this.#mode = 'events';
      this.#parser = this.#newParser();
    } else if (isType(type, 'application/json') && !isPoll) {
      this.#mode = 'json';
      const length = Number(headers['content-length'] ?? 0);
      if (length > this.#session.limits.resultBytesMax) this.#failTooLarge();
    } else {
      this.#failWith('upstream/bad_reply', `its reply has content type ${type.slice(0, 80)}`);
    }
  }

  onData(chunk: Buffer): void {
    this.#bytes += chunk.length;
    switch (this.#mode) {
      case 'json':
        if (this.#bytes > this.#session.limits.resultBytesMax) this.#failTooLarge();
        else this.#keep(chunk);
        return;
      case 'events':
        this.#push(chunk);
        return;
      case 'refusal':
        if (this.#bytes <= REFUSAL_BYTES_MAX) this.#keep(chunk);
        else this.#endRefusal();
        return;
      case 'done':
        if (this.#bytes > AFTERGLOW_BYTES_MAX) this.#exchange?.abort();
        return;
      case 'head':
        return;
    }
  }

  onEnd(): void {
    switch (this.#mode) {
      case 'json':
        this.#takeJson();
        return;
      case 'events':
        this.#ended = true;
        if (!this.#held) this.#endStream();
        return;
      case 'refusal':
        this.#endRefusal();
        return;
      case 'done':
        return;
      case 'head':
        this.#failWith('upstream/bad_reply', 'no reply');
        return;
    }
  }

  onFailure(failure: HttpFailure): void {
    if (this.#mode === 'done') return;
    if (this.#mode === 'refusal') {
      this.#endRefusal();
    } else if (failure.reason === 'connection_lost' && this.#lastEventId !== undefined) {
      this.#ended = true;
      if (!this.#held) this.#endStream();
    } else {
      const isLate = failure.reason === 'idle_timeout' || failure.reason === 'deadline';
      // `initialize` must not be cancelled (lifecycle, "Cancellation").
      if (isLate && this.#session.protocolVersion !== undefined) {
        this.#session.cancelled(this.#request.id, 'The request timed out', this.#credential);
      }
      this.#fail(errorOfHttpFailure(this.#session.entry, failure));
    }
  }

  #endByCaller(reason: 'cancelled' | 'abandoned'): void {
    if (this.#mode === 'done') return;
    if (reason === 'cancelled' && this.#session.protocolVersion !== undefined) {
      this.#session.cancelled(this.#request.id, 'The client cancelled the request', this.#credential);
    }
    this.#fail(new GatewayError('call/cancelled'));
  }

  #keep(chunk: Buffer): void {
    if (this.#first === undefined) this.#first = chunk;
    else if (this.#rest === undefined) this.#rest = [this.#first, chunk];
    else this.#rest.push(chunk);
  }

  #takeText(): string {
    const whole = this.#rest === undefined ? this.#first : Buffer.concat(this.#rest);
    this.#first = this.#rest = undefined;
    return whole === undefined ? '' : whole.toString('utf8');
  }

  #takeJson(): void {
    const text = this.#takeText();
    const messages = readReplyMessages(text, this.#session.mayBatch);
    if (messages === undefined) {
      this.#failWith('upstream/bad_reply', `its reply ${replyProblem(text)}`);
      return;
    }
    for (const message of messages) {
      // A lone error without an id is the reply to a request that the upstream could not read.
      if (messages.length === 1 && isErrorWithoutId(message)) this.#succeed(message);
      else this.#take(message);
      if (this.#isDone()) return;
    }
    this.#failWith('upstream/bad_reply', 'no reply');
  }

  #newParser(): SseParser {
    return new SseParser({
      eventBytesMax: this.#session.limits.resultBytesMax,
      onEvent: (event) => this.#takeEvent(event),
    });
  }

  #push(chunk: Buffer): void {
    try {
      this.#parser?.push(chunk);
    } catch (error) {
      if (!(error instanceof SseEventTooLargeError)) throw error;
      this.#failTooLarge();
    }
  }

  #takeEvent({ event, data, id, retry }: SseEvent): void {
    if (this.#mode === 'done') return;
    if (id !== undefined) this.#lastEventId = id === '' ? undefined : id;
    if (retry !== undefined) this.#retryMs = Math.min(Math.max(retry, RETRY_MS_MIN), RETRY_MS_MAX);
    this.#emptyPolls = 0;
    if (data === '' || (event !== undefined && event !== 'message')) return;
    if (this.#held) (this.#waiting ??= []).push(data);
    else this.#takeEventText(data);
  }

  #takeEventText(text: string): void {
    const messages = readReplyMessages(text, this.#session.mayBatch);
    if (messages === undefined) {
      this.#failWith('upstream/bad_reply', `an event of its reply ${replyProblem(text)}`);
      return;
    }
    for (const message of messages) {
      this.#take(message);
      if (this.#isDone()) return;
    }
  }

  #take(message: RpcMessage): void {
    switch (rpcShape(message)) {
      case 'response':
        if (answersRequest(message, this.#request.id)) this.#succeed(message);
        else this.#failWith('upstream/bad_reply', 'it answered with the id of another request');
        return;
      case 'notification':
        if (!this.#session.tookCancellation(message)) this.#deliver(message);
        return;
      case 'request':
        this.#takeRequest(message);
        return;
      case 'invalid':
        this.#failWith('upstream/bad_reply', 'its reply is not a JSON-RPC message');
        return;
    }
  }

  #takeRequest(message: RpcMessage): void {
    const question = this.#session.takeRequest(message, this.#request.client, this.#credential, (settled) => {
      if (this.#questions?.delete(settled) !== true || this.#questions.size > 0) return;
      this.#exchange?.resumeIdle();
    });
    if (question === undefined) return;
    this.#questions ??= new Set();
    this.#questions.add(question);
    // It is the client's turn, so the upstream is not silent.
    this.#exchange?.suspendIdle();
  }

  #deliver(message: RpcMessage): void {
    const { onMessage } = this.#request;
    if (onMessage === undefined) {
      // Nobody follows this call, but a changed list concerns everybody.
      if (String(message.value['method']).endsWith('/list_changed')) this.#session.onNotification(message);
      return;
    }
    try {
      const taken = onMessage(message);
      if (taken === undefined) return;
      this.#held = true;
      this.#exchange?.pause();
      taken.then(
        () => this.#release(),
        () => this.#release(), // A receiver that fails loses messages, not the reply.
      );
    } catch {
      // The same, for one that fails at once.
    }
  }

  #release(): void {
    this.#held = false;
    while (!this.#isHeld() && !this.#isDone()) {
      const text = this.#waiting?.shift();
      if (text === undefined) break;
      this.#takeEventText(text);
    }
    if (this.#isHeld() || this.#isDone()) return;
    if (this.#ended) this.#endStream();
    else this.#exchange?.resume();
  }

  /** The stream is over and brought no reply: it can be resumed if its events had ids. */
  #endStream(): void {
    if (!this.#session.mayResume || this.#lastEventId === undefined || this.#emptyPolls >= EMPTY_POLLS_MAX) {
      this.#failWith('upstream/bad_reply', 'the stream ended before the reply');
      return;
    }
    this.#emptyPolls += 1;
    this.#exchange = undefined;
    this.#pollTimer = setTimeout(() => this.#poll(), this.#retryMs);
    this.#request.onPolled?.(this.#retryMs);
  }

  #poll(): void {
    this.#mode = 'head';
    this.#ended = false;
    const { client } = this.#session;
    if (client.sweep.now > this.#deadlineAt) {
      this.#failWith('upstream/timeout', 'the call took too long');
      return;
    }
    const exchange = this.#session.stream(
      this.#credential,
      this.#lastEventId,
      this.#idleTimeoutMs,
      this.#deadlineAt,
      this,
    );
    if (this.#isDone()) return;
    this.#exchange = exchange;
    if (this.#questions !== undefined && this.#questions.size > 0) exchange.suspendIdle();
  }

  #endRefusal(): void {
    const { entry } = this.#session;
    const body = this.#takeText();
    const [error] = readReplyMessages(body, false) ?? [];
    const isReply = error !== undefined && (isErrorWithoutId(error) || isErrorReply(error, this.#request.id));
    const refusal: Refusal = { status: this.status, headers: this.headers, body, error: isReply ? error : undefined };
    if (this.#session.isLostBy(refusal)) {
      this.#session.markLost();
      this.#failWith('upstream/session_lost', `HTTP ${this.status}`);
    } else if (isReply && ![401, 403, 429].includes(this.status) && this.status < 500) {
      this.#succeed(error);
    } else {
      this.#fail(errorOfStatus(entry, refusal));
    }
  }

  #succeed(reply: RpcMessage): void {
    this.#settle();
    this.#bytes = 0;
    this.#exchange?.endWithin(AFTERGLOW_MS);
    this.#resolve(reply);
  }

  #failTooLarge(): void {
    this.#failWith('upstream/too_large', `more than ${this.#session.limits.resultBytesMax} bytes`);
  }

  #failWith(code: UpstreamErrorCode, reason: string): void {
    this.#fail(upstreamError(code, this.#session.entry, reason));
  }

  #fail(error: GatewayError): void {
    if (this.#mode === 'done') return;
    this.#settle();
    clearTimeout(this.#pollTimer);
    this.#exchange?.abort();
    this.#reject(error);
  }

  #settle(): void {
    this.#mode = 'done';
    this.#first = this.#rest = this.#waiting = undefined;
    this.#request.control?.onEnd(undefined);
    this.#running?.delete(this.#slot);
    // Nobody needs the answers any more: the client is told.
    if (this.#questions !== undefined) for (const question of this.#questions) question.cancel();
  }

  // For the compiler, which does not see that both change behind calls.
  #isHeld(): boolean {
    return this.#held;
  }

  #isDone(): boolean {
    return this.#mode === 'done';
  }
}

function isType(contentType: string, wanted: string): boolean {
  return contentType.startsWith(wanted) || contentType.slice(0, wanted.length).toLowerCase() === wanted;
}

function isErrorWithoutId(message: RpcMessage): boolean {
  return 'error' in message.value && (message.value['id'] === null || message.value['id'] === undefined);
}

function isErrorReply(message: RpcMessage, id: number): boolean {
  return rpcShape(message) === 'response' && 'error' in message.value && answersRequest(message, id);
}
