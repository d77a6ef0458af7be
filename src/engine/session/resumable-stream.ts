import type { ServerEntry } from '../../core/model/server-entry.js';

/** A connection that carries the events of a stream to the client, as a stream sees it. */
export interface EventSink {
  /** A promise means that the reader is behind. */
  write(data: string, event: string | undefined, id?: string): Promise<void> | undefined;
  /** An event without a message: where to resume from, and when. */
  prime(id: string): void;
  /** Tells the client after how long to come back, and ends. */
  endWithRetry(retryMs: number): void;
  end(): void;
}

interface KeptEvent {
  readonly seq: number;
  readonly text: string;
  /** Whose it is; a caller who may not see that server any more is not told. */
  readonly from: ServerEntry | undefined;
  readonly at: number;
}

/** What a stream reports to the buffer that bounds it. */
export interface StreamKeeper {
  kept(chars: number): void;
}

/**
 * One stream of events to a client, which outlives the connections that carry it (2025-11-25, "Resumability and
 * Redelivery"): what was written is kept for a while, and a client that comes back is given what it missed.
 */
export class ResumableStream {
  readonly #events: KeptEvent[] = [];
  #seq = 0;
  #sink: EventSink | undefined;
  #isEnded = false;
  #isKeeping = true;

  constructor(
    /** Names it in event ids: what comes before the number, and behind it. */
    private readonly idHead: string,
    private readonly idTail: string,
    private readonly keeper: StreamKeeper,
  ) {}

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Nothing is kept of it and nothing more will come. */
  get isSpent(): boolean {
    return this.#isEnded && this.#events.length === 0;
  }

  /** Gives it a connection, the only one from now on; `after` is the last event the client saw. */
  attach(sink: EventSink, after?: number, sees: (entry: ServerEntry) => boolean = () => true): void {
    this.#sink?.end();
    this.#sink = sink;
    sink.prime(this.#idOf(after ?? this.#seq));
    if (after !== undefined) {
      for (const { seq, text, from } of this.#events) {
        if (seq > after && (from === undefined || sees(from))) void sink.write(text, undefined, this.#idOf(seq));
      }
    }
    if (this.#isEnded) sink.end();
  }

  detach(sink: EventSink): void {
    if (this.#sink === sink) this.#sink = undefined;
  }

  write(text: string, from?: ServerEntry): Promise<void> | undefined {
    if (this.#isEnded) return undefined;
    this.#seq += 1;
    const seq = this.#seq;
    if (this.#isKeeping) {
      this.#events.push({ seq, text, from, at: Date.now() });
      this.keeper.kept(text.length);
    }
    return this.#sink?.write(text, undefined, this.#idOf(seq));
  }

  /** Gives its connection up for a while; there is more to come. */
  rest(retryMs: number): void {
    this.#sink?.endWithRetry(retryMs);
    this.#sink = undefined;
  }

  /** After the last message. */
  end(): void {
    this.#isEnded = true;
    this.#sink?.end();
    this.#sink = undefined;
  }

  /** Forgets its oldest event; answers how long it was. */
  forgetOldest(): number {
    return this.#events.shift()?.text.length ?? 0;
  }

  /** Nobody can come back to it: what it keeps is forgotten; answers how long that was. */
  stopKeeping(): number {
    this.#isKeeping = false;
    return this.forgetBefore(Number.POSITIVE_INFINITY);
  }

  /** Forgets what is older; answers how long that was. */
  forgetBefore(time: number): number {
    let chars = 0;
    while (this.#events[0] !== undefined && this.#events[0].at < time) chars += this.forgetOldest();
    return chars;
  }

  #idOf(seq: number): string {
    return `${this.idHead}${seq}${this.idTail}`;
  }
}
