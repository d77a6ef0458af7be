import type { UserCredential } from './user-credential.js';

/** Everything one user keeps, as it was read at one moment. */
export interface Kept {
  readonly byKey: ReadonlyMap<string, UserCredential>;
  /** `performance.now()` before it was read. */
  readonly readAt: number;
}

/** Users whose credentials are in memory, the least lately used going first. */
export class CredentialMemory {
  readonly #users = new Map<string, Kept>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#users.size;
  }

  get(userId: string): Kept | undefined {
    const kept = this.#users.get(userId);
    if (kept === undefined) return undefined;
    this.#users.delete(userId);
    this.#users.set(userId, kept);
    return kept;
  }

  set(userId: string, kept: Kept): void {
    this.#users.delete(userId);
    this.#users.set(userId, kept);
    if (this.#users.size <= this.#max) return;
    const oldest = this.#users.keys().next();
    if (oldest.done !== true) this.#users.delete(oldest.value);
  }

  forget(userId: string): void {
    this.#users.delete(userId);
  }

  clear(): void {
    this.#users.clear();
  }
}
