import { isIPv6 } from 'node:net';
import { plainAddress } from '../../platform/http/address-ranges.js';

export interface AttemptLimits {
  /** Attempts of one address within {@link windowMs}. */
  readonly perAddress: number;
  /** Of all addresses together. */
  readonly total: number;
  readonly windowMs: number;
}

/** Addresses remembered; over it the whole window counts as used by those that are not. */
const ADDRESSES_MAX = 10_000;

/**
 * Counts attempts in fixed windows: of each address (an IPv6 /64 is one), and of all. What is over the limit of its address
 * does not count among all: nobody locks others out alone. Of this process only: with several replicas an address has as
 * many times the limit.
 */
export class AttemptLimiter {
  readonly #limits: AttemptLimits;
  readonly #counts = new Map<string, number>();
  #total = 0;
  #windowEndsAt = 0;

  constructor(limits: AttemptLimits) {
    this.#limits = limits;
  }

  /** The last attempt of this address is not to count: it was in order. */
  forgive(address: string | undefined): void {
    const key = networkOf(address);
    const count = this.#counts.get(key) ?? 0;
    if (count > 0) this.#counts.set(key, count - 1);
    if (this.#total > 0) this.#total -= 1;
  }

  /** Undefined: go on. Else the seconds after which to try again. */
  tooMany(address: string | undefined, now = performance.now()): number | undefined {
    if (now >= this.#windowEndsAt) {
      this.#counts.clear();
      this.#total = 0;
      this.#windowEndsAt = now + this.#limits.windowMs;
    }
    const key = networkOf(address);
    const count = (this.#counts.get(key) ?? 0) + 1;
    if (count > 1 || this.#counts.size < ADDRESSES_MAX) this.#counts.set(key, count);
    let isOver = count > this.#limits.perAddress;
    if (!isOver) {
      this.#total += 1;
      isOver = this.#total > this.#limits.total;
    }
    return isOver ? Math.max(1, Math.ceil((this.#windowEndsAt - now) / 1_000)) : undefined;
  }
}

/** The address, or the network that one customer has all addresses of. */
function networkOf(address: string | undefined): string {
  const plain = plainAddress(address);
  if (plain === undefined) return 'unknown';
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.split('::');
  const groups = head === '' ? [] : head.split(':');
  const rest = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = tail === undefined ? 0 : Math.max(0, 8 - groups.length - rest.length);
  const all = [...groups, ...Array.from({ length: missing }, () => '0'), ...rest];
  return all
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
