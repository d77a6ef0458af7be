import { Secret } from './secret.js';

/**
 * What sealing keys are derived from: the secret itself seals, and opens what it sealed; the others only open. That is how
 * an installation goes from one salt to the next while it runs (see `docs/rotate-salt.md`).
 */
export class SealingSecret extends Secret {
  /** Former salts, a coming one, the secret of an installation that had no salt before. */
  readonly others: readonly Secret[];

  constructor(value: string, others: readonly Secret[] = []) {
    super(value);
    this.others = others.filter((other) => other.reveal() !== value);
  }
}
