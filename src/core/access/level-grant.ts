import {
  ALL_SERVERS,
  ALL_TEAM_SERVERS,
  NO_SERVERS,
  type ObjectPermission,
  type PermissionLevel,
} from '../model/permission.js';
import type { RegistrySnapshot, ToolsetEntry } from '../model/registry-snapshot.js';
import type { ServerEntry } from '../model/server-entry.js';

/**
 * How a level came to grant a server: named itself or by a group, by tool entries alone, or by toolsets alone. A toolset
 * grants tools and nothing else; the other two grant prompts and resources too.
 */
export type GrantSource = 'server' | 'entries' | 'toolset';

/** What a level grants of one server. */
export interface ServerGrant {
  /** Upstream names; undefined: every tool. */
  readonly tools: ReadonlySet<string> | undefined;
  readonly source: GrantSource;
}

/** What a level grants, by server id. */
export type LevelGrant = ReadonlyMap<string, ServerGrant>;

const NOTHING: LevelGrant = new Map();

/** Whether a permission says anything at all (contract §9: absent is not empty). */
export function saysSomething({ servers, accessGroups, toolsets, toolPermissions }: ObjectPermission): boolean {
  return (
    servers !== undefined ||
    accessGroups !== undefined ||
    toolsets !== undefined ||
    (toolPermissions !== undefined && Object.keys(toolPermissions).length > 0)
  );
}

/**
 * What one level's permission grants against this snapshot; undefined when it says nothing. Names that mean nothing here
 * grant nothing. `teamGrant` is what `all-team-mcpservers` in a key's list stands for; undefined: nothing.
 */
export function compileLevel(
  snapshot: RegistrySnapshot,
  level: PermissionLevel,
  permission: ObjectPermission,
  teamGrant: LevelGrant | undefined,
): LevelGrant | undefined {
  if (!saysSomething(permission)) return undefined;
  const { servers, accessGroups, toolsets } = permission;
  const entries = toolEntries(snapshot, permission);
  if (servers === undefined && accessGroups === undefined && toolsets === undefined) {
    return new Map([...entries].map(([id, tools]) => [id, { tools, source: 'entries' }]));
  }
  if (servers?.includes(NO_SERVERS) === true) return NOTHING;

  const grant = new Map<string, ServerGrant>();
  for (const { id } of namedServers(snapshot, servers ?? [], accessGroups ?? [])) {
    grant.set(id, { tools: entries.get(id), source: 'server' });
  }
  if (level === 'key' && servers?.includes(ALL_TEAM_SERVERS) === true) {
    for (const [id, granted] of teamGrant ?? NOTHING) {
      const tools = intersectTools(granted.tools, entries.get(id));
      grant.set(id, unite(grant.get(id), { tools, source: granted.source }));
    }
  }
  for (const named of toolsets ?? []) {
    for (const [id, tools] of findToolset(snapshot, named)?.tools ?? []) {
      grant.set(id, unite(grant.get(id), { tools, source: 'toolset' }));
    }
  }
  return grant;
}

/** Server id to the union of the tool entries that name it, however they spell it. */
export function toolEntries(
  snapshot: RegistrySnapshot,
  { toolPermissions }: ObjectPermission,
): ReadonlyMap<string, ReadonlySet<string>> {
  const entries = new Map<string, ReadonlySet<string>>();
  for (const [handle, tools] of Object.entries(toolPermissions ?? {})) {
    const server = snapshot.byHandle.get(handle.toLowerCase());
    if (server !== undefined) entries.set(server.id, new Set([...(entries.get(server.id) ?? []), ...tools]));
  }
  return entries;
}

/** By id, or by name in any case. */
export function findToolset(snapshot: RegistrySnapshot, named: string): ToolsetEntry | undefined {
  return snapshot.byToolset.get(named) ?? snapshot.byToolset.get(named.toLowerCase());
}

function* namedServers(
  snapshot: RegistrySnapshot,
  handles: readonly string[],
  groups: readonly string[],
): Iterable<ServerEntry> {
  if (handles.includes(ALL_SERVERS)) yield* snapshot.servers;
  for (const handle of handles) {
    const server = snapshot.byHandle.get(handle.toLowerCase());
    if (server !== undefined) yield server;
  }
  for (const group of groups) yield* snapshot.byGroup.get(group) ?? [];
}

const STRENGTH: Readonly<Record<GrantSource, number>> = { toolset: 0, entries: 1, server: 2 };

/** Both: the tools of either, and the better of the two sources. */
function unite(left: ServerGrant | undefined, right: ServerGrant): ServerGrant {
  if (left === undefined) return right;
  return {
    tools: left.tools === undefined || right.tools === undefined ? undefined : new Set([...left.tools, ...right.tools]),
    source: STRENGTH[left.source] >= STRENGTH[right.source] ? left.source : right.source,
  };
}

/** Only what both grant: the tools of both, and the weaker of the two sources. */
export function intersectGrants(left: ServerGrant, right: ServerGrant): ServerGrant {
  return {
    tools: intersectTools(left.tools, right.tools),
    source: STRENGTH[left.source] <= STRENGTH[right.source] ? left.source : right.source,
  };
}

/** Undefined is every tool. */
export function intersectTools(
  left: ReadonlySet<string> | undefined,
  right: ReadonlySet<string> | undefined,
): ReadonlySet<string> | undefined {
  if (left === undefined) return right;
  return right === undefined ? left : new Set([...left].filter((tool) => right.has(tool)));
}
