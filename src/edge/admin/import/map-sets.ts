import type { IncumbentRow } from './incumbent.source.js';
import { listOf, remainingColumns, textOf, textsOf } from './read-column.js';

export interface MappedToolset {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly createdBy: string | null;
  readonly tools: readonly { readonly serverId: string; readonly toolName: string }[];
}

export interface MappedAccessGroup {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly createdBy: string | null;
  readonly serverIds: readonly string[];
  readonly other: Readonly<Record<string, unknown>>;
}

export function mapToolset(row: IncumbentRow): MappedToolset {
  const id = textOf(row, 'toolset_id') ?? '';
  const tools = listOf(row, 'tools').flatMap((entry) => {
    if (typeof entry !== 'object' || entry === null) return [];
    const { server_id: serverId, tool_name: toolName } = entry as { server_id?: unknown; tool_name?: unknown };
    return typeof serverId === 'string' && typeof toolName === 'string' ? [{ serverId, toolName }] : [];
  });
  return {
    id,
    name: textOf(row, 'toolset_name') ?? id,
    description: textOf(row, 'description') ?? null,
    createdBy: textOf(row, 'created_by') ?? null,
    tools,
  };
}

const TAKEN: ReadonlySet<string> = new Set([
  'access_group_id',
  'access_group_name',
  'description',
  'created_at',
  'created_by',
  'updated_at',
  'updated_by',
  'access_mcp_server_ids',
  'mcp_server_ids',
]);

export function mapAccessGroup(row: IncumbentRow): MappedAccessGroup {
  const id = textOf(row, 'access_group_id') ?? '';
  return {
    id,
    name: textOf(row, 'access_group_name') ?? id,
    description: textOf(row, 'description') ?? null,
    createdBy: textOf(row, 'created_by') ?? null,
    serverIds: [...new Set([...textsOf(row, 'access_mcp_server_ids'), ...textsOf(row, 'mcp_server_ids')])],
    other: remainingColumns(row, TAKEN),
  };
}
