import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import { readsAll } from '../server/server-access.js';

/** The user a caller is. Throws `credential/refused` for a caller who is nobody's: nothing could be kept for them. */
export function ownUser({ userId }: Principal): string {
  if (userId !== undefined) return userId;
  throw new GatewayError('credential/refused', {
    detail: 'User ID is required: call with the key of a user, or with a token that names one',
  });
}

/** Whose credentials are meant, to read of them. Throws `credential/forbidden`. */
export function userToRead(caller: Principal, named: string | undefined): string {
  if (named === undefined || named === caller.userId) return ownUser(caller);
  if (readsAll(caller)) return named;
  throw new GatewayError('credential/forbidden');
}

/** Whose credentials are meant, to take them away. Throws `credential/forbidden`. */
export function userToDropFor(caller: Principal, named: string | undefined): string {
  if (named === undefined || named === caller.userId) return ownUser(caller);
  if (caller.role === 'proxy_admin') return named;
  throw new GatewayError('credential/forbidden');
}
