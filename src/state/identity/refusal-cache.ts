import type { RefusalReason } from './refusal.js';

interface KnownRefusal {
  readonly reason: RefusalReason;
  /** Rows that led to it; none: there is no such credential. */
  readonly subjects: readonly string[];
  readonly until: number;
}

/** Refused credentials remembered; the oldest go first. Apart from the good ones, so that they cannot push those out. */
const REFUSALS_MAX = 10_000;
/** How long a refusal is believed without asking again, in milliseconds. */
const BELIEVED_MS = 5_000;

/** Remembers for a moment what was refused, so that asking again and again costs the database nothing. */
export class RefusalCache {
  readonly #refusals = new Map<string, KnownRefusal>();

  get size(): number {
    return this.#refusals.size;
  }

  find(key: string): RefusalReason | undefined {
    const known = this.#refusals.get(key);
    if (known === undefined) return undefined;
    if (performance.now() < known.until) return known.reason;
    this.#refusals.delete(key);
    return undefined;
  }

  add(key: string, reason: RefusalReason, subjects: readonly string[]): void {
    this.#refusals.delete(key);
    for (const oldest of this.#refusals.keys()) {
      if (this.#refusals.size < REFUSALS_MAX) break;
      this.#refusals.delete(oldest);
    }
    this.#refusals.set(key, { reason, subjects, until: performance.now() + BELIEVED_MS });
  }

  /** Something changed: refusals that it may have lifted are forgotten. A credential nobody knew may be there now. */
  forget(changed: ReadonlySet<string>): void {
    for (const [key, { subjects }] of this.#refusals) {
      if (subjects.length === 0 || subjects.some((subject) => changed.has(subject))) this.#refusals.delete(key);
    }
  }

  clear(): void {
    this.#refusals.clear();
  }
}
