import { GatewayError } from '../../core/errors/gateway-error.js';
import { HttpFailure } from '../../platform/http/http-failure.js';

export type Damage = 'session' | 'socket';

/** What a second attempt, on a new session or socket, would do without. Each is repaired once. */
export function damageOf(error: unknown): Damage | undefined {
  if (!(error instanceof GatewayError)) return undefined;
  if (error.code === 'upstream/session_lost') return 'session';
  const { cause } = error;
  return cause instanceof HttpFailure && cause.reason === 'connection_lost' && !cause.responded ? 'socket' : undefined;
}
