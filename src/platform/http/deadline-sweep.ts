import { SlotTable } from './slot-table.js';

/** Something that may have waited too long. */
export interface Deadlined {
  /** Ends itself if it is overdue. `now` is on the clock of {@link DeadlineSweep.now}. */
  checkDeadline(now: number): void;
}

const TICK_MS = 100;

/**
 * Deadlines of many short-lived things with one timer: adding and removing one costs an array access, and reading the
 * clock costs a field access. Precise to about a tenth of a second, which is what waiting on a network needs.
 * The timer runs only while something waits, and never holds the process.
 */
export class DeadlineSweep {
  readonly #items = new SlotTable<Deadlined>();
  #now = performance.now();
  #timer: NodeJS.Timeout | undefined;

  /** Milliseconds on a monotonic clock, at most one tick old while something waits. */
  get now(): number {
    if (this.#timer === undefined) this.#now = performance.now();
    return this.#now;
  }

  get size(): number {
    return this.#items.size;
  }

  /** Answers what {@link delete} wants, once. */
  add(item: Deadlined): number {
    if (this.#timer === undefined) {
      this.#now = performance.now();
      this.#timer = setInterval(this.#tick, TICK_MS).unref();
    }
    return this.#items.add(item);
  }

  delete(slot: number): void {
    this.#items.delete(slot);
  }

  readonly #tick = (): void => {
    this.#now = performance.now();
    if (this.#items.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    for (const item of this.#items) item.checkDeadline(this.#now);
  };
}
