import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import type { Limits } from '../../core/model/limits.js';
import type { Principal } from '../../core/model/principal.js';
import { LIMITS } from '../../platform/config/tokens.js';
import type { Identity, IdentityHolder } from '../../state/identity/identity.js';
import type { ModernCall } from './modern-call.js';

/** Calls that may wait for their clients at the same time. */
const PARKED_MAX = 5_000;
const PARKED_PER_PRINCIPAL_MAX = 50;

/** A call whose upstream waits for an answer that its client has gone to fetch. */
export class ParkedCall implements IdentityHolder {
  /** Rounds given out; a state of an earlier one is no good any more. */
  round = 0;
  expiresAt = 0;
  timer: NodeJS.Timeout | undefined;
  #slot: number | undefined;

  constructor(
    readonly call: ModernCall,
    readonly principal: Principal,
    private readonly identity: Identity | undefined,
    private readonly end: (parked: ParkedCall) => void,
  ) {}

  /** False: the credential is out of date. */
  hold(): boolean {
    this.#slot = this.identity?.hold(this);
    return this.identity === undefined || this.#slot !== undefined;
  }

  release(): void {
    if (this.#slot !== undefined) this.identity?.release(this.#slot);
    this.#slot = undefined;
  }

  /** What was begun with a credential ends with it. */
  onRefused(): void {
    this.end(this);
  }

  onChanged(): void {
    // What the caller may see is looked at when they come back.
  }
}

/**
 * Calls of modern clients that wait for input, in this process: bounded in number, for each principal and in time
 * (`limits.clientAnswerTimeoutMs`). A call that nobody comes back for is cancelled upstream.
 */
@Injectable()
export class ParkedCalls implements BeforeApplicationShutdown {
  readonly #parked = new Map<string, ParkedCall>();
  readonly #counts = new Map<string, number>();

  constructor(@Inject(LIMITS) private readonly limits: Limits) {}

  /** Nobody can come back any more. */
  beforeApplicationShutdown(): void {
    for (const parked of this.#parked.values()) this.#expire(parked);
  }

  /** Parks the call for a further round; undefined when too many wait already. */
  park(call: ModernCall, principal: Principal, identity: Identity | undefined): ParkedCall | undefined {
    let parked = this.#parked.get(call.id);
    if (parked === undefined) {
      const count = this.#counts.get(principal.id) ?? 0;
      if (this.#parked.size >= PARKED_MAX || count >= PARKED_PER_PRINCIPAL_MAX) return undefined;
      parked = new ParkedCall(call, principal, identity, (refused) => this.#expire(refused));
      if (!parked.hold()) return undefined;
      this.#parked.set(call.id, parked);
      this.#counts.set(principal.id, count + 1);
    }
    const waiting = parked;
    const { clientAnswerTimeoutMs } = this.limits;
    parked.round += 1;
    parked.expiresAt = Date.now() + clientAnswerTimeoutMs;
    clearTimeout(parked.timer);
    parked.timer = setTimeout(() => this.#expire(waiting), clientAnswerTimeoutMs).unref();
    return parked;
  }

  /** The call that waits for this round, unless it is somebody else's or being answered already. */
  find(id: string, round: number, principalId: string): ParkedCall | undefined {
    const parked = this.#parked.get(id);
    if (parked?.principal.id !== principalId) return undefined;
    return parked.round !== round || parked.call.isInRound ? undefined : parked;
  }

  /** Its client is back: it does not expire while it is being answered. */
  wake(parked: ParkedCall): void {
    clearTimeout(parked.timer);
  }

  /** It is over. Harmless for a call that was never parked. */
  remove(call: ModernCall): void {
    const parked = this.#parked.get(call.id);
    if (parked === undefined) return;
    this.#parked.delete(call.id);
    clearTimeout(parked.timer);
    parked.release();
    const count = (this.#counts.get(parked.principal.id) ?? 1) - 1;
    if (count <= 0) this.#counts.delete(parked.principal.id);
    else this.#counts.set(parked.principal.id, count);
  }

  #expire(parked: ParkedCall): void {
    this.remove(parked.call);
    parked.call.cancel();
  }
}
