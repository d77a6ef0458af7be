import type { GatewayError } from '../../../core/errors/gateway-error.js';
import type { RpcMessage } from '../../../core/protocol/rpc-message.js';
import type { UpstreamRequest } from '../upstream.js';

/** Messages a slow receiver of one call may fall behind; further ones are dropped, progress is allowed to be lost. */
const QUEUED_MESSAGES_MAX = 256;
const QUEUED_CHARS_MAX = 1024 * 1024;

/** The longest a Node timer can run. */
const TIMER_MS_MAX = 2_147_483_647;

export interface PipeCallOptions {
  readonly request: UpstreamRequest;
  readonly headers: Readonly<Record<string, string>>;
  /** Longest wait for the reply or the next progress. */
  readonly idleTimeoutMs: number;
  /** The same for the whole call, however busy. */
  readonly timeoutMs: number;
  /** The deadline passed; the owner is to fail the call. */
  readonly onTimeout: (call: PipeCall, waitedMs: number) => void;
}

/**
 * One request that waits for its reply on a message pipe. A receiver whose `onMessage` answers a promise is given the
 * next message when that settled, and the reply after the last of them. It never holds back the pipe itself: other calls,
 * perhaps of other callers, share it.
 */
export class PipeCall {
  readonly request: UpstreamRequest;
  readonly headers: Readonly<Record<string, string>>;
  readonly reply: Promise<RpcMessage>;
  readonly #options: PipeCallOptions;
  readonly #endsAt: number;
  readonly #resolve: (message: RpcMessage) => void;
  readonly #reject: (error: GatewayError) => void;
  readonly #queue: RpcMessage[] = [];
  #queuedChars = 0;
  #handing = false;
  #waitingReply: RpcMessage | undefined;
  #settled = false;
  #suspended = 0;
  #timer: NodeJS.Timeout;
  #timerMs: number;

  constructor(options: PipeCallOptions) {
    this.#options = options;
    this.request = options.request;
    this.headers = options.headers;
    this.#endsAt = performance.now() + options.timeoutMs;
    const { promise, resolve, reject } = Promise.withResolvers<RpcMessage>();
    this.reply = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timerMs = Math.min(options.idleTimeoutMs, options.timeoutMs, TIMER_MS_MAX);
    this.#timer = this.#startTimer();
  }

  /** A message that came with this call. Progress is a sign of life: the idle deadline starts anew. */
  deliver(message: RpcMessage): void {
    if (this.#settled) return;
    this.#refresh();
    if (this.request.onMessage === undefined) return;
    if (!this.#handing) {
      this.#hand(message);
    } else if (
      this.#queue.length < QUEUED_MESSAGES_MAX &&
      this.#queuedChars + message.text.length <= QUEUED_CHARS_MAX
    ) {
      this.#queue.push(message);
      this.#queuedChars += message.text.length;
    }
  }

  /** The upstream waits for the client: until as many {@link resumeDeadline}, only the end of the whole call counts. */
  suspendDeadline(): void {
    this.#suspended += 1;
    if (!this.#settled) this.#refresh();
  }

  resumeDeadline(): void {
    this.#suspended -= 1;
    if (!this.#settled) this.#refresh();
  }

  /** The reply came. It is answered once the receiver has taken what came before it. */
  succeed(message: RpcMessage): void {
    if (this.#settled) return;
    if (this.#handing) {
      this.#waitingReply = message;
      return;
    }
    this.#settle();
    this.#resolve(message);
  }

  fail(error: GatewayError): void {
    if (this.#settled) return;
    this.#settle();
    this.#reject(error);
  }

  #settle(): void {
    this.#settled = true;
    this.#queue.length = 0;
    this.#waitingReply = undefined;
    clearTimeout(this.#timer);
    this.request.control?.onEnd(undefined);
  }

  #hand(message: RpcMessage): void {
    try {
      const taken = this.request.onMessage?.(message);
      if (taken === undefined) return;
      this.#handing = true;
      taken.then(
        () => this.#handNext(),
        () => this.#handNext(), // A receiver that fails loses messages, not the reply.
      );
    } catch {
      // The same, for one that fails at once.
    }
  }

  #handNext(): void {
    this.#handing = false;
    while (!this.#isHanding()) {
      const next = this.#queue.shift();
      if (next === undefined) break;
      this.#queuedChars -= next.text.length;
      this.#hand(next);
    }
    if (!this.#isHanding() && this.#waitingReply !== undefined) this.succeed(this.#waitingReply);
  }

  /** For the compiler: it changes behind calls. */
  #isHanding(): boolean {
    return this.#handing;
  }

  #refresh(): void {
    const idleMs = this.#suspended > 0 ? Number.POSITIVE_INFINITY : this.#options.idleTimeoutMs;
    const timerMs = Math.min(idleMs, this.#endsAt - performance.now(), TIMER_MS_MAX);
    if (timerMs === this.#timerMs) {
      this.#timer.refresh();
      return;
    }
    clearTimeout(this.#timer);
    this.#timerMs = Math.max(timerMs, 0);
    this.#timer = this.#startTimer();
  }

  #startTimer(): NodeJS.Timeout {
    return setTimeout(() => {
      const isOver = performance.now() >= this.#endsAt - 1;
      this.#options.onTimeout(this, isOver ? this.#options.timeoutMs : this.#options.idleTimeoutMs);
    }, this.#timerMs).unref();
  }
}
