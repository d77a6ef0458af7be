import { GatewayError } from '../../core/errors/gateway-error.js';

/** One row as it was read. */
export interface Looked<V> {
  /** Undefined: there is none. */
  readonly value: V | undefined;
  /** `performance.now()` before it was read. */
  readonly readAt: number;
  /** `kind:id` of what was reported changed while it was read. */
  readonly overtakenBy: ReadonlySet<string>;
}

export interface BatchedLookupOptions {
  /** Keys in one query. */
  readonly batchMax?: number;
  /** Queries running at once. */
  readonly queriesMax?: number;
  /** Keys waiting for a query; over it the lookup is refused at once. */
  readonly waitingMax?: number;
  /** Longest wait of one lookup, in milliseconds. */
  readonly waitMsMax?: number;
}

/** Among what a batch was overtaken by when changes may have been missed: it may have been any. */
const EVERYTHING = 'everything';

/** Whether one of these rows changed while it was read; a row that was not there may have come by any change. */
export function wasOvertaken({ overtakenBy }: Looked<unknown>, subjects: readonly string[] | undefined): boolean {
  if (overtakenBy.size === 0) return false;
  if (subjects === undefined || overtakenBy.has(EVERYTHING)) return true;
  return subjects.some((subject) => overtakenBy.has(subject));
}

interface Waiter<V> {
  readonly resolve: (looked: Looked<V>) => void;
  readonly reject: (error: unknown) => void;
  readonly promise: Promise<Looked<V>>;
}

interface Batch {
  readonly readAt: number;
  readonly overtakenBy: Set<string>;
}

/**
 * Looks rows up by key, many keys in one query and each key once for all who ask at the same time. However many ask, and
 * for whatever, the database sees at most `queriesMax` queries: nobody can use up its connections by asking.
 */
export class BatchedLookup<V> {
  readonly #load: (keys: readonly string[]) => Promise<ReadonlyMap<string, V>>;
  readonly #options: Required<BatchedLookupOptions>;
  readonly #waiting = new Map<string, Waiter<V>>();
  readonly #asked = new Map<string, Waiter<V>>();
  readonly #running = new Set<Batch>();
  #queries = 0;

  constructor(load: (keys: readonly string[]) => Promise<ReadonlyMap<string, V>>, options: BatchedLookupOptions = {}) {
    this.#load = load;
    this.#options = { batchMax: 250, queriesMax: 2, waitingMax: 5_000, waitMsMax: 5_000, ...options };
  }

  /** Queries sent so far. */
  get queries(): number {
    return this.#queries;
  }

  /**
   * @throws GatewayError `http/too_many` when too many wait already; `database/unavailable`.
   */
  find(key: string): Promise<Looked<V>> {
    const known = this.#waiting.get(key) ?? this.#asked.get(key);
    if (known !== undefined) return known.promise;
    if (this.#waiting.size >= this.#options.waitingMax) {
      return Promise.reject(
        new GatewayError('http/too_many', { detail: 'too many unknown credentials at once', retryAfterSeconds: 1 }),
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<Looked<V>>();
    const timer = setTimeout(() => {
      this.#waiting.delete(key);
      reject(new GatewayError('database/unavailable', { detail: 'the database did not answer in time' }));
    }, this.#options.waitMsMax).unref();
    const waiter: Waiter<V> = {
      promise,
      resolve: (looked) => {
        clearTimeout(timer);
        resolve(looked);
      },
      reject: (error) => {
        clearTimeout(timer);
        reject(error);
      },
    };
    this.#waiting.set(key, waiter);
    if (this.#waiting.size === 1) queueMicrotask(() => this.#next());
    return promise;
  }

  /** Rows being read right now may be older than this change. */
  noteChanged(subject: string): void {
    for (const batch of this.#running) batch.overtakenBy.add(subject);
  }

  /** The same for all there is. */
  noteChangedAll(): void {
    this.noteChanged(EVERYTHING);
  }

  #next(): void {
    while (this.#waiting.size > 0 && this.#running.size < this.#options.queriesMax) {
      const taken = new Map<string, Waiter<V>>();
      for (const [key, waiter] of this.#waiting) {
        if (taken.size >= this.#options.batchMax) break;
        taken.set(key, waiter);
        this.#waiting.delete(key);
        this.#asked.set(key, waiter);
      }
      void this.#ask(taken);
    }
  }

  async #ask(taken: ReadonlyMap<string, Waiter<V>>): Promise<void> {
    const batch: Batch = { readAt: performance.now(), overtakenBy: new Set() };
    this.#running.add(batch);
    this.#queries += 1;
    try {
      const found = await this.#load([...taken.keys()]);
      for (const [key, waiter] of taken) waiter.resolve({ value: found.get(key), ...batch });
    } catch (error) {
      for (const waiter of taken.values()) waiter.reject(error);
    } finally {
      this.#running.delete(batch);
      for (const [key, waiter] of taken) if (this.#asked.get(key) === waiter) this.#asked.delete(key);
      this.#next();
    }
  }
}
