import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { AddressPolicy } from './address-guard.js';
import type { Deadlined } from './deadline-sweep.js';
import type { HttpClient, HttpLane } from './http-client.js';
import { HttpFailure, toHttpFailure } from './http-failure.js';
import { parseHttpTarget, type HttpTarget } from './http-target.js';

/** One dispatch of a request, as it goes out. */
export interface OutgoingHop {
  readonly method: string;
  readonly target: HttpTarget;
  /** Names and values in turn; names in lower case. */
  readonly headers: readonly string[];
  /** Empty when there is none. */
  readonly body: string;
}

/** Answers headers that are sent along with a hop. When it throws, the request is not sent. */
export type RequestSigner = (hop: OutgoingHop) => readonly string[];

export interface OutgoingRequest {
  readonly target: HttpTarget;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Names and values in turn; names in lower case. */
  readonly headers: readonly string[];
  readonly body?: string;
  readonly policy: AddressPolicy;
  /** Default `follow`. What carries a secret in its body follows none: the body would go along. */
  readonly redirects?: 'follow' | 'same-origin' | 'none';
  /** Asked for every hop on the origin of {@link target}, for no other. */
  readonly sign?: RequestSigner | undefined;
  readonly lane: HttpLane;
  /** Longest wait for the next byte, milliseconds; `Infinity` waits for ever. Does not run while paused. */
  readonly idleTimeoutMs: number;
  /** End of the whole exchange on the clock of `client.sweep`; `Infinity` for none. */
  readonly deadlineAt: number;
}

/** Takes what comes back. After {@link onEnd}, {@link onFailure} or `abort()` nothing is called any more. */
export interface ResponseSink {
  /** The final response's status and headers (lower-cased names), redirects already followed. */
  onHead(status: number, headers: IncomingHttpHeaders): void;
  /** The chunk is the sink's to keep. */
  onData(chunk: Buffer): void;
  onEnd(): void;
  onFailure(failure: HttpFailure): void;
}

const REDIRECTS_MAX = 5;
const REDIRECT_BODY_BYTES_MAX = 64 * 1024;

/** What a request keeps when a redirect leads to another origin: the protocol's own headers, no credential of any kind. */
const CROSS_ORIGIN_HEADERS: ReadonlySet<string> = new Set([
  'accept',
  'content-type',
  'last-event-id',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id',
  'user-agent',
]);

const ABORTED = new Error('The exchange was ended by its owner');

/**
 * One request and its response on undici's cheapest interface. Redirects are followed here: method and body stay on
 * 301, 302, 307 and 308, every hop's address is checked like the first one's, where a public server leads to another
 * origin also that it is public, a hop to another origin loses all credentials, and a hop from https to http is refused.
 */
export class HttpExchange implements Dispatcher.DispatchHandler, Deadlined {
  readonly #client: HttpClient;
  readonly #request: OutgoingRequest;
  readonly #sink: ResponseSink;
  #target: HttpTarget;
  #headers: readonly string[];
  #controller: Dispatcher.DispatchController | undefined;
  #deadlineAt: number;
  #lastByteAt: number;
  #settled = false;
  readonly #slot: number;
  #paused = false;
  #idleSuspended = false;
  #responded = false;
  #hops = 0;
  #next: HttpTarget | undefined;
  #discarded = 0;

  private constructor(client: HttpClient, request: OutgoingRequest, sink: ResponseSink) {
    this.#client = client;
    this.#request = request;
    this.#sink = sink;
    this.#target = request.target;
    this.#headers = request.headers;
    this.#deadlineAt = request.deadlineAt;
    this.#slot = client.sweep.add(this);
    this.#lastByteAt = client.sweep.now;
  }

  /** Sends the request. The sink may be called before this returns. */
  static start(client: HttpClient, request: OutgoingRequest, sink: ResponseSink): HttpExchange {
    const exchange = new HttpExchange(client, request, sink);
    exchange.#dispatch();
    return exchange;
  }

  /** Where the request went in the end. */
  get target(): HttpTarget {
    return this.#target;
  }

  /** Stops reading the socket: the peer is held back. Chunks already read may still come. */
  pause(): void {
    this.#paused = true;
    this.#controller?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#lastByteAt = this.#client.sweep.now;
    this.#controller?.resume();
  }

  /** Silence is expected for a while: only the end of the whole exchange counts. */
  suspendIdle(): void {
    this.#idleSuspended = true;
  }

  resumeIdle(): void {
    this.#idleSuspended = false;
    this.#lastByteAt = this.#client.sweep.now;
  }

  /** Brings the end forward. */
  endWithin(spanMs: number): void {
    this.#deadlineAt = Math.min(this.#deadlineAt, this.#client.sweep.now + spanMs);
  }

