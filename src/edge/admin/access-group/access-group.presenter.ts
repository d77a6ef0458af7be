/** A stored access group with its members, and who has it through `access_group_ids`. */
export interface AccessGroupRow {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly servers: readonly { readonly serverId: string }[];
  readonly other: unknown;
  readonly createdAt: Date;
  readonly createdBy: string | null;
  readonly updatedAt: Date;
  readonly updatedBy: string | null;
}

export interface GroupAssignments {
  readonly teamIds: readonly string[];
  /** Hashes of keys. */
  readonly keyHashes: readonly string[];
}

/** Reference §3.2. */
export function presentAccessGroup(row: AccessGroupRow, { teamIds, keyHashes }: GroupAssignments) {
  return {
    access_model_names: [],
    access_agent_ids: [],
    ...(row.other as Record<string, unknown>),
    access_group_id: row.id,
    access_group_name: row.name,
    description: row.description,
    access_mcp_server_ids: row.servers.map(({ serverId }) => serverId).sort(),
    assigned_team_ids: [...teamIds].sort(),
    assigned_key_ids: [...keyHashes].sort(),
    created_at: row.createdAt.toISOString(),
    created_by: row.createdBy,
    updated_at: row.updatedAt.toISOString(),
    updated_by: row.updatedBy,
  };
}

export type PresentedAccessGroup = ReturnType<typeof presentAccessGroup>;
