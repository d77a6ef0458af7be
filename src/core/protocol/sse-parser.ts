import { PendingBytes } from './pending-bytes.js';

/** One block of an event stream. */
export interface SseEvent {
  /** The `event` field; undefined means `message`. */
  readonly event: string | undefined;
  /** The `data` lines joined by line feeds; empty when the block had only an id or a retry delay. */
  readonly data: string;
  /** The `id` field of this very block. An empty string resets the last event id. */
  readonly id: string | undefined;
  /** Milliseconds before a reconnect. */
  readonly retry: number | undefined;
}

export interface SseParserOptions {
  /** Most bytes of one block, its line ends included; also the most that is ever held back. */
  readonly eventBytesMax: number;
  /** Called during `push`, in order. What it throws comes out of `push`. */
  readonly onEvent: (event: SseEvent) => void;
}

/** A block (or a line without end) passed `eventBytesMax`. The parser must not be used after that. */
export class SseEventTooLargeError extends Error {
  constructor(readonly eventBytesMax: number) {
    super(`An event of the stream is larger than ${eventBytesMax} bytes`);
    this.name = 'SseEventTooLargeError';
  }
}

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;

const DATA = Buffer.from('data');
const EVENT = Buffer.from('event');
const ID = Buffer.from('id');
const RETRY = Buffer.from('retry');

/**
 * Incremental parser of `text/event-stream` (WHATWG HTML §9.2.6): any chunk boundaries, CRLF, CR or LF, a leading byte
 * order mark, comments, unknown fields. Two deliberate differences: a block with an `id` or a `retry` but no `data` is
 * reported too (with empty data), since MCP's priming and polling events are of that kind (2025-11-25, "Sending
 * Messages"); and the event id is not carried over from one block to the next. A block the stream ends in is dropped.
 */
export class SseParser {
  readonly #eventBytesMax: number;
  readonly #onEvent: (event: SseEvent) => void;
  readonly #line = new PendingBytes();
  #atStart = true;
  /** The last chunk ended in CR: a line feed at the start of the next one belongs to it. */
  #skipsLineFeed = false;
  #blockBytes = 0;
  #data: string | undefined;
  #event: string | undefined;
  #id: string | undefined;
  #retry: number | undefined;

  constructor(options: SseParserOptions) {
    this.#eventBytesMax = options.eventBytesMax;
    this.#onEvent = options.onEvent;
  }

  /** Reads the next bytes. Throws {@link SseEventTooLargeError}. */
  push(chunk: Uint8Array): void {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    if (this.#skipsLineFeed && bytes.length > 0) {
      this.#skipsLineFeed = false;
      if (bytes[0] === LF) at = 1;
    }
    // Each kind of line end is searched for once, not once per line.
    let lineFeed = bytes.indexOf(LF, at);
    let carriageReturn = bytes.indexOf(CR, at);
    while (lineFeed !== -1 || carriageReturn !== -1) {
      const isReturn = carriageReturn !== -1 && (lineFeed === -1 || carriageReturn < lineFeed);
      const end = isReturn ? carriageReturn : lineFeed;
      this.#endLine(bytes, at, end);
      at = end + 1;
      if (isReturn) {
        if (at === bytes.length) this.#skipsLineFeed = true;
        else if (bytes[at] === LF) at += 1;
        carriageReturn = bytes.indexOf(CR, at);
      }
      if (lineFeed !== -1 && lineFeed < at) lineFeed = bytes.indexOf(LF, at);
    }
    if (at < bytes.length) {
      this.#admit(this.#blockBytes + this.#line.length + bytes.length - at);
      this.#line.append(bytes, at, bytes.length);
    }
  }

  #admit(bytes: number): void {
    if (bytes > this.#eventBytesMax) throw new SseEventTooLargeError(this.#eventBytesMax);
  }

  #endLine(bytes: Buffer, start: number, end: number): void {
    if (this.#line.length === 0) {
      this.#readLine(bytes, start, end);
      return;
    }
    this.#admit(this.#blockBytes + this.#line.length + end - start);
    this.#line.append(bytes, start, end);
    const line = this.#line.take();
    this.#readLine(line, 0, line.length);
  }

  #readLine(bytes: Buffer, lineStart: number, end: number): void {
    let start = lineStart;
    if (this.#atStart) {
      this.#atStart = false;
      if (bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf && start + 3 <= end)
        start += 3;
    }
    if (start === end) {
      this.#endBlock();
      return;
    }
    const first = bytes[start];
    if (first === COLON) return;
    this.#blockBytes += end - start + 1;
    this.#admit(this.#blockBytes);
    if (first === DATA[0] && isField(bytes, start, end, DATA)) {
      const value = fieldValue(bytes, start, end, DATA);
      this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
    } else if (first === EVENT[0] && isField(bytes, start, end, EVENT)) {
      this.#event = fieldValue(bytes, start, end, EVENT);
    } else if (first === ID[0] && isField(bytes, start, end, ID)) {
      const value = fieldValue(bytes, start, end, ID);
      if (!value.includes('\0')) this.#id = value;
    } else if (first === RETRY[0] && isField(bytes, start, end, RETRY)) {
      const value = fieldValue(bytes, start, end, RETRY);
      if (/^[0-9]{1,15}$/.test(value)) this.#retry = Number(value);
    }
  }

  #endBlock(): void {
    const [event, data, id, retry] = [this.#event, this.#data, this.#id, this.#retry];
    this.#blockBytes = 0;
    this.#event = this.#data = this.#id = this.#retry = undefined;
    if (data === undefined && id === undefined && retry === undefined) return;
    this.#onEvent({ event: event === '' ? undefined : event, data: data ?? '', id, retry });
  }
}

/** Whether the line is `name`, or `name:` and a value. */
function isField(bytes: Buffer, start: number, end: number, name: Buffer): boolean {
  const nameEnd = start + name.length;
  if (nameEnd > end || (nameEnd < end && bytes[nameEnd] !== COLON)) return false;
  for (let index = 1; index < name.length; index += 1) if (bytes[start + index] !== name[index]) return false;
  return true;
}

/** Decoded only here, when the whole line is there: a chunk boundary inside a UTF-8 sequence cannot matter. */
function fieldValue(bytes: Buffer, start: number, end: number, name: Buffer): string {
  let from = start + name.length + 1;
  if (from < end && bytes[from] === SPACE) from += 1;
  return from < end ? bytes.toString('utf8', from, end) : '';
}
