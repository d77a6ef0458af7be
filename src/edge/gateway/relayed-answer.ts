import type { IncomingMessage, ServerResponse } from 'node:http';
import { RETRY_MS } from './event-stream.js';
import { lostCallReplies } from './lost-calls.js';
import { SERVED_BY_HEADER } from './peer-pass.js';

const NOT_PASSED = ['connection', 'keep-alive', 'transfer-encoding'];
const BLANK_LINE = Buffer.from('\n\n');

export interface RelayedRequest {
  /** It came from a client, not from another process. */
  readonly isFirst: boolean;
  /** What was sent, if it was read here. */
  readonly body: string | undefined;
  /** A stream of messages outside of calls. */
  readonly isStream: boolean;
}

/**
 * The answer of another process on its way to the client. An event stream that breaks off before its call was answered
 * ends with an error for the call: its client must not wait for a reply that will not come.
 */
export class RelayedAnswer {
  /** When it is over: whether all of it came that the client stayed for. Never rejects. */
  readonly whole: Promise<boolean>;
  #isBroken = false;
  readonly #isEvents: boolean;
  /** The last bytes: an event may begin here. */
  #tail = BLANK_LINE;

  constructor(
    private readonly answer: IncomingMessage,
    private readonly response: ServerResponse,
    private readonly request: RelayedRequest,
  ) {
    const headers = { ...answer.headers };
    for (const name of NOT_PASSED) delete headers[name];
    if (request.isFirst) delete headers[SERVED_BY_HEADER];
    this.#isEvents = headers['content-type']?.startsWith('text/event-stream') === true;
    response.writeHead(answer.statusCode ?? 502, headers);
    // Others are complete in a moment, and go out in one piece.
    if (this.#isEvents) {
      response.flushHeaders();
      answer.on('data', (chunk: Buffer) => this.#remember(chunk));
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.whole = promise;
    answer.on('error', () => {
      // `close` follows, and says what was missing.
    });
    answer.once('close', () => {
      if (!answer.complete && !response.destroyed) this.#breakOff();
    });
    response.once('close', () => resolve(!this.#isBroken));
    answer.pipe(response);
  }

  /** The process is going: a stream outside of calls ends with a hint when to come back. */
  endStream(): void {
    if (!this.#isEvents || !this.request.isStream || this.response.writableEnded) return;
    this.answer.unpipe(this.response);
    if (this.#isBetweenEvents) this.response.write(`retry: ${RETRY_MS}\n\n`);
    this.response.end();
  }

  get #isBetweenEvents(): boolean {
    return this.#tail.equals(BLANK_LINE);
  }

  #breakOff(): void {
    if (this.response.writableEnded) return;
    this.#isBroken = true;
    const { body, isFirst, isStream } = this.request;
    if (!isFirst || !this.#isEvents || !this.#isBetweenEvents) {
      this.response.destroy();
      return;
    }
    const replies = isStream || body === undefined ? undefined : lostCallReplies(body);
    this.response.end(replies === undefined ? `retry: ${RETRY_MS}\n\n` : `data: ${replies}\n\n`);
  }

  #remember(chunk: Buffer): void {
    this.#tail = Buffer.concat([this.#tail, chunk.subarray(-2)]).subarray(-2);
  }
}
