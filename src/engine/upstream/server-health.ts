import type { Logger } from 'pino';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { PooledConnection } from './pooled-connection.js';
import type { ServerSlot } from './server-slot.js';
import { upstreamError } from './upstream-error.js';
import type { ResolvedCredential, UpstreamRequest } from './upstream.js';

/** A caller that gave up after this long of silence counts as a slow call. */
const SILENCE_MS = 5_000;

/** Feeds the circuits: what happened to a call or an opening, and what that says of its server. */
export class ServerHealth {
  constructor(
    private readonly logger: Logger,
    private readonly now: () => number,
  ) {}

  /** True for the caller that finds out whether a failing server is back. Throws `upstream/circuit_open`. */
  admit(slot: ServerSlot): boolean {
    const admission = slot.circuit.admit();
    if (admission === 'refused') {
      const seconds = Math.ceil(slot.circuit.opensInMs / 1_000);
      throw upstreamError(
        'upstream/circuit_open',
        slot.entry,
        slot.lastError ?? 'it fails',
        undefined,
        Math.max(seconds, 1),
      );
    }
    return admission === 'probe';
  }

  /** What the failure of a call says about the server. */
  callFailed(
    slot: ServerSlot,
    pooled: PooledConnection,
    request: UpstreamRequest,
    error: unknown,
    since: number,
  ): void {
    if (!(error instanceof GatewayError)) return;
    switch (error.code) {
      case 'upstream/unreachable':
      case 'upstream/refused_address':
        // It is not the server's failure when we ended the session.
        if (pooled.isRetired) return;
        this.#fail(slot, 'hard', error);
        return;
      case 'upstream/timeout':
        this.#fail(slot, 'soft', error);
        return;
      case 'call/cancelled':
        // Whoever lists gives up at a deadline of their own, which must not hide that the server hangs.
        if (request.control?.reason === 'abandoned' && this.now() - since >= silenceMs(request)) {
          this.#fail(slot, 'soft', upstreamError('upstream/timeout', slot.entry, 'no answer'));
        }
        return;
      case 'upstream/session_lost':
        // A child that died has been counted when it was found dead.
        if (pooled.kind !== 'stdio') slot.noteSuccess();
        return;
      default:
        // It answered, if not as it should.
        slot.circuit.succeed();
        slot.noteFailure(error.publicMessage);
    }
  }

  /** What the failure to open a session says about the server. */
  openingFailed(slot: ServerSlot, error: unknown, credential: ResolvedCredential): void {
    if (!(error instanceof GatewayError) || isOneUsersChild(slot, credential)) return;
    // A refused credential says that somebody is there.
    if (error.code === 'upstream/unauthorized' || error.code === 'upstream/busy') {
      slot.circuit.succeed();
      slot.noteFailure(reasonOf(error));
    } else this.#fail(slot, 'hard', error);
  }

  childDied(slot: ServerSlot, reason: string, credential: ResolvedCredential): void {
    if (isOneUsersChild(slot, credential)) return;
    this.#fail(slot, 'hard', upstreamError('upstream/unreachable', slot.entry, reason));
  }

  #fail(slot: ServerSlot, weight: 'hard' | 'soft', error: GatewayError): void {
    const isOpen = slot.circuit.fail(weight);
    slot.noteFailure(reasonOf(error));
    if (isOpen) {
      const forMs = Math.round(slot.circuit.opensInMs);
      this.logger.warn(
        { server: slot.entry.name, reason: reasonOf(error), forMs },
        'server is failing: not asked for now',
      );
    }
  }
}

/** A process that runs with values of one user: it may well fail because of them, which says nothing to others. */
function isOneUsersChild({ entry }: ServerSlot, { userId }: ResolvedCredential): boolean {
  return entry.endpoint.kind === 'stdio' && userId !== undefined;
}

function silenceMs(request: UpstreamRequest): number {
  return Math.min(SILENCE_MS, 0.8 * (request.idleTimeoutMs ?? SILENCE_MS));
}

function reasonOf(error: GatewayError): string {
  const reason = error.data?.['reason'];
  return typeof reason === 'string' ? reason : error.publicMessage;
}
