import type { RegistrySnapshot } from '../../core/model/registry-snapshot.js';
import type { ServerEntry } from '../../core/model/server-entry.js';

/** What became of the servers between two snapshots. */
export interface RegistryDiff {
  readonly added: readonly ServerEntry[];
  /** As they are now; the former ones are in `previous.byId`. */
  readonly changed: readonly ServerEntry[];
  /** As they were. */
  readonly removed: readonly ServerEntry[];
  /** Groups, toolsets, the public list or the access rules are others: the same servers may be seen differently. */
  readonly accessChanged: boolean;
}

/** Servers are the same when their id is. */
export function diffSnapshots(previous: RegistrySnapshot, next: RegistrySnapshot): RegistryDiff {
  const added: ServerEntry[] = [];
  const changed: ServerEntry[] = [];
  for (const entry of next.servers) {
    const before = previous.byId.get(entry.id);
    if (before === undefined) added.push(entry);
    else if (before.fingerprint !== entry.fingerprint) changed.push(entry);
  }
  return {
    added,
    changed,
    removed: previous.servers.filter(({ id }) => !next.byId.has(id)),
    accessChanged: describeAccess(previous) !== describeAccess(next),
  };
}

/** Equal texts: everything that decides access beside the servers themselves is the same. */
function describeAccess({ byGroup, byToolset, publicServers, accessRules }: RegistrySnapshot): string {
  return JSON.stringify([
    [...byGroup].map(([name, members]) => [name, members.map(({ id }) => id)]).sort(),
    [...byToolset]
      .map(([key, { name, description, tools }]) => [
        key,
        name,
        description,
        [...tools].map(([id, names]) => [id, [...names].sort()]).sort(),
      ])
      .sort(),
    [...publicServers].sort(),
    accessRules,
  ]);
}
