import type { IncomingMessage, ServerResponse } from 'node:http';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { ResumableStream } from '../../engine/session/resumable-stream.js';
import type { ResumeBuffer } from '../../engine/session/resume-buffer.js';
import { EventStream } from './event-stream.js';

/** What the client can read, by its Accept header; absent or a wildcard gets JSON (contract §3). */
export interface Accepts {
  readonly json: boolean;
  readonly events: boolean;
}

export function readAccepts(request: IncomingMessage): Accepts {
  const accept = request.headers.accept;
  if (accept === undefined || accept === '') return { json: true, events: false };
  const json = accept.includes('application/json') || accept.includes('*/*') || accept.includes('application/*');
  const events = accept.includes('text/event-stream');
  if (!json && !events) throw new GatewayError('http/not_acceptable', { detail: accept });
  return { json, events };
}

/**
 * The answer to one POST: a JSON body where one message suffices, an event stream from the moment a call has more to
 * say. Writes once; safe to use after the client went away. What is kept by a session is written for when it comes back.
 */
export class Exchange {
  #stream: EventStream | undefined;
  #lingered = 0;
  #buffer: ResumeBuffer | undefined;
  #idText = 'null';
  #kept: ResumableStream | undefined;

  constructor(
    private readonly response: ServerResponse,
    private readonly accepts: Accepts,
    /** Extra headers of the answer, such as the session id. */
    private readonly headers: Record<string, string>,
  ) {}

  setHeader(name: string, value: string): void {
    this.headers[name] = value;
  }

  /** From now on its event stream, if it becomes one, may be resumed. `idText` is the raw id of the request. */
  keepBy(buffer: ResumeBuffer, idText: string): void {
    this.#buffer = buffer;
    this.#idText = idText;
  }

  /** The client knows where to come back to: that it is gone does not end what runs. */
  get isKept(): boolean {
    return this.#kept?.isEnded === false;
  }

  /** Whether {@link emit} reaches the client, now or when it comes back. */
  get canStream(): boolean {
    if (this.#kept !== undefined) return !this.#kept.isEnded;
    return this.accepts.events && !this.response.writableEnded && !this.response.destroyed;
  }

  /** Called now and then while the call runs: from the second time on it is an event stream, if the client can read one. */
  linger(): void {
    this.#lingered += 1;
    if (this.#lingered > 1 && this.canStream) this.#open();
  }

  /** A message that precedes the reply. Dropped for a client that cannot read a stream. */
  emit(text: string): void | Promise<void> {
    return this.canStream ? this.#open().write(text) : undefined;
  }

  /**
   * The server lets go of the stream until there is more to say, and so does the gateway: the client comes back for it after
   * this long (2025-11-25, polling). Does nothing where it could not.
   */
  rest(retryMs: number): void {
    if (this.#buffer === undefined || !this.canStream) return;
    this.#open();
    this.#kept?.rest(retryMs);
  }

  /** The reply, or the array of replies of a batch. `status` counts only while nothing has been streamed. */
  finish(text: string, status = 200): void {
    if (this.#kept === undefined && (this.response.destroyed || this.response.writableEnded)) return;
    if (this.#stream === undefined && (this.accepts.json || status !== 200)) {
      writeJson(this.response, status, text, this.headers);
      return;
    }
    const stream = this.#open();
    void stream.write(text);
    stream.end();
  }

  #open(): EventStream | ResumableStream {
    const known = this.#kept ?? this.#stream;
    if (known !== undefined) return known;
    const stream = new EventStream(this.response, this.headers);
    this.#stream = stream;
    if (this.#buffer === undefined) return stream;
    const kept = this.#buffer.openCall(this.#idText);
    this.#kept = kept;
    kept.attach(stream);
    this.response.once('close', () => kept.detach(stream));
    return kept;
  }

  /** 202 without a body: notifications and responses. */
  accepted(): void {
    this.response.writeHead(202, { ...this.headers, 'Content-Length': '0' }).end();
  }
}

/** One JSON answer with its length, which keeps the connection reusable. */
export function writeJson(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}
