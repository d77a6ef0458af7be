import type { ServerResponse } from 'node:http';
import type { EventSink } from '../../engine/session/resumable-stream.js';

/** When a client whose stream ended should come back. */
export const RETRY_MS = 1_000;
/** A silent stream gets a comment line this often, or proxies in between cut it. */
export const KEEP_ALIVE_MS = 15_000;

const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
} as const;

/** One SSE response. Owns its keep-alive timer; ends with the response. */
export class EventStream implements EventSink {
  readonly #timer: NodeJS.Timeout;

  constructor(
    private readonly response: ServerResponse,
    headers: Readonly<Record<string, string>> = {},
  ) {
    response.writeHead(200, { ...HEADERS, ...headers });
    response.flushHeaders();
    this.#timer = setInterval(() => {
      if (response.writableLength === 0 && !response.writableEnded) response.write(': keep-alive\n\n');
    }, KEEP_ALIVE_MS).unref();
    response.once('close', () => clearInterval(this.#timer));
  }

  /** Bytes written that the reader has not taken yet. */
  get backlogBytes(): number {
    return this.response.writableLength;
  }

  /**
   * Writes one event whose data is a single line (JSON text without raw line breaks is one). A promise means the reader
   * is behind: wait for it before writing more.
   */
  write(data: string, event?: string, id?: string): Promise<void> | undefined {
    const { response } = this;
    if (response.writableEnded || response.destroyed) return undefined;
    const head = `${event === undefined ? '' : `event: ${event}\n`}${id === undefined ? '' : `id: ${id}\n`}`;
    if (response.write(`${head}data: ${singleLine(data)}\n\n`)) return undefined;
    return new Promise((resolve) => {
      const done = (): void => {
        response.off('drain', done);
        response.off('close', done);
        resolve();
      };
      response.once('drain', done);
      response.once('close', done);
    });
  }

  /** The event that a resumable stream begins with (2025-11-25, "Sending Messages to the Server"). */
  prime(id: string): void {
    if (!this.response.writableEnded) this.response.write(`id: ${id}\nretry: ${RETRY_MS}\ndata: \n\n`);
  }

  /** Tells the client when to come back, and ends. */
  endWithRetry(retryMs = RETRY_MS): void {
    if (this.response.writableEnded) return;
    this.response.write(`retry: ${retryMs}\n\n`);
    this.end();
  }

  end(): void {
    clearInterval(this.#timer);
    if (!this.response.writableEnded) this.response.end();
  }
}

/** JSON from upstream may be pretty-printed; line breaks outside of strings mean nothing, and inside they are escaped. */
function singleLine(json: string): string {
  return json.includes('\n') || json.includes('\r') ? json.replace(/[\r\n]+/g, ' ') : json;
}
