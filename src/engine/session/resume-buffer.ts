import type { ResumeBudget, ResumeKeeper } from './resume-budget.js';
import { ResumableStream, type StreamKeeper } from './resumable-stream.js';

/** Streams of one session that are kept. */
const STREAMS_MAX = 64;
/** Longer request ids are not repeated in event ids. */
const ID_CHARS_MAX = 64;

export interface ResumeBounds {
  /** Characters of messages kept for one session. */
  readonly charsMax: number;
  readonly ageMs: number;
}

/** What a `Last-Event-ID` says. */
export type ResumePoint =
  | { readonly kind: 'call' | 'session'; readonly stream: ResumableStream; readonly after: number }
  /** The stream of a call, of which nothing is known (any more); its request's id, raw, if it was short. */
  | { readonly kind: 'lost call'; readonly idText: string | undefined }
  /** A stream of messages outside of calls of which nothing is known, or not an id of ours. */
  | { readonly kind: 'unknown' };

/**
 * The streams of one session that may be resumed, within bounds: what is oldest goes first. An event id names its stream
 * (`c` of a call, `s` of the session), so nothing of another stream is ever replayed.
 */
export class ResumeBuffer implements StreamKeeper, ResumeKeeper {
  readonly #streams = new Map<string, ResumableStream>();
  #last = 0;
  #chars = 0;

  /** @param tag names this process: ids of another one are not mistaken for ours. */
  constructor(
    private readonly tag: string,
    private readonly bounds: ResumeBounds,
    private readonly budget: ResumeBudget,
  ) {}

  get chars(): number {
    return this.#chars;
  }

  /** The stream of one call; `idText` is the raw id of its request. */
  openCall(idText: string): ResumableStream {
    const tail = idText.length > ID_CHARS_MAX ? '' : `.${Buffer.from(idText).toString('base64url')}`;
    return this.#open('c', tail);
  }

  openSession(): ResumableStream {
    return this.#open('s', '');
  }

  find(eventId: string): ResumePoint {
    const [kind, tag = '', number = '', seq = '', id] = eventId.split('.');
    const stream = this.#streams.get(`${kind ?? ''}.${tag}.${number}`);
    if (stream !== undefined && !stream.isSpent && /^\d{1,15}$/.test(seq)) {
      return { kind: kind === 'c' ? 'call' : 'session', stream, after: Number(seq) };
    }
    if (kind !== 'c' || number === '') return { kind: 'unknown' };
    const idText = id === undefined ? undefined : Buffer.from(id, 'base64url').toString();
    return { kind: 'lost call', idText: isIdText(idText) ? idText : undefined };
  }

  kept(chars: number): void {
    this.#account(chars);
    while (this.#chars > this.bounds.charsMax) if (!this.forgetOldest()) return;
  }

  /** Of the stream that was opened first. */
  forgetOldest(): boolean {
    for (const stream of this.#streams.values()) {
      const forgotten = stream.forgetOldest();
      if (forgotten === 0) continue;
      this.#account(-forgotten);
      return true;
    }
    return false;
  }

  /** Forgets what is too old. To be called now and then. */
  sweep(now: number): void {
    for (const [key, stream] of this.#streams) {
      this.#account(-stream.forgetBefore(now - this.bounds.ageMs));
      if (stream.isSpent) this.#streams.delete(key);
    }
  }

  end(): void {
    for (const stream of this.#streams.values()) {
      stream.end();
      this.#account(-stream.stopKeeping());
    }
    this.#streams.clear();
  }

  #open(kind: 'c' | 's', idTail: string): ResumableStream {
    for (const [key, stream] of this.#streams) {
      if (this.#streams.size < STREAMS_MAX) break;
      if (!stream.isEnded && key.startsWith('c')) continue;
      this.#account(-stream.stopKeeping());
      this.#streams.delete(key);
    }
    this.#last += 1;
    const key = `${kind}.${this.tag}.${this.#last}`;
    const stream = new ResumableStream(`${key}.`, idTail, this);
    this.#streams.set(key, stream);
    return stream;
  }

  #account(chars: number): void {
    this.#chars += chars;
    this.budget.change(this, chars);
  }
}

/** A JSON-RPC id as it stands in JSON: a string or a number, nothing that could end it. */
function isIdText(text: string | undefined): text is string {
  return text !== undefined && /^("(?:[^"\\\p{Cc}]|\\.)*"|-?\d+(\.\d+)?([eE][+-]?\d+)?)$/u.test(text);
}
