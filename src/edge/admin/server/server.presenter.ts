import { isRecord } from '../../../core/definition/field-checks.js';
import { CREDENTIAL_FIELDS, HIDDEN, type ServerFields } from '../../../core/definition/server-secrets.js';
import type { Origin, ServerEntry } from '../../../core/model/server-entry.js';

/** What a row tells beside the definition. */
export interface ServerRecord {
  readonly approvalStatus: string;
  readonly submittedBy: string | null;
  readonly submittedAt: Date | null;
  readonly submittedTeam: string | null;
  readonly reviewedAt: Date | null;
  readonly reviewedBy: string | null;
  readonly reviewNotes: string | null;
  readonly revision: number;
  readonly createdAt: Date;
  readonly createdBy: string | null;
  readonly updatedAt: Date;
  readonly updatedBy: string | null;
}

/** How a server fared when it was last asked. */
export interface KnownHealth {
  readonly status: 'healthy' | 'unhealthy' | 'unknown';
  readonly checkedAt: Date | undefined;
  readonly error: string | undefined;
}

/** A server, from wherever, as far as it may be shown. */
export interface ShownServer {
  readonly id: string;
  readonly name: string;
  readonly alias: string | undefined;
  readonly origin: Origin;
  /** Without secrets: `***` in their places. */
  readonly fields: ServerFields;
  /** Absent: it is not being served. */
  readonly entry: ServerEntry | undefined;
  /** Absent: it comes from the file. */
  readonly record: ServerRecord | undefined;
  readonly isPublic: boolean;
  readonly rejectedReason: string | undefined;
  readonly health: KnownHealth | undefined;
}

/** Other callers than administrators read what a server is, not how it is run. */
export type Audience = 'administrator' | 'caller';

/** One server in the shape of reference §3.1. Never holds a secret (defect 22). */
export function presentServer(server: ShownServer, audience: Audience) {
  const { fields, entry, record, health } = server;
  const isAdministrator = audience === 'administrator';
  return {
    server_id: server.id,
    server_name: server.name,
    alias: server.alias ?? null,
    description: textOf(fields['description']) ?? entry?.description ?? null,
    url: textOf(fields['url']) ?? null,
    transport: transportOf(fields),
    auth_type: textOf(fields['auth_type']) ?? null,
    credentials: isAdministrator ? hiddenCredentials(fields) : null,
    origin: server.origin === 'file' ? 'config' : 'db',
    created_at: timeOf(record?.createdAt),
    created_by: record?.createdBy ?? null,
    updated_at: timeOf(record?.updatedAt),
    updated_by: record?.updatedBy ?? null,
    revision: record?.revision ?? null,
    teams: [],
    mcp_access_groups: [...new Set([...listOf(fields['access_groups']), ...listOf(fields['mcp_access_groups'])])],
    allowed_tools: listOf(fields['allowed_tools']),
    disallowed_tools: listOf(fields['disallowed_tools']),
    allowed_params: fields['allowed_params'] ?? null,
    extra_headers: listOf(fields['extra_headers']),
    mcp_info: {
      ...(isRecord(fields['mcp_info']) ? fields['mcp_info'] : server.origin === 'file' ? entry?.info : {}),
      ...(server.isPublic ? { is_public: true } : {}),
    },
    static_headers: isAdministrator ? (fields['static_headers'] ?? {}) : {},
    status: server.rejectedReason === undefined ? (health?.status ?? 'unknown') : 'unhealthy',
    last_health_check: timeOf(health?.checkedAt),
    health_check_error: isAdministrator ? (health?.error ?? null) : null,
    rejected_reason: isAdministrator ? (server.rejectedReason ?? null) : null,
    command: isAdministrator ? (textOf(fields['command']) ?? null) : null,
    args: isAdministrator ? listOf(fields['args']) : [],
    env: isAdministrator ? (fields['env'] ?? {}) : {},
    timeout: fields['timeout'] ?? null,
    isolation: textOf(fields['isolation']) ?? null,
    protocol_era: textOf(fields['protocol_era']) ?? null,
    authorization_url: textOf(fields['authorization_url']) ?? null,
    token_url: textOf(fields['token_url']) ?? null,
    registration_url: textOf(fields['registration_url']) ?? null,
    oauth2_flow: textOf(fields['oauth2_flow']) ?? null,
    oauth_token_mode: textOf(fields['oauth_token_mode']) ?? null,
    token_endpoint_auth_method: textOf(fields['token_endpoint_auth_method']) ?? null,
    redirect_uris: listOf(fields['redirect_uris']),
    token_validation: fields['token_validation'] ?? null,
    token_storage_ttl_seconds: fields['token_storage_ttl_seconds'] ?? null,
    upstream_resource: textOf(fields['upstream_resource']) ?? null,
    upstream_token_header: textOf(fields['upstream_token_header']) ?? null,
    token_exchange_profile: textOf(fields['token_exchange_profile']) ?? null,
    token_exchange_endpoint: textOf(fields['token_exchange_endpoint']) ?? null,
    audience: textOf(fields['audience']) ?? null,
    subject_token_type: textOf(fields['subject_token_type']) ?? null,
    id_jag_resource_token_endpoint: textOf(fields['id_jag_resource_token_endpoint']) ?? null,
    id_jag_resource: textOf(fields['id_jag_resource']) ?? null,
    client_private_key_id: textOf(fields['client_private_key_id']) ?? null,
    client_assertion_signing_alg: textOf(fields['client_assertion_signing_alg']) ?? null,
    spec_path: isAdministrator ? (textOf(fields['spec_path']) ?? null) : null,
    instructions: textOf(fields['instructions']) ?? null,
    tool_name_to_display_name: fields['tool_name_to_display_name'] ?? null,
    tool_name_to_description: fields['tool_name_to_description'] ?? null,
    pinned_tools: fields['pinned_tools'] ?? null,
    is_byok: fields['is_byok'] ?? false,
    byok_description: listOf(fields['byok_description']),
    byok_api_key_help_url: textOf(fields['byok_api_key_help_url']) ?? null,
    source_url: textOf(fields['source_url']) ?? null,
    allow_all_keys: fields['allow_all_keys'] ?? false,
    available_on_public_internet: fields['available_on_public_internet'] ?? true,
    approval_status: record?.approvalStatus ?? 'active',
    submitted_by: record?.submittedBy ?? null,
    submitted_at: timeOf(record?.submittedAt),
    reviewed_at: timeOf(record?.reviewedAt),
    review_notes: record?.reviewNotes ?? null,
  };
}

export type PresentedServer = ReturnType<typeof presentServer>;

/** Which credentials there are, not what they are; null when there are none. */
function hiddenCredentials(fields: ServerFields): object | null {
  const held = CREDENTIAL_FIELDS.filter((name) => fields[name] !== undefined).map((name) => [name, HIDDEN] as const);
  if (held.length === 0) return null;
  return { ...Object.fromEntries(held), ...(Array.isArray(fields['scopes']) ? { scopes: fields['scopes'] } : {}) };
}

/** As written; where nothing is, what the gateway tries first (contract §2). */
function transportOf(fields: ServerFields): string {
  const written = textOf(fields['transport']);
  if (written !== undefined) return written;
  const url = textOf(fields['url']);
  if (url === undefined) return textOf(fields['command']) === undefined ? 'http' : 'stdio';
  return URL.parse(url)?.pathname.endsWith('/sse') === true ? 'sse' : 'http';
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

function timeOf(date: Date | undefined | null): string | null {
  return date?.toISOString() ?? null;
}
