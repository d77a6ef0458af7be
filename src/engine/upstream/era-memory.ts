/** The two ways to speak to a server: with a session after `initialize`, or each request on its own (2026-07-28). */
export type Era = 'legacy' | 'modern';

/** A verdict that was right once may be wrong after an upgrade of the server, and one of "legacy" never fails by itself. */
const REMEMBERED_MS = 3_600_000;
/** A server that answered neither way when it was asked, and then to `initialize`, is asked again soon. */
const DOUBTFUL_MS = 300_000;
/** Credentials whose verdict is kept, per server; the oldest go first. */
const VERDICTS_MAX = 1_000;

interface Verdict {
  readonly era: Era;
  readonly until: number;
}

/**
 * Which era a server turned out to speak, by credential identity: what stands before it may answer one caller otherwise
 * than another (protocol page §1.4).
 */
export class EraMemory {
  readonly #verdicts = new Map<string, Verdict>();

  constructor(private readonly now: () => number) {}

  /** Undefined: it is to be asked. */
  recall(identity: string): Era | undefined {
    const verdict = this.#verdicts.get(identity);
    return verdict !== undefined && this.now() < verdict.until ? verdict.era : undefined;
  }

  learn(identity: string, era: Era, certainty: 'sure' | 'doubtful' = 'sure'): void {
    this.#verdicts.delete(identity);
    for (const oldest of this.#verdicts.keys()) {
      if (this.#verdicts.size < VERDICTS_MAX) break;
      this.#verdicts.delete(oldest);
    }
    const until = this.now() + (certainty === 'sure' ? REMEMBERED_MS : DOUBTFUL_MS);
    this.#verdicts.set(identity, { era, until });
  }

  /** It was wrong. */
  forget(identity: string): void {
    this.#verdicts.delete(identity);
  }
}
