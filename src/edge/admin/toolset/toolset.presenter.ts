/** A stored toolset with its tools in order. */
export interface ToolsetRow {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly tools: readonly { readonly serverId: string; readonly toolName: string }[];
  readonly createdAt: Date;
  readonly createdBy: string | null;
  readonly updatedAt: Date;
  readonly updatedBy: string | null;
}

/** `shows`: which of its tools the reader may know of. */
export function presentToolset(row: ToolsetRow, shows: (serverId: string, tool: string) => boolean = () => true) {
  return {
    toolset_id: row.id,
    toolset_name: row.name,
    description: row.description,
    tools: row.tools
      .filter(({ serverId, toolName }) => shows(serverId, toolName))
      .map(({ serverId, toolName }) => ({ server_id: serverId, tool_name: toolName })),
    created_at: row.createdAt.toISOString(),
    created_by: row.createdBy,
    updated_at: row.updatedAt.toISOString(),
    updated_by: row.updatedBy,
  };
}

export type PresentedToolset = ReturnType<typeof presentToolset>;
