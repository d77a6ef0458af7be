import type { Principal } from '../model/principal.js';
import type { ServerEntry } from '../model/server-entry.js';

/** Whether the principal's permissions include this server at all. Fails closed for whatever it does not know. */
export function grantsServer(principal: Principal, _entry: ServerEntry): boolean {
  return principal.role === 'proxy_admin';
}

/** Equal for principals whose permissions are equal: the memo key of views. */
export function grantFingerprint(principal: Principal): string {
  return principal.role;
}
