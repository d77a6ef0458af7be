/** An audit row as it is read. */
export interface AuditRow {
  readonly id: bigint;
  readonly at: Date;
  readonly actorId: string;
  readonly actorUser: string | null;
  readonly actorKey: string | null;
  readonly actorRole: string;
  readonly action: string;
  readonly objectKind: string;
  readonly objectId: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** The incumbent's columns (reference §10.7), and who it was in ours. */
export function presentAuditEntry(row: AuditRow) {
  return {
    id: String(row.id),
    updated_at: row.at,
    changed_by: row.actorUser ?? row.actorId,
    changed_by_api_key: row.actorKey ?? '',
    actor_id: row.actorId,
    actor_role: row.actorRole,
    action: row.action,
    table_name: row.objectKind,
    object_id: row.objectId,
    before_value: row.before,
    updated_values: row.after,
  };
}
