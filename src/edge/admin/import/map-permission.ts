import type { IncumbentRow } from './incumbent.source.js';
import { objectOf, remainingColumns, textOf, textsOf } from './read-column.js';

/** An `object_permission` row as we store it: null says nothing. */
export interface MappedPermission {
  readonly mcpServers: readonly string[] | null;
  readonly mcpAccessGroups: readonly string[] | null;
  readonly mcpToolsets: readonly string[] | null;
  readonly mcpToolPermissions: Readonly<Record<string, readonly string[]>> | null;
  readonly other: Readonly<Record<string, unknown>>;
}

const TAKEN: ReadonlySet<string> = new Set([
  'object_permission_id',
  'mcp_servers',
  'mcp_access_groups',
  'mcp_toolsets',
  'mcp_tool_permissions',
]);

/** Permission rows of the incumbent by id. */
export type Permissions = ReadonlyMap<string, MappedPermission>;

/**
 * The incumbent cannot tell "nothing said" from "nothing allowed": its lists are empty either way, and empty means that
 * the level does not restrict (reference §4.2). So an empty list becomes null here.
 */
export function mapPermission(row: IncumbentRow): MappedPermission {
  const tools = Object.entries(objectOf(row, 'mcp_tool_permissions')).flatMap(([server, names]) =>
    Array.isArray(names) ? [[server, names.filter((name): name is string => typeof name === 'string')] as const] : [],
  );
  return {
    mcpServers: filled(textsOf(row, 'mcp_servers')),
    mcpAccessGroups: filled(textsOf(row, 'mcp_access_groups')),
    mcpToolsets: filled(textsOf(row, 'mcp_toolsets')),
    mcpToolPermissions: tools.length === 0 ? null : Object.fromEntries(tools),
    other: remainingColumns(row, TAKEN),
  };
}

export function mapPermissions(rows: readonly IncumbentRow[]): Permissions {
  return new Map(
    rows.flatMap((row) => {
      const id = textOf(row, 'object_permission_id');
      return id === undefined ? [] : [[id, mapPermission(row)] as const];
    }),
  );
}

/**
 * Tool entries for servers that the lists beside them do not name grant nothing here (contract §9), where newer versions
 * of the incumbent read them as grants. The caller says so.
 */
export function idleToolEntries(permission: MappedPermission): readonly string[] {
  const { mcpServers, mcpAccessGroups, mcpToolsets, mcpToolPermissions } = permission;
  if (mcpServers === null && mcpAccessGroups === null && mcpToolsets === null) return [];
  // Members of groups are not known here: with groups, nothing can be said.
  if (mcpAccessGroups !== null) return [];
  return Object.keys(mcpToolPermissions ?? {}).filter((server) => mcpServers?.includes(server) !== true);
}

function filled(list: readonly string[]): readonly string[] | null {
  return list.length === 0 ? null : list;
}
