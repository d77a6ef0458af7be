import type { RegistrySnapshot } from '../model/registry-snapshot.js';
import type { ServerEntry } from '../model/server-entry.js';

/** Whether a server is there at all for requests from this place: from outside, only what is public (contract §9, IP filter). */
export function placeSees(
  { publicServers }: Pick<RegistrySnapshot, 'publicServers'>,
  entry: ServerEntry,
  external: boolean,
): boolean {
  return !external || entry.availableOnPublicInternet || publicServers.has(entry.id);
}
