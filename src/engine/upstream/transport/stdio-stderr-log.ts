import type { Logger } from 'pino';
import { BoundedLog } from './pipe-bounded-log.js';
import { LineSplitter } from './stdio-lines.js';

const LINE_BYTES_MAX = 4 * 1024;
const WINDOW_MS = 10_000;
const LINES_MAX = 200;
const LAST_LINE_CHARS_MAX = 300;

/** A child's stderr in our log: long lines cut, a flood counted instead of shown, and the last words remembered. */
export class StdioStderrLog {
  readonly #redact: (text: string) => string;
  readonly #lines: LineSplitter;
  readonly #log: BoundedLog;
  #lastLine = '';

  /** `redact` takes secrets out of a line. `logger` names the server. */
  constructor(logger: Logger, redact: (text: string) => string) {
    this.#redact = redact;
    this.#log = new BoundedLog({
      linesMax: LINES_MAX,
      windowMs: WINDOW_MS,
      write: (line) => logger.info({ stream: 'stderr' }, line),
      writeDropped: (count) => logger.warn({ stream: 'stderr', count }, 'a server floods its stderr: lines not shown'),
    });
    this.#lines = new LineSplitter({
      lineBytesMax: LINE_BYTES_MAX,
      endBytes: LINE_BYTES_MAX,
      onLine: (line) => this.#add(line),
      onOversize: (head, tail) => {
        if (tail === undefined) this.#add(`${head}…`);
      },
    });
  }

  /** The last line that is not blank, shortened and redacted; empty when the child never said anything. */
  get lastLine(): string {
    return this.#redact(this.#lastLine).slice(0, LAST_LINE_CHARS_MAX);
  }

  push(chunk: Buffer): void {
    this.#lines.push(chunk);
  }

  /** The child is gone: what it did not end with a newline is shown as well. */
  end(): void {
    this.#lines.end();
    this.#log.flush();
  }

  #add(line: string): void {
    if (line.trim() === '') return;
    this.#lastLine = line;
    this.#log.add(this.#redact(line));
  }
}
