import { ALL_SERVERS, ALL_TEAM_SERVERS, NO_SERVERS, type ObjectPermission } from '../../../core/model/permission.js';
import type { RegistrySnapshot } from '../../../core/model/registry-snapshot.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';

const SENTINELS: ReadonlySet<string> = new Set([NO_SERVERS, ALL_SERVERS, ALL_TEAM_SERVERS]);

/** How grants are stored: servers and toolsets by id, tools by the server's own names; what nobody has stays as written. */
export function resolveGrants(
  snapshot: RegistrySnapshot,
  toolsetIds: ReadonlyMap<string, string>,
  written: ObjectPermission,
): ObjectPermission {
  const { servers, accessGroups, toolsets, toolPermissions } = written;
  const serverOf = (handle: string): ServerEntry | undefined => snapshot.byHandle.get(handle.toLowerCase());
  const tools = new Map<string, ReadonlySet<string>>();
  for (const [handle, names] of Object.entries(toolPermissions ?? {})) {
    const server = serverOf(handle);
    const prefixes = new Set([handle, server?.prefix ?? handle, server?.name ?? handle]);
    const bare = names.map((name) => withoutPrefix(name, prefixes, snapshot.separator));
    const key = server?.id ?? handle;
    tools.set(key, new Set([...(tools.get(key) ?? []), ...bare]));
  }
  return {
    ...(servers === undefined
      ? {}
      : { servers: unique(servers.map((name) => (SENTINELS.has(name) ? name : (serverOf(name)?.id ?? name)))) }),
    ...(accessGroups === undefined ? {} : { accessGroups: unique(accessGroups) }),
    ...(toolsets === undefined
      ? {}
      : { toolsets: unique(toolsets.map((name) => toolsetIds.get(name.toLowerCase()) ?? name)) }),
    ...(tools.size === 0
      ? {}
      : { toolPermissions: Object.fromEntries([...tools].map(([key, names]) => [key, [...names]])) }),
  };
}

/** `gh-search` on server `gh` is its tool `search` (reference §3.7: stored without prefix). */
export function withoutPrefix(name: string, prefixes: ReadonlySet<string>, separator: string): string {
  for (const prefix of prefixes) {
    const start = `${prefix}${separator}`;
    if (name.startsWith(start) && name.length > start.length) return name.slice(start.length);
  }
  return name;
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)];
}
