import type { IncomingHttpHeaders } from 'node:http';
import { rpcShape } from '../../../core/protocol/rpc-message.js';
import { SseParser, type SseEvent } from '../../../core/protocol/sse-parser.js';
import type { HttpExchange, ResponseSink } from '../../../platform/http/http-exchange.js';
import type { ConnectionCredential } from '../credential/connection-credential.js';
import type { CredentialHeaders } from '../credential/credential-source.js';
import { readReplyMessages } from './http-reply.js';
import type { HttpSession } from './http-session.js';

const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 30_000;

/**
 * The GET stream of a session: messages that belong to no call (2025-03-26, "Listening for Messages from the Server").
 * Reconnects with back-off and resumes after the last event it saw. An upstream that has no such stream is asked once.
 */
export class HttpListener implements ResponseSink {
  readonly #session: HttpSession;
  /** Asked at each connect: the headers of whoever used the session last, with what is fresh of them. */
  readonly #credential: ConnectionCredential;
  #exchange: HttpExchange | undefined;
  #timer: NodeJS.Timeout | undefined;
  #parser: SseParser | undefined;
  #active = false;
  #isUnsupported = false;
  #lastEventId: string | undefined;
  /** As the server named it; 0: it did not. */
  #retryMs = 0;
  #failures = 0;
  #attempt = Promise.withResolvers<void>();

  constructor(session: HttpSession, credential: ConnectionCredential) {
    this.#session = session;
    this.#credential = credential;
  }

  /** Resolves when the stream is there, or will not be for now; at once while nobody listens. */
  get attempted(): Promise<void> {
    return this.#active ? this.#attempt.promise : Promise.resolve();
  }

  start(): void {
    if (this.#active || this.#isUnsupported || this.#session.lost) return;
    this.#active = true;
    this.#attempt = Promise.withResolvers<void>();
    this.#connect();
  }

  stop(): void {
    this.#active = false;
    this.#attempt.resolve();
    clearTimeout(this.#timer);
    this.#exchange?.abort();
    this.#exchange = undefined;
  }

  onHead(status: number, headers: IncomingHttpHeaders): void {
    this.#attempt.resolve();
    if (status === 200 && headers['content-type']?.toLowerCase().startsWith('text/event-stream') === true) {
      this.#parser = new SseParser({
        eventBytesMax: this.#session.limits.resultBytesMax,
        onEvent: (event) => this.#takeEvent(event),
      });
      return;
    }
    if (status === 404 && this.#session.sessionId !== undefined) {
      this.stop();
      this.#session.markLost();
    } else if (status < 500 && ![401, 403, 408, 429].includes(status)) {
      this.#isUnsupported = true;
      this.stop();
    } else {
      this.#exchange?.abort();
      this.#credential.refused(status, headers);
      this.#reconnect();
    }
  }

  onData(chunk: Buffer): void {
    try {
      this.#parser?.push(chunk);
    } catch {
      // An event beyond every bound: what comes after it cannot be told apart from it.
      this.#lastEventId = undefined;
      this.#exchange?.abort();
      this.#reconnect();
    }
  }

  onEnd(): void {
    this.#reconnect();
  }

  onFailure(): void {
    this.#reconnect();
  }

  #connect(): void {
    const headers = this.#credential.fresh();
    if (!(headers instanceof Promise)) {
      this.#open(headers);
      return;
    }
    const attempt = this.#attempt;
    const isWanted = (): boolean => this.#active && attempt === this.#attempt;
    headers.then(
      (fresh) => isWanted() && this.#open(fresh),
      () => isWanted() && this.#reconnect(), // Whoever calls is told what is wrong.
    );
  }

  #open(credential: CredentialHeaders): void {
    this.#parser = undefined;
    const exchange = this.#session.stream(credential, this.#lastEventId, Infinity, Infinity, this);
    if (this.#active) this.#exchange = exchange;
    else exchange.abort();
  }

  #reconnect(): void {
    this.#attempt.resolve();
    if (!this.#active) return;
    this.#exchange = undefined;
    const backOffMs = Math.min(RETRY_MS_MIN * 2 ** this.#failures, RETRY_MS_MAX) * (0.75 + Math.random() / 2);
    this.#failures += 1;
    clearTimeout(this.#timer);
    // Never before the time the server named (2025-11-25, "Sending Messages").
    const waitMs = Math.max(this.#retryMs, this.#failures === 1 && this.#retryMs > 0 ? 0 : backOffMs);
    this.#timer = setTimeout(() => this.#connect(), waitMs).unref();
  }

  #takeEvent({ event, data, id, retry }: SseEvent): void {
    if (!this.#active) return;
    this.#failures = 0;
    if (id !== undefined) this.#lastEventId = id === '' ? undefined : id;
    if (retry !== undefined) this.#retryMs = Math.min(retry, RETRY_MS_MAX);
    if (data === '' || (event !== undefined && event !== 'message')) return;
    // Noise and replies to no request are dropped: nothing here depends on them.
    for (const message of readReplyMessages(data, this.#session.mayBatch) ?? []) {
      const shape = rpcShape(message);
      if (shape === 'request') this.#session.takeRequest(message, 'outside', this.#credential.last, () => undefined);
      else if (shape === 'notification' && !this.#session.tookCancellation(message)) {
        this.#session.onNotification(message);
      }
    }
  }
}
