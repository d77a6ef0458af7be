/** The row of an owner's permission. */
export interface PermissionRow {
  readonly id: string;
  readonly mcpServers: unknown;
  readonly mcpAccessGroups: unknown;
  readonly mcpToolsets: unknown;
  readonly mcpToolPermissions: unknown;
  readonly other: unknown;
}

/** The wire form (reference §3.7): null where it says nothing. */
export function presentPermission(row: PermissionRow | null): object | null {
  if (row === null) return null;
  return {
    vector_stores: [],
    agents: [],
    agent_access_groups: [],
    ...(row.other as Record<string, unknown>),
    object_permission_id: row.id,
    mcp_servers: row.mcpServers,
    mcp_access_groups: row.mcpAccessGroups,
    mcp_tool_permissions: row.mcpToolPermissions,
    mcp_toolsets: row.mcpToolsets,
  };
}
