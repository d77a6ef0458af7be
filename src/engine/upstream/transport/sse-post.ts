import type { IncomingHttpHeaders } from 'node:http';
import type { GatewayError } from '../../../core/errors/gateway-error.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';
import type { HttpClient } from '../../../platform/http/http-client.js';
import { HttpExchange, type OutgoingRequest, type ResponseSink } from '../../../platform/http/http-exchange.js';
import type { HttpFailure } from '../../../platform/http/http-failure.js';
import { errorOfHttpFailure, upstreamError } from '../upstream-error.js';
import { readReplyMessages } from './http-reply.js';
import { errorOfStatus, meansSessionLost } from './http-status.js';

const REFUSAL_CHARS_MAX = 4 * 1024;
/** What follows the status says nothing more: the socket may be kept if it comes at once. */
const AFTERGLOW_MS = 1_000;

interface Refusal {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  body: string;
}

/** One message on its way out. Any 2xx will do: the reply, if there is one, comes by the stream. */
export class SsePost implements ResponseSink {
  readonly #entry: ServerEntry;
  readonly #onSessionLost: (error: GatewayError) => void;
  readonly #outcome = Promise.withResolvers<undefined>();
  #exchange: HttpExchange | undefined;
  #refusal: Refusal | undefined;

  constructor(entry: ServerEntry, onSessionLost: (error: GatewayError) => void) {
    this.#entry = entry;
    this.#onSessionLost = onSessionLost;
  }

  /**
   * Resolves when the upstream took the message, rejects with `upstream/*` when it refused it or was not reached. A
   * server may also answer only when it has done its work: how long that may take is for the deadline of the call to
   * say, so a timeout here is no failure.
   */
  async deliver(client: HttpClient, request: OutgoingRequest): Promise<void> {
    this.#exchange = HttpExchange.start(client, request, this);
    await this.#outcome.promise;
  }

  onHead(status: number, headers: IncomingHttpHeaders): void {
    if (status >= 200 && status <= 299) this.#outcome.resolve(undefined);
    else this.#refusal = { status, headers, body: '' };
    this.#exchange?.endWithin(AFTERGLOW_MS);
  }

  onData(chunk: Buffer): void {
    if (this.#refusal === undefined || this.#refusal.body.length >= REFUSAL_CHARS_MAX) return;
    this.#refusal.body += chunk.toString('utf8', 0, REFUSAL_CHARS_MAX);
  }

  onEnd(): void {
    if (this.#refusal !== undefined) this.#refuse(this.#refusal);
  }

  onFailure(failure: HttpFailure): void {
    if (this.#refusal !== undefined) this.#refuse(this.#refusal);
    else if (failure.reason === 'idle_timeout' || failure.reason === 'deadline') this.#outcome.resolve(undefined);
    else this.#outcome.reject(errorOfHttpFailure(this.#entry, failure));
  }

  #refuse({ status, headers, body }: Refusal): void {
    const refusal = { status, headers, body, error: readReplyMessages(body, false)?.[0] };
    if (status !== 410 && !meansSessionLost(refusal, true)) {
      this.#outcome.reject(errorOfStatus(this.#entry, refusal));
      return;
    }
    const error = upstreamError('upstream/session_lost', this.#entry, `HTTP ${status}`);
    this.#outcome.reject(error);
    this.#onSessionLost(error);
  }
}
