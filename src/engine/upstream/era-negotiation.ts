import type { ServerEntry } from '../../core/model/server-entry.js';
import { GatewayError } from '../../core/errors/gateway-error.js';
import { HttpFailure } from '../../platform/http/http-failure.js';
import type { EraMemory } from './era-memory.js';
import { HttpStatusError, upstreamError } from './upstream-error.js';

/** A server answered, but not as one of the modern era does: it is asked the legacy way. */
export class NotModernError extends Error {
  constructor(
    /** `false`: the answer (a refusal, a failure of its own, silence) says nothing about the era. */
    readonly isEvidence: boolean,
    cause?: unknown,
  ) {
    super('The server did not answer as one of the modern era', { cause });
    this.name = 'NotModernError';
  }
}

/** The two ways to open a connection. */
export interface EraOpeners<T> {
  /** Throws {@link NotModernError} where the legacy way should be tried, anything else where that is pointless. */
  modern(): Promise<T>;
  legacy(): Promise<T>;
}

/**
 * Opens a connection in the era that the server speaks (protocol page §1.4): the modern one first, unless the server is
 * remembered as one of the legacy era; that is taken back when it refuses `initialize`. Statuses 401, 403 and 5xx are no
 * evidence, so a server that gave one is remembered for a short while only. Rejects with what the last attempt ran into,
 * or with the refusal of `initialize` when both failed. A server whose definition names its era is spoken to in that one
 * only.
 */
export async function openInEra<T>(
  openers: EraOpeners<T>,
  memory: EraMemory,
  identity: string,
  entry: ServerEntry,
): Promise<T> {
  if (entry.protocolEra === 'legacy') return await openers.legacy();
  if (entry.protocolEra === 'modern') {
    return await openers.modern().catch((error: unknown) => {
      throw notOfItsEra(error, entry);
    });
  }
  if (memory.recall(identity) !== 'legacy') {
    try {
      const opened = await openers.modern();
      memory.learn(identity, 'modern');
      return opened;
    } catch (error) {
      if (!(error instanceof NotModernError)) throw error;
      const opened = await openers.legacy();
      memory.learn(identity, 'legacy', error.isEvidence ? 'sure' : 'doubtful');
      return opened;
    }
  }
  try {
    return await openers.legacy();
  } catch (error) {
    if (!refusesInitialize(error)) throw error;
    memory.forget(identity);
    const opened = await openers.modern().catch(() => undefined);
    if (opened === undefined) throw error;
    memory.learn(identity, 'modern');
    return opened;
  }
}

/** What a failed modern request for the server's introduction means; to be thrown. */
export function afterFailedDiscovery(error: unknown): unknown {
  if (!(error instanceof GatewayError)) return error;
  const { cause } = error;
  switch (error.code) {
    case 'upstream/unauthorized':
      // A 403 may be of a door that knows the methods of its time and lets only those in.
      return cause instanceof HttpStatusError && cause.status === 403 ? new NotModernError(false, error) : error;
    case 'upstream/timeout':
    case 'upstream/too_large':
    case 'call/cancelled':
      return new NotModernError(false, error);
    case 'upstream/unreachable':
      if (cause instanceof HttpStatusError) return new NotModernError(false, error);
      return cause instanceof HttpFailure && cause.reason === 'connection_lost'
        ? new NotModernError(false, error)
        : error;
    case 'upstream/bad_reply':
    case 'upstream/session_lost':
      return new NotModernError(true, error);
    default:
      return error;
  }
}

/** What to say of a server that is said to be of the modern era, and answers otherwise; to be thrown. */
export function notOfItsEra(error: unknown, entry: ServerEntry): unknown {
  if (!(error instanceof NotModernError)) return error;
  const { cause } = error;
  if (!error.isEvidence && cause instanceof GatewayError) return cause;
  return upstreamError('upstream/bad_reply', entry, 'it does not speak the modern era (protocol_era: modern)', cause);
}

/** A server that answered `initialize`, but not with a session. */
export function refusesInitialize(error: unknown): boolean {
  return error instanceof GatewayError && error.code === 'upstream/bad_reply';
}
