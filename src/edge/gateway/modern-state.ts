import { createHash } from 'node:crypto';
import type { Secret } from '../../core/model/secret.js';
import { Sealer } from '../../platform/crypto/sealer.js';

/** What `requestState` says, sealed: nobody but the gateway reads or writes it. */
export interface StateClaims {
  /** The parked call to go on with; undefined: the request is to be made anew. */
  readonly parked: string | undefined;
  /** What an upstream of the modern era wants back, for a request made anew; undefined: nothing. */
  readonly upstreamState: string | undefined;
  /** Which of its rounds this state was given out in. */
  readonly round: number;
  /** Tag of the place that holds it. */
  readonly place: string;
  /** Of method, name and arguments: state made for one request is no good for another. */
  readonly request: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Members of params that tell a request from another; `_meta` and what belongs to rounds may change between them. */
const PASSING: ReadonlySet<string> = new Set(['_meta', 'inputResponses', 'requestState']);

/**
 * Writes and reads `requestState` (2026-07-28, "Multi Round-Trip Requests"): authenticated encryption, bound to the
 * principal, to the request and to a short time.
 */
export class RequestStates {
  readonly #sealer: Sealer;

  constructor(sealingSecret: Secret) {
    this.#sealer = new Sealer(sealingSecret, 'request-state');
  }

  write(claims: StateClaims, principalId: string): string {
    return this.#sealer.seal(JSON.stringify(claims), principalId);
  }

  /** Undefined for anything but a state that was given to this principal for this request and has not expired. */
  read(state: string, principalId: string, request: string, now: number): StateClaims | undefined {
    const opened = this.#sealer.open(state, principalId);
    const claims = opened === undefined ? undefined : (JSON.parse(opened) as StateClaims);
    return claims?.request === request && now < claims.expiresAt ? claims : undefined;
  }
}

/** The same for the same method, name and arguments, however their members are ordered. */
export function requestFingerprint(method: string, params: Readonly<Record<string, unknown>>): string {
  const told = Object.fromEntries(Object.entries(params).filter(([key]) => !PASSING.has(key)));
  return createHash('sha256')
    .update(`${method}\n${canonical(told)}`)
    .digest('base64url');
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(',')}}`;
}
