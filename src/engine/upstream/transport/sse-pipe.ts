import type { IncomingHttpHeaders } from 'node:http';
import type { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Limits } from '../../../core/model/limits.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';
import { SseEventTooLargeError, SseParser, type SseEvent } from '../../../core/protocol/sse-parser.js';
import type { HttpClient } from '../../../platform/http/http-client.js';
import { HttpExchange, type ResponseSink } from '../../../platform/http/http-exchange.js';
import type { HttpFailure } from '../../../platform/http/http-failure.js';
import { parseHttpTarget, type HttpTarget } from '../../../platform/http/http-target.js';
import { errorOfHttpFailure, upstreamError } from '../upstream-error.js';
import { postHeaders, streamHeaders } from './http-headers.js';
import { errorOfStatus } from './http-status.js';
import type { MessagePipe, PipeEvents } from './pipe-connection.js';
import { SsePost } from './sse-post.js';

const REFUSAL_CHARS_MAX = 4 * 1024;
/** POSTs beyond those of calls: cancellations, replies to pings. */
const NOTICES_MAX = 64;

export interface SsePipeOptions {
  readonly client: HttpClient;
  readonly entry: ServerEntry;
  readonly limits: Limits;
  readonly target: HttpTarget;
  /** Of the stream; POSTs bring their own. */
  readonly headers: Readonly<Record<string, string>>;
  readonly handshakeTimeoutMs: number;
}

type Headers = Readonly<Record<string, string>>;

/** Messages over HTTP+SSE (2024-11-05, "HTTP with SSE"): in by the stream of one GET, out by POSTs to its endpoint. */
export class SsePipe implements MessagePipe, ResponseSink {
  readonly #options: SsePipeOptions;
  readonly #opened = Promise.withResolvers<SsePipe>();
  readonly #parser: SseParser;
  readonly #timer: NodeJS.Timeout;
  #exchange: HttpExchange | undefined;
  #state: 'waiting' | 'refused' | 'streaming' | 'over' = 'waiting';
  #refusal: { readonly status: number; readonly headers: IncomingHttpHeaders; body: string } | undefined;
  #endpoint: HttpTarget | undefined;
  #events: PipeEvents | undefined;
  #lost: { readonly reason: string; readonly error: GatewayError | undefined } | undefined;
  #posts = 0;

  /** Resolves when the stream has named its endpoint; nothing is read from it before {@link listen}. */
  static open(options: SsePipeOptions): Promise<SsePipe> {
    const pipe = new SsePipe(options);
    pipe.#start();
    return pipe.#opened.promise;
  }

