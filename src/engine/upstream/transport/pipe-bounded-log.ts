export interface BoundedLogOptions {
  /** Lines let through per window. */
  readonly linesMax: number;
  readonly windowMs: number;
  readonly write: (line: string) => void;
  /** How many lines of the window were dropped, once it is over. */
  readonly writeDropped: (count: number) => void;
}

/** What an upstream has to say, without letting it flood our log: so many lines per window, the rest only counted. */
export class BoundedLog {
  readonly #options: BoundedLogOptions;
  #windowEndsAt = 0;
  #lines = 0;
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: BoundedLogOptions) {
    this.#options = options;
  }

  add(line: string): void {
    const now = performance.now();
    if (now >= this.#windowEndsAt) {
      this.flush();
      this.#windowEndsAt = now + this.#options.windowMs;
      this.#lines = 0;
    }
    if (this.#lines < this.#options.linesMax) {
      this.#lines += 1;
      this.#options.write(line);
      return;
    }
    this.#dropped += 1;
    this.#timer ??= setTimeout(() => this.flush(), this.#windowEndsAt - now).unref();
  }

  /** Says now what was dropped. Called at the end, too. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#dropped === 0) return;
    const dropped = this.#dropped;
    this.#dropped = 0;
    this.#options.writeDropped(dropped);
  }
}
