import { PendingBytes } from '../../../core/protocol/pending-bytes.js';

const LF = 0x0a;
const CR = 0x0d;

export interface LineSplitterOptions {
  /** Longest line kept, in bytes; longer ones are passed over without being stored. */
  readonly lineBytesMax: number;
  /** Without its line end. Invalid UTF-8 is replaced. */
  readonly onLine: (line: string) => void;
  /** How much of the two ends of a passed-over line is kept. */
  readonly endBytes: number;
  /** Called when a line passes the bound, and again when it ended: then with its last bytes. */
  readonly onOversize: (head: string, tail: string | undefined) => void;
  /** Called once, when a line has gone on to many times the bound. */
  readonly onEndless?: () => void;
}

/** A line this many times longer than allowed will not end any more. */
const ENDLESS_FACTOR = 4;

/**
 * Lines out of a byte stream, in constant memory (stdio transport: messages are delimited by newlines and contain none).
 * Accepts CRLF. Bytes are decoded only when the line is whole, so a chunk may end inside a UTF-8 sequence.
 */
export class LineSplitter {
  readonly #options: LineSplitterOptions;
  readonly #pending = new PendingBytes();
  #passedOver: { readonly head: string; tail: Buffer; bytes: number } | undefined;

  constructor(options: LineSplitterOptions) {
    this.#options = options;
  }

  push(chunk: Buffer): void {
    let at = 0;
    for (let lineFeed = chunk.indexOf(LF); lineFeed !== -1; lineFeed = chunk.indexOf(LF, at)) {
      this.#grow(chunk, at, lineFeed, true);
      at = lineFeed + 1;
    }
    if (at < chunk.length) this.#grow(chunk, at, chunk.length, false);
  }

  /** The stream ended: what came after the last newline is a line too. */
  end(): void {
    if (this.#pending.length > 0) this.#grow(Buffer.alloc(0), 0, 0, true);
  }

  #grow(chunk: Buffer, start: number, end: number, isWhole: boolean): void {
    const { lineBytesMax } = this.#options;
    if (this.#passedOver !== undefined) {
      this.#passOver(this.#passedOver, chunk.subarray(start, end), isWhole);
    } else if (this.#pending.length + end - start > lineBytesMax) {
      this.#startPassingOver(chunk.subarray(start, end), isWhole);
    } else if (!isWhole) {
      this.#pending.append(chunk, start, end);
    } else if (this.#pending.length === 0) {
      this.#emit(chunk, start, end);
    } else {
      this.#pending.append(chunk, start, end);
      const line = this.#pending.take();
      this.#emit(line, 0, line.length);
    }
  }

  #emit(bytes: Buffer, start: number, end: number): void {
    const lineEnd = end > start && bytes[end - 1] === CR ? end - 1 : end;
    this.#options.onLine(bytes.toString('utf8', start, lineEnd));
  }

  #startPassingOver(more: Buffer, isWhole: boolean): void {
    const { endBytes, onOversize } = this.#options;
    const begun = this.#pending.take();
    const head = Buffer.concat([begun.subarray(0, endBytes), more.subarray(0, endBytes)]).toString('utf8', 0, endBytes);
    const tail = Buffer.from(begun.subarray(-endBytes));
    const passedOver = { head, tail, bytes: begun.length };
    this.#passedOver = passedOver;
    onOversize(head, undefined);
    this.#passOver(passedOver, more, isWhole);
  }

  #passOver(line: { readonly head: string; tail: Buffer; bytes: number }, more: Buffer, isWhole: boolean): void {
    const { endBytes, lineBytesMax, onEndless, onOversize } = this.#options;
    line.tail = Buffer.from(Buffer.concat([line.tail, more.subarray(-endBytes)]).subarray(-endBytes));
    const endless = lineBytesMax * ENDLESS_FACTOR;
    const wasEndless = line.bytes > endless;
    line.bytes += more.length;
    if (isWhole) {
      this.#passedOver = undefined;
      onOversize(line.head, line.tail.toString('utf8'));
    } else if (!wasEndless && line.bytes > endless) {
      onEndless?.();
    }
  }
}