  private constructor(options: SsePipeOptions) {
    this.#options = options;
    this.#parser = new SseParser({
      eventBytesMax: options.limits.resultBytesMax,
      onEvent: (event) => this.#takeEvent(event),
    });
    this.#timer = setTimeout(() => this.#giveUp(), options.handshakeTimeoutMs).unref();
  }

  /** To be called at once and once. What the stream brings flows from now on. */
  listen(events: PipeEvents): void {
    this.#events = events;
    const lost = this.#lost;
    if (lost !== undefined) queueMicrotask(() => events.onLost(lost.reason, lost.error));
  }

  async send(text: string, headers: Headers, version: string | undefined): Promise<void> {
    const { client, entry, limits } = this.#options;
    if (this.#endpoint === undefined || this.#state === 'over') {
      throw upstreamError('upstream/session_lost', entry, 'its event stream has ended');
    }
    if (this.#posts >= limits.callsPerUpstreamMax + NOTICES_MAX) {
      throw upstreamError('upstream/busy', entry, 'it does not take what it is sent');
    }
    const post = new SsePost(entry, (error) => this.#lose('it does not know the session any more', error));
    this.#posts += 1;
    try {
      await post.deliver(client, {
        target: this.#endpoint,
        method: 'POST',
        // Later revisions want the version; servers of this one ignore it.
        headers: postHeaders({ sessionId: undefined, protocolVersion: version }, headers),
        body: text,
        policy: 'registered',
        lane: 'call',
        idleTimeoutMs: Math.max(entry.timeoutMs ?? 0, limits.callIdleTimeoutMs),
        deadlineAt: client.sweep.now + limits.callTimeoutMs,
      });
    } finally {
      this.#posts -= 1;
    }
  }

  /** There is no farewell in this transport: the end of the stream is the end of the session. */
  close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#state = 'over';
    this.#exchange?.abort();
    return Promise.resolve();
  }

  onHead(status: number, headers: IncomingHttpHeaders): void {
    if (this.#state === 'over') return;
    const type = headers['content-type'] ?? 'none';
    const encoding = headers['content-encoding'] ?? 'identity';
    if (status < 200 || status > 299) {
      this.#state = 'refused';
      this.#refusal = { status, headers, body: '' };
    } else if (!/^text\/event-stream\s*(;|$)/i.test(type)) {
      this.#fail('upstream/bad_reply', `its event stream has content type ${type.slice(0, 80)}`);
    } else if (encoding !== 'identity') {
      this.#fail('upstream/bad_reply', 'its event stream is compressed, which was not asked for');
    } else {
      this.#state = 'streaming';
    }
  }

  onData(chunk: Buffer): void {
    if (this.#state === 'streaming') {
      this.#push(chunk);
    } else if (this.#state === 'refused' && this.#refusal !== undefined) {
      this.#refusal.body += chunk.toString('utf8', 0, REFUSAL_CHARS_MAX);
      if (this.#refusal.body.length >= REFUSAL_CHARS_MAX) this.#endRefusal();
    }
  }

  onEnd(): void {
    if (this.#state === 'refused') this.#endRefusal();
    else this.#lose('its event stream ended');
  }

  onFailure(failure: HttpFailure): void {
    if (this.#state === 'refused') this.#endRefusal();
    else if (this.#state === 'waiting') this.#lose(failure.message, errorOfHttpFailure(this.#options.entry, failure));
    else this.#lose(`its event stream broke (${failure.message})`);
  }

  #start(): void {
    const { client, target, headers } = this.#options;
    this.#exchange = HttpExchange.start(
      client,
      {
        target,
        method: 'GET',
        headers: streamHeaders({ sessionId: undefined, protocolVersion: undefined }, headers, undefined),
        policy: 'registered',
        lane: 'stream',
        idleTimeoutMs: Number.POSITIVE_INFINITY,
        deadlineAt: Number.POSITIVE_INFINITY,
      },
      this,
    );
    if (this.#isOver()) this.#exchange.abort();
  }

  #push(chunk: Buffer): void {
    try {
      this.#parser.push(chunk);
    } catch (error) {
      if (!(error instanceof SseEventTooLargeError)) throw error;
      this.#fail('upstream/too_large', `more than ${error.eventBytesMax} bytes in one event`);
    }
  }

  #takeEvent({ event, data }: SseEvent): void {
    if (this.#state !== 'streaming') return;
    if (event === 'endpoint') {
      if (this.#endpoint === undefined) this.#takeEndpoint(data);
    } else if ((event === undefined || event === 'message') && data !== '') {
      this.#events?.onText(data);
    }
  }

  #takeEndpoint(text: string): void {
    const { target } = this.#options;
    const endpoint = parseHttpTarget(text.trim(), this.#exchange?.target ?? target);
    // The credential goes there: it must be the server that was registered, not one that it (or a redirect) names.
    if (endpoint?.origin !== target.origin) {
      this.#fail('upstream/bad_reply', 'its endpoint is not on the origin of its URL');
      return;
    }
    clearTimeout(this.#timer);
    this.#endpoint = endpoint;
    this.#opened.resolve(this);
  }

  #giveUp(): void {
    if (this.#state === 'refused') this.#endRefusal();
    else if (this.#state === 'streaming') this.#fail('upstream/bad_reply', 'its event stream names no endpoint');
    else this.#fail('upstream/timeout', `no event stream within ${this.#options.handshakeTimeoutMs / 1_000} s`);
  }

  #endRefusal(): void {
    if (this.#refusal === undefined) return;
    const refusal = { ...this.#refusal, error: undefined };
    this.#lose(`HTTP ${refusal.status}`, errorOfStatus(this.#options.entry, refusal));
  }

  #fail(code: 'upstream/bad_reply' | 'upstream/too_large' | 'upstream/timeout', reason: string): void {
    this.#lose(reason, upstreamError(code, this.#options.entry, reason));
  }

  #lose(reason: string, error?: GatewayError): void {
    if (this.#state === 'over') return;
    void this.close();
    this.#lost = { reason, error };
    this.#opened.reject(error ?? upstreamError('upstream/bad_reply', this.#options.entry, reason));
    this.#events?.onLost(reason, error);
  }

  /** For the compiler: the state changes behind calls. */
  #isOver(): boolean {
    return this.#state === 'over';
  }
}
