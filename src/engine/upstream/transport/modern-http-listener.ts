import type { IncomingHttpHeaders } from 'node:http';
import { rpcShape, type RpcMessage } from '../../../core/protocol/rpc-message.js';
import { SseParser } from '../../../core/protocol/sse-parser.js';
import { HttpExchange, type ResponseSink } from '../../../platform/http/http-exchange.js';
import type { CredentialHeaders } from '../credential/credential-source.js';
import { readReplyMessages } from './http-reply.js';
import type { HttpSession } from './http-session.js';
import type { ListenerMeans, ModernListener } from './modern-carrier.js';
import { ACKNOWLEDGED, listenRequest } from './modern-listen-request.js';

const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 30_000;

/**
 * `subscriptions/listen` over HTTP: a POST whose response stays open. Opened again with back-off when it ends, for it
 * cannot be resumed. A server that has no such thing is asked once.
 */
export class ModernHttpListener implements ModernListener, ResponseSink {
  #filter: string | undefined;
  #exchange: HttpExchange | undefined;
  #parser: SseParser | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #wasHeard = false;
  #isUnsupported = false;

  constructor(
    private readonly session: HttpSession,
    private readonly means: ListenerMeans,
    private readonly clientInfoText: string,
  ) {}

  listen(filter: string | undefined): void {
    if (filter === this.#filter || this.#isUnsupported) return;
    this.#filter = filter;
    this.#stop();
    this.#failures = 0;
    if (filter !== undefined) this.#connect(filter);
  }

  onHead(status: number, headers: IncomingHttpHeaders): void {
    if (status === 200 && headers['content-type']?.toLowerCase().startsWith('text/event-stream') === true) {
      this.#parser = new SseParser({
        eventBytesMax: this.session.limits.resultBytesMax,
        onEvent: ({ data }) => this.#take(data),
      });
      return;
    }
    this.#exchange?.abort();
    this.means.credential.refused(status, headers);
    if (status < 500 && ![401, 403, 408, 429].includes(status)) this.#isUnsupported = true;
    else this.#reconnect();
  }

  onData(chunk: Buffer): void {
    try {
      this.#parser?.push(chunk);
    } catch {
      // An event beyond every bound: what comes after it cannot be told apart from it.
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

  #connect(filter: string): void {
    const headers = this.means.credential.fresh();
    if (!(headers instanceof Promise)) {
      this.#open(filter, headers);
      return;
    }
    const isWanted = (): boolean => this.#filter === filter && this.#exchange === undefined;
    headers.then(
      (fresh) => isWanted() && this.#open(filter, fresh),
      () => isWanted() && this.#reconnect(), // Whoever calls is told what is wrong.
    );
  }

  #open(filter: string, credential: CredentialHeaders): void {
    const { session, means } = this;
    const { text, headers } = listenRequest(means.nextRequestId(), filter, this.clientInfoText);
    const request = {
      target: session.target,
      method: 'POST',
      headers: session.postHeaders({ ...credential, ...headers }),
      body: text,
      policy: 'registered',
      sign: session.sign,
      lane: 'stream',
      idleTimeoutMs: Number.POSITIVE_INFINITY,
      deadlineAt: Number.POSITIVE_INFINITY,
    } as const;
    this.#exchange = HttpExchange.start(session.client, request, this);
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#exchange?.abort();
    this.#exchange = this.#parser = undefined;
  }

  #reconnect(): void {
    const filter = this.#filter;
    this.#stop();
    if (filter === undefined) return;
    const waitMs = Math.min(RETRY_MS_MIN * 2 ** this.#failures, RETRY_MS_MAX);
    this.#failures += 1;
    this.#timer = setTimeout(() => this.#connect(filter), waitMs * (0.75 + Math.random() / 2)).unref();
  }

  #take(data: string): void {
    if (data === '' || this.#filter === undefined) return;
    for (const message of readReplyMessages(data, false) ?? []) this.#takeMessage(message);
  }

  #takeMessage(message: RpcMessage): void {
    if (rpcShape(message) !== 'notification') return;
    if (message.value['method'] !== ACKNOWLEDGED) {
      this.means.onMessage(message);
      return;
    }
    const wasDeaf = this.#wasHeard && this.#failures > 0;
    this.#wasHeard = true;
    this.#failures = 0;
    if (wasDeaf) this.means.onGap();
  }
}