  /** Drops the exchange without a word to the sink; the socket is closed if the response was not complete. */
  abort(): void {
    if (this.#settled) return;
    this.#settle();
    this.#controller?.abort(ABORTED);
  }

  checkDeadline(now: number): void {
    if (now > this.#deadlineAt) this.#fail(new HttpFailure('deadline', 'the call took too long', this.#responded));
    else if (!this.#paused && !this.#idleSuspended && now - this.#lastByteAt > this.#request.idleTimeoutMs) {
      const text = `no answer within ${this.#request.idleTimeoutMs} ms`;
      this.#fail(new HttpFailure('idle_timeout', text, this.#responded));
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#settled) {
      controller.abort(ABORTED);
      return;
    }
    this.#controller = controller;
    if (this.#paused) controller.pause();
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (this.#settled || status < 200) return;
    this.#lastByteAt = this.#client.sweep.now;
    this.#responded = true;
    if (status >= 300 && status < 400 && status !== 304 && headers.location !== undefined) {
      this.#redirect(controller, status, headers.location);
      return;
    }
    this.#sink.onHead(status, headers);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settled) return;
    this.#lastByteAt = this.#client.sweep.now;
    if (this.#next === undefined) {
      this.#sink.onData(chunk);
      return;
    }
    this.#discarded += chunk.length;
    if (this.#discarded > REDIRECT_BODY_BYTES_MAX) controller.abort(ABORTED);
  }

  onResponseEnd(): void {
    if (this.#settled) return;
    if (this.#next !== undefined) {
      this.#follow(this.#next);
      return;
    }
    this.#settle();
    this.#sink.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#settled) return;
    if (this.#next !== undefined) {
      this.#follow(this.#next);
      return;
    }
    this.#settle();
    this.#sink.onFailure(toHttpFailure(error, this.#responded));
  }

  #dispatch(): void {
    const { method, body, policy, lane, sign } = this.#request;
    const headers = sign === undefined ? this.#headers : this.#signed(sign);
    if (headers === undefined) return;
    this.#client.dispatch(
      this.#target,
      policy,
      lane,
      { path: this.#target.path, method, headers: headers as string[], body: body ?? null },
      this,
    );
  }

  /** Undefined: it cannot be signed, so it has failed. */
  #signed(sign: RequestSigner): readonly string[] | undefined {
    const { method, body = '', target: first } = this.#request;
    if (this.#target.origin !== first.origin) return this.#headers;
    try {
      return [...this.#headers, ...sign({ method, target: this.#target, headers: this.#headers, body })];
    } catch {
      // Its owner knows why, and says so where the credential is asked for.
      queueMicrotask(() => this.#fail(new HttpFailure('connect_failed', 'the request cannot be signed', false)));
      return undefined;
    }
  }

  #redirect(controller: Dispatcher.DispatchController, status: number, location: string): void {
    const next = parseHttpTarget(location, this.#target);
    const refusal = this.#redirectRefusal(status, next);
    if (refusal !== undefined || next === undefined) {
      this.#fail(new HttpFailure('bad_redirect', refusal ?? 'redirect to something that is not HTTP', true));
      return;
    }
    this.#next = this.#isStrangersWord(next) ? { ...next, isForeign: true } : next;
    this.#discarded = 0;
    if (this.#paused) controller.resume();
  }

  /** A server on the network of the gateway may send it on to another there; one that is anybody's may not. */
  #isStrangersWord(next: HttpTarget): boolean {
    const { policy, lane } = this.#request;
    return next.origin !== this.#target.origin && this.#client.isPublic(this.#target, policy, lane);
  }

  #redirectRefusal(status: number, next: HttpTarget | undefined): string | undefined {
    if (next === undefined) return undefined;
    const { redirects = 'follow' } = this.#request;
    if (redirects === 'none') return 'redirect where none is followed';
    if (redirects === 'same-origin' && next.origin !== this.#target.origin) return 'redirect to another origin';
    if (status === 303 && this.#request.method === 'POST') return 'redirect that would turn the request into a GET';
    if (this.#target.isSecure && !next.isSecure) return 'redirect from https to http';
    if (next.origin === this.#target.origin && next.path === this.#target.path) return 'redirect loop';
    if (this.#hops >= REDIRECTS_MAX) return `more than ${REDIRECTS_MAX} redirects`;
    return undefined;
  }

  #follow(next: HttpTarget): void {
    this.#next = undefined;
    this.#hops += 1;
    if (next.origin !== this.#target.origin) this.#headers = withoutCredentials(this.#headers);
    this.#target = next;
    this.#controller = undefined;
    this.#responded = false;
    this.#dispatch();
  }

  #fail(failure: HttpFailure): void {
    if (this.#settled) return;
    this.#settle();
    this.#controller?.abort(ABORTED);
    this.#sink.onFailure(failure);
  }

  #settle(): void {
    this.#settled = true;
    this.#client.sweep.delete(this.#slot);
  }
}

function withoutCredentials(headers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const [name, value] = [headers[index], headers[index + 1]];
    if (name !== undefined && value !== undefined && CROSS_ORIGIN_HEADERS.has(name)) kept.push(name, value);
  }
  return kept;
}
