import { GatewayError } from '../../core/errors/gateway-error.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import type { UpstreamRequest } from './upstream.js';
import { upstreamError } from './upstream-error.js';

/**
 * Waits for a session that is being opened, as long as this caller is willing to: its own deadline and its own wish to
 * stop end the waiting, not the opening, which others may wait for too.
 */
export async function awaitOpening<T>(opening: Promise<T>, entry: ServerEntry, request: UpstreamRequest): Promise<T> {
  const { control, idleTimeoutMs } = request;
  if (control === undefined && idleTimeoutMs === undefined) return opening;
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const timer =
    idleTimeoutMs === undefined
      ? undefined
      : setTimeout(
          () => reject(upstreamError('upstream/timeout', entry, `no session within ${idleTimeoutMs} ms`)),
          idleTimeoutMs,
        ).unref();
  control?.onEnd(() => reject(new GatewayError('call/cancelled')));
  try {
    return await Promise.race([opening, ended]);
  } finally {
    clearTimeout(timer);
    control?.onEnd(undefined);
  }
}
