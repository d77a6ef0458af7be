/** What keeps messages for a client that may come back. */
export interface ResumeKeeper {
  /** Characters it keeps. */
  readonly chars: number;
  /** Forgets its oldest message, which is accounted for; false: there is none. */
  forgetOldest(): boolean;
}

/**
 * What all sessions of this process keep together, within one bound: beyond it whoever has kept something the longest
 * forgets first. A client that comes back to what is forgotten is told so, as after any other bound.
 */
export class ResumeBudget {
  /** Those that keep something, the longest first. */
  readonly #keepers = new Set<ResumeKeeper>();
  #chars = 0;

  constructor(private readonly charsMax: number) {}

  get chars(): number {
    return this.#chars;
  }

  /** Accounts for what a keeper keeps more, or less, than before. */
  change(keeper: ResumeKeeper, chars: number): void {
    this.#chars += chars;
    if (keeper.chars > 0) this.#keepers.add(keeper);
    else this.#keepers.delete(keeper);
    if (chars <= 0) return;
    for (const oldest of this.#keepers) {
      while (this.#chars > this.charsMax && oldest.forgetOldest()) {
        // Each of them accounts for what it forgot.
      }
      if (this.#chars <= this.charsMax) return;
    }
  }
}
