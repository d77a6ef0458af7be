import { normalizeServerName, serverNameFault } from '../../../core/definition/server-name.js';
import type { IncumbentRow } from './incumbent.source.js';
import { dateOf, flagOf, objectOf, textOf, textsOf } from './read-column.js';

/** A server of the incumbent as the body of our own `POST /v1/mcp/server`, secrets opened. Does not go into any log. */
export interface MappedServer {
  readonly id: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly approvalStatus: 'active' | 'pending_review' | 'rejected';
  readonly submittedBy: string | null;
  readonly submittedAt: Date | null;
  readonly reviewNotes: string | null;
  readonly createdBy: string | null;
  /** What people should know about this one. */
  readonly warnings: readonly string[];
}

export interface MapServerOptions {
  readonly separator: string;
  /** Opens a sealed credential; undefined when it does not open or there is no salt key. */
  readonly open: (sealed: string) => string | undefined;
}

/** Members of `credentials` that the incumbent stores in the clear. */
const CLEAR: ReadonlySet<string> = new Set(['scopes', 'aws_region_name', 'aws_service_name', 'type', 'expires_at']);

const TEXT_COLUMNS = [
  'description',
  'url',
  'transport',
  'auth_type',
  'command',
  'authorization_url',
  'token_url',
  'registration_url',
  'instructions',
  'spec_path',
  'byok_api_key_help_url',
  'source_url',
  'oauth2_flow',
  'token_endpoint_auth_method',
  'upstream_resource',
  'upstream_token_header',
  'token_exchange_endpoint',
  'token_exchange_profile',
  'audience',
  'subject_token_type',
  'id_jag_resource_token_endpoint',
  'id_jag_resource',
] as const;
const LIST_COLUMNS = ['mcp_access_groups', 'allowed_tools', 'extra_headers', 'args', 'byok_description'] as const;
const OBJECT_COLUMNS = [
  'mcp_info',
  'static_headers',
  'env',
  'tool_name_to_display_name',
  'tool_name_to_description',
] as const;

/** Secrets that do not open are left out, never sent as they are (defect 32): the server then needs its credential again. */
export function mapServer(row: IncumbentRow, options: MapServerOptions): MappedServer {
  const id = textOf(row, 'server_id') ?? '';
  const warnings: string[] = [];
  const name = usableName(textOf(row, 'server_name') ?? textOf(row, 'alias') ?? id, 'Server name', options, warnings);
  const writtenAlias = textOf(row, 'alias');
  const alias = writtenAlias === undefined ? undefined : usableName(writtenAlias, 'Alias', options, warnings);
  const credentials = openCredentials(objectOf(row, 'credentials'), options, warnings);
  const body: Record<string, unknown> = { server_id: id, server_name: name };
  if (alias !== undefined) body['alias'] = alias;
  for (const column of TEXT_COLUMNS) {
    const value = textOf(row, column);
    if (value !== undefined) body[column] = value;
  }
  for (const column of LIST_COLUMNS) {
    const value = textsOf(row, column);
    if (value.length > 0) body[column] = value;
  }
  for (const column of OBJECT_COLUMNS) {
    const value = objectOf(row, column);
    if (Object.keys(value).length > 0) body[column] = value;
  }
  if (Object.keys(credentials).length > 0) body['credentials'] = credentials;
  body['allow_all_keys'] = flagOf(row, 'allow_all_keys');
  // Older versions lack the column and keep every server inside.
  body['available_on_public_internet'] = flagOf(row, 'available_on_public_internet');
  if (flagOf(row, 'is_byok')) body['is_byok'] = true;
  if (flagOf(row, 'delegate_auth_to_upstream')) body['delegate_auth_to_upstream'] = true;
  const status = textOf(row, 'approval_status');
  return {
    id,
    body,
    approvalStatus: status === 'pending_review' || status === 'rejected' ? status : 'active',
    submittedBy: textOf(row, 'submitted_by') ?? null,
    submittedAt: dateOf(row, 'submitted_at') ?? null,
    reviewNotes: textOf(row, 'review_notes') ?? null,
    createdBy: textOf(row, 'created_by') ?? null,
    warnings,
  };
}

/** Older versions of the incumbent took names that ours and its own newer ones refuse. */
function usableName(
  written: string,
  kind: 'Server name' | 'Alias',
  { separator }: MapServerOptions,
  warnings: string[],
): string {
  const normalized = normalizeServerName(written);
  if (serverNameFault(kind, normalized, separator) === undefined) return normalized;
  const usable = normalized
    .replaceAll(separator, '_')
    .replaceAll(/[^A-Za-z0-9_.-]/g, '_')
    .replace(/^[.-]+/, '');
  warnings.push(`${kind} "${written}" becomes "${usable}": tool names and paths that hold it change with it`);
  return usable;
}

function openCredentials(
  sealed: Readonly<Record<string, unknown>>,
  { open }: MapServerOptions,
  warnings: string[],
): Readonly<Record<string, unknown>> {
  const opened: Record<string, unknown> = {};
  for (const [member, value] of Object.entries(sealed)) {
    if (value === null || value === '') continue;
    if (CLEAR.has(member) || typeof value !== 'string') {
      opened[member] = value;
      continue;
    }
    const plain = open(value);
    if (plain === undefined) warnings.push(`credentials.${member} did not open and is left out: enter it again`);
    else opened[member] = plain;
  }
  return opened;
}
