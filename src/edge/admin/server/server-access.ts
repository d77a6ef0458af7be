import type { CallerPlace } from '../../../core/access/resolve-view.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import type { RegistrySnapshot } from '../../../core/model/registry-snapshot.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';

/** Who reads every server there is. */
export function readsAll({ role }: Principal): boolean {
  return role === 'proxy_admin' || role === 'proxy_admin_viewer';
}

/** Throws `server/forbidden` in the words of the reference unless the caller is a proxy admin. */
export function demandProxyAdmin({ role }: Principal, words: string): void {
  if (role !== 'proxy_admin') throw new GatewayError('server/forbidden', { detail: words });
}

/** Whether the caller may write at all, and whether there is anything to write to: who may not learns nothing more. */
export function demandStorage(storageOff: string | undefined): void {
  if (storageOff !== undefined) throw new GatewayError('server/storage_off', { detail: storageOff });
}

/** Under whose name a row is written, in the incumbent's spelling for the master key. */
export function writerName({ kind, userId, id }: Principal): string {
  return userId ?? (kind === 'master_key' ? 'default_user_id' : id);
}

/** Whether somebody at this place may know of the server: from outside, only of those open to the outside (contract §9). */
export function isExposed(
  { publicServers }: RegistrySnapshot,
  { id, availableOnPublicInternet }: ServerEntry,
  { external }: CallerPlace,
): boolean {
  return !external || availableOnPublicInternet || publicServers.has(id);
}

/** Whether a text could be a server's id, name or alias at all; Postgres would stumble over one that cannot. */
export function isHandle(text: string): boolean {
  return /^[\w.-]{1,200}$/.test(text);
}
