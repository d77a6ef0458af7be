/** How much a failure says about the health of the server. */
export type FailureWeight = 'hard' | 'soft';

export interface CircuitTiming {
  /** Milliseconds on a monotonic clock. */
  readonly now: () => number;
  /** 0 … 1; spreads the probes of many gateways. */
  readonly random: () => number;
}

/**
 * Three failures to connect in a row open the circuit; a call that merely takes too long weighs less than a third of
 * one, since it may be the call and not the server.
 */
const WEIGHTS: Readonly<Record<FailureWeight, number>> = { hard: 10, soft: 3 };
const OPEN_AT = 30;
/** Failures that come together have one reason, and count once. */
const SAME_REASON_MS = 200;
const OPEN_MS_MIN = 1_000;
const OPEN_MS_MAX = 30_000;
const JITTER = 0.2;

/**
 * Whether a server is worth asking. Closed: yes. Open: no, for a time that doubles from one to thirty seconds. After
 * that one caller is let through to find out. Pure but for the clock and the dice it is given.
 */
export class Circuit {
  readonly #timing: CircuitTiming;
  #score = 0;
  #countedAt = Number.NEGATIVE_INFINITY;
  #openings = 0;
  #openUntil: number | undefined;
  #probing = false;

  constructor(timing: CircuitTiming) {
    this.#timing = timing;
  }

  get state(): 'closed' | 'open' {
    return this.#openUntil === undefined ? 'closed' : 'open';
  }

  /** No failure since the last success. */
  get isSpotless(): boolean {
    return this.#score === 0;
  }

  /** How long it stays open; 0 when somebody may try. */
  get opensInMs(): number {
    return this.#openUntil === undefined ? 0 : Math.max(0, this.#openUntil - this.#timing.now());
  }

  /** `probe` obliges the caller to report an outcome or to {@link release}. */
  admit(): 'go' | 'probe' | 'refused' {
    if (this.#openUntil === undefined) return 'go';
    if (this.#probing || this.#timing.now() < this.#openUntil) return 'refused';
    this.#probing = true;
    return 'probe';
  }

  /** The server answered a call. */
  succeed(): void {
    if (this.#score === 0) return;
    this.#score = 0;
    this.#openings = 0;
    this.#countedAt = Number.NEGATIVE_INFINITY;
    this.#openUntil = undefined;
    this.#probing = false;
  }

  /** The server was reached, which is not yet an answer: callers are let through, the next failure shuts them out. */
  reach(): void {
    if (this.#openUntil === undefined) return;
    this.#openUntil = undefined;
    this.#probing = false;
    this.#score = OPEN_AT - WEIGHTS.soft;
    this.#countedAt = Number.NEGATIVE_INFINITY;
  }

  /** True when this failure opened the circuit. */
  fail(weight: FailureWeight): boolean {
    const now = this.#timing.now();
    if (this.#openUntil !== undefined) {
      if (!this.#probing) return false;
    } else {
      if (now - this.#countedAt < SAME_REASON_MS) return false;
      this.#countedAt = now;
      this.#score += WEIGHTS[weight];
      if (this.#score < OPEN_AT) return false;
    }
    this.#probing = false;
    this.#score = OPEN_AT;
    const spanMs = Math.min(OPEN_MS_MIN * 2 ** Math.min(this.#openings, 30), OPEN_MS_MAX);
    this.#openings += 1;
    this.#openUntil = now + spanMs * (1 - JITTER + 2 * JITTER * this.#timing.random());
    return true;
  }

  /** The probe ended without a verdict: the next caller may try. */
  release(): void {
    this.#probing = false;
  }
}
