import type { DeclaredRegistry, DeclaredServer } from '../../core/definition/declared-server.js';
import { formatFieldProblem } from '../../core/definition/field-problem.js';
import { serverNameFault } from '../../core/definition/server-name.js';
import { checkServerRules } from '../../core/definition/server-rules.js';
import { setAsideReason, unsupportedFeatures } from '../../core/definition/unsupported-features.js';
import type { RegistrySnapshot, RejectedEntry } from '../../core/model/registry-snapshot.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import { compileServer } from './compile-server.js';

/**
 * Declared servers to the snapshot the data plane reads. Pure and total: an entry that cannot be served goes to
 * `rejected` with its reason and takes no other down with it. Of two that claim the same id, name, alias or prefix the
 * first stays. Entries equal to one of `previous` are that very object, so nothing kept about them is lost.
 */
export function compileSnapshot(
  declared: DeclaredRegistry,
  version: number,
  previous?: RegistrySnapshot,
): RegistrySnapshot {
  const { separator, prefixMode } = declared;
  const rejected: RejectedEntry[] = [];
  const accepted: ServerEntry[] = [];
  const byHandle = new Map<string, ServerEntry>();
  for (const server of declared.servers) {
    const compiled = compileOrRefuse(server, separator, byHandle);
    if ('reason' in compiled) {
      rejected.push(Object.freeze({ name: server.name, origin: server.origin, reason: compiled.reason }));
      continue;
    }
    const before = previous?.byId.get(compiled.id);
    const entry = before?.fingerprint === compiled.fingerprint ? before : compiled;
    accepted.push(entry);
    for (const handle of ownHandles(entry)) byHandle.set(handle, entry);
    byHandle.set(server.writtenName.toLowerCase(), byHandle.get(server.writtenName.toLowerCase()) ?? entry);
  }
  // Ids of the past come last: they never take a name away from a server of today.
  for (const entry of accepted) {
    for (const id of entry.alternateIds) if (!byHandle.has(id.toLowerCase())) byHandle.set(id.toLowerCase(), entry);
  }
  const servers = Object.freeze(accepted.sort((a, b) => compareText(a.prefix, b.prefix) || compareText(a.id, b.id)));
  return Object.freeze({
    version,
    servers,
    byId: new Map(servers.map((entry) => [entry.id, entry])),
    byHandle,
    byGroup: indexGroups(servers),
    byToolset: new Map(),
    publicServers: new Set<string>(),
    accessRules: { requireKeyAccess: false, requireEndUserAccess: false },
    separator,
    prefixMode,
    rejected: Object.freeze(rejected),
  });
}

function compileOrRefuse(
  server: DeclaredServer,
  separator: string,
  taken: ReadonlyMap<string, ServerEntry>,
): ServerEntry | { readonly reason: string } {
  try {
    const fault =
      serverNameFault('Server name', server.name, separator) ??
      (server.alias === undefined ? undefined : serverNameFault('Alias', server.alias, separator));
    if (fault !== undefined) return { reason: fault };
    const features = unsupportedFeatures(server.definition);
    if (features.length > 0) return { reason: setAsideReason(features) };
    const errors = checkServerRules(server.definition).filter(({ severity }) => severity === 'error');
    if (errors.length > 0) return { reason: errors.map(formatFieldProblem).join('; ') };
    const entry = compileServer(server, separator);
    for (const handle of ownHandles(entry)) {
      const owner = taken.get(handle);
      if (owner !== undefined) return { reason: `"${handle}" is already taken by server "${owner.name}"` };
    }
    return entry;
  } catch {
    // The text of an unforeseen error may hold what was written; the name is enough to find it.
    return { reason: 'the definition cannot be used' };
  }
}

function ownHandles({ id, name, alias }: ServerEntry): readonly string[] {
  return [...new Set([id, name, alias].flatMap((handle) => (handle === undefined ? [] : [handle.toLowerCase()])))];
}

function indexGroups(servers: readonly ServerEntry[]): ReadonlyMap<string, readonly ServerEntry[]> {
  const groups = new Map<string, ServerEntry[]>();
  for (const entry of servers) {
    for (const group of entry.accessGroups) {
      const members = groups.get(group) ?? [];
      members.push(entry);
      groups.set(group, members);
    }
  }
  for (const members of groups.values()) Object.freeze(members);
  return groups;
}

/** By code unit: the same order on every machine. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
