/**
 * A bounded memo in two generations: when the younger is full it becomes the elder, and what of the elder is not asked for
 * again is forgotten. Holds at most twice `weightMax`.
 */
export class RecentMemo<T> {
  #young = new Map<string, T>();
  #old = new Map<string, T>();
  #weight = 0;

  constructor(private readonly weightMax: number) {}

  get(key: string): T | undefined {
    return this.#young.get(key) ?? this.#old.get(key);
  }

  /** `weight` is what the value costs; at least one. */
  set(key: string, value: T, weight: number): T {
    if (this.#weight > 0 && this.#weight + weight > this.weightMax) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#weight = 0;
    }
    this.#young.set(key, value);
    this.#weight += weight;
    return value;
  }
}
