import { hashKey } from '../../../platform/crypto/hash-key.js';
import { presentPermission } from '../permission/present-permission.js';
import type { KeyRecord } from './key-record.js';

/** A key as REST shows it (reference §3.6). Never the key itself. */
export function presentKey(key: KeyRecord): Record<string, unknown> {
  const settings = key.settings as Readonly<Record<string, unknown>>;
  const setting = (name: string, otherwise: unknown = null): unknown => settings[name] ?? otherwise;
  return {
    token: key.tokenHash,
    key_name: key.keyName,
    key_alias: key.alias,
    user_id: key.userId,
    team_id: key.teamId,
    organization_id: key.organizationId,
    expires: key.expiresAt,
    duration: setting('duration'),
    blocked: key.blocked,
    key_type: key.keyType,
    allowed_routes: key.allowedRoutes,
    access_group_ids: key.accessGroupIds,
    models: key.models,
    aliases: setting('aliases', {}),
    config: setting('config', {}),
    metadata: key.metadata,
    permissions: setting('permissions', {}),
    tags: setting('tags'),
    guardrails: setting('guardrails'),
    policies: setting('policies', []),
    prompts: setting('prompts'),
    enforced_params: setting('enforced_params'),
    allowed_cache_controls: setting('allowed_cache_controls', []),
    allowed_passthrough_routes: setting('allowed_passthrough_routes'),
    allowed_vector_store_indexes: setting('allowed_vector_store_indexes'),
    router_settings: setting('router_settings'),
    agent_id: setting('agent_id'),
    project_id: setting('project_id'),
    spend: key.spend,
    max_budget: key.maxBudget,
    soft_budget: setting('soft_budget'),
    budget_duration: setting('budget_duration'),
    budget_reset_at: setting('budget_reset_at'),
    budget_id: setting('budget_id'),
    budget_limits: setting('budget_limits'),
    temp_budget_increase: setting('temp_budget_increase'),
    temp_budget_expiry: setting('temp_budget_expiry'),
    max_parallel_requests: setting('max_parallel_requests'),
    tpm_limit: setting('tpm_limit'),
    rpm_limit: setting('rpm_limit'),
    tpm_limit_type: setting('tpm_limit_type'),
    rpm_limit_type: setting('rpm_limit_type'),
    model_max_budget: setting('model_max_budget', {}),
    model_rpm_limit: setting('model_rpm_limit'),
    model_tpm_limit: setting('model_tpm_limit'),
    send_invite_email: setting('send_invite_email'),
    auto_rotate: setting('auto_rotate', false),
    rotation_interval: setting('rotation_interval'),
    rotation_count: key.rotationCount,
    last_rotation_at: key.lastRotatedAt,
    key_rotation_at: setting('key_rotation_at'),
    object_permission_id: key.objectPermissionId,
    object_permission: presentPermission(key.objectPermission),
    litellm_budget_table: null,
    created_at: key.createdAt,
    created_by: key.createdBy,
    updated_at: key.updatedAt,
    updated_by: key.updatedBy,
    ...(key.deletedAt === null ? {} : { deleted_at: key.deletedAt, deleted_by: key.deletedBy }),
  };
}

/** The answer to the one request that may read the key. */
export function presentIssuedKey(plain: string, record: KeyRecord): Record<string, unknown> {
  return { key: plain, token_id: record.tokenHash, ...presentKey(record) };
}

/** The user beside the key, for `expand=user`. */
export function presentKeyUser({ user }: KeyRecord): object | null {
  if (user === null) return null;
  return { user_id: user.id, user_email: user.email, user_alias: user.alias, user_role: user.role };
}

/** A key in the audit: open mappings may hold credentials of what they configure and are shown by their fingerprint. */
export function auditKey(key: KeyRecord): object {
  const { token, ...shown } = presentKey(key);
  const entries = Object.entries(shown).filter(([, value]) => value !== null);
  return {
    token: fingerprint(String(token), true),
    ...Object.fromEntries(entries.map(([name, value]) => [name, auditValue(name, value)])),
  };
}

function auditValue(name: string, value: unknown): unknown {
  if (name === 'object_permission' || value instanceof Date || typeof value !== 'object' || value === null)
    return value;
  if (Array.isArray(value) && name !== 'budget_limits') return value;
  return Object.keys(value).length === 0 ? value : fingerprint(JSON.stringify(value));
}

function fingerprint(text: string, isHash = false): string {
  return `sha256:${(isHash ? text : hashKey(text)).slice(0, 12)}`;
}
