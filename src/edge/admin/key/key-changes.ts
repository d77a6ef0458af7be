import { endOfDuration, parseDuration } from '../../../core/definition/duration.js';
import type { KeyFields, KeyType } from '../../../core/definition/key-fields.js';

/** Fields that are kept as they were given, in `settings`. What has a column is not among them. */
export const SETTING_FIELDS = [
  'duration',
  'aliases',
  'config',
  'soft_budget',
  'budget_duration',
  'budget_id',
  'max_parallel_requests',
  'tpm_limit',
  'rpm_limit',
  'tpm_limit_type',
  'rpm_limit_type',
  'model_max_budget',
  'model_rpm_limit',
  'model_tpm_limit',
  'tags',
  'permissions',
  'guardrails',
  'policies',
  'prompts',
  'enforced_params',
  'allowed_cache_controls',
  'allowed_passthrough_routes',
  'allowed_vector_store_indexes',
  'auto_rotate',
  'rotation_interval',
  'send_invite_email',
  'router_settings',
  'agent_id',
  'project_id',
  'budget_limits',
  'temp_budget_increase',
  'temp_budget_expiry',
] as const;

/** Columns a body may set. Absent: stays. */
export interface KeyColumns {
  alias?: string | null;
  models?: readonly string[];
  metadata?: Readonly<Record<string, unknown>>;
  maxBudget?: number | null;
  spend?: number;
  blocked?: boolean;
  allowedRoutes?: readonly string[];
  keyType?: string;
  accessGroupIds?: readonly string[];
  expiresAt?: Date | null;
}

export interface KeyChanges {
  readonly columns: KeyColumns;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** A body: what it says, and what was written, where null differs from nothing. */
export interface KeyBody {
  readonly definition: KeyFields;
  readonly written: Readonly<Record<string, unknown>>;
}

/** The route group each type opens (reference §3.6); the default type opens everything. */
const ROUTES_OF_TYPE: Readonly<Record<KeyType, readonly string[]>> = {
  llm_api: ['llm_api_routes'],
  management: ['management_routes'],
  read_only: ['info_routes'],
  default: [],
};

/** What is stored of the key already. */
export interface StoredKeyState {
  readonly settings: Readonly<Record<string, unknown>>;
}

/** What a body changes. A field that is not written stays; null clears it. Owners and permissions are no part of it. */
export function keyChanges({ definition, written }: KeyBody, stored: StoredKeyState, now: Date): KeyChanges {
  const names = (field: keyof KeyFields): boolean => Object.hasOwn(written, field);
  const columns: KeyColumns = {
    ...(names('key_alias') ? { alias: definition.key_alias ?? null } : {}),
    ...(names('models') ? { models: definition.models ?? [] } : {}),
    ...(names('metadata') ? { metadata: definition.metadata ?? {} } : {}),
    ...(names('max_budget') ? { maxBudget: definition.max_budget ?? null } : {}),
    ...(names('spend') ? { spend: definition.spend ?? 0 } : {}),
    ...(names('blocked') ? { blocked: definition.blocked ?? false } : {}),
    ...(names('access_group_ids') ? { accessGroupIds: unique(definition.access_group_ids ?? []) } : {}),
    ...(names('duration') ? { expiresAt: endFrom(now, definition.duration) } : {}),
    ...routes(definition, names),
  };
  return { columns, settings: nextSettings({ definition, written }, stored.settings, now) };
}

/** A type sets the routes, unless the body names them itself. */
function routes(definition: KeyFields, names: (field: keyof KeyFields) => boolean): KeyColumns {
  const keyType = definition.key_type ?? 'default';
  return {
    ...(names('key_type') ? { keyType, allowedRoutes: ROUTES_OF_TYPE[keyType] } : {}),
    ...(names('allowed_routes') && (definition.allowed_routes !== undefined || !names('key_type'))
      ? { allowedRoutes: unique(definition.allowed_routes ?? []) }
      : {}),
  };
}

function nextSettings(
  { definition, written }: KeyBody,
  stored: Readonly<Record<string, unknown>>,
  now: Date,
): Readonly<Record<string, unknown>> {
  const next = new Map(Object.entries(stored));
  for (const field of SETTING_FIELDS) {
    if (!Object.hasOwn(written, field)) continue;
    const value = (definition as Readonly<Record<string, unknown>>)[field];
    if (value === undefined) next.delete(field);
    else next.set(field, value);
  }
  if (Object.hasOwn(written, 'budget_duration'))
    setTime(next, 'budget_reset_at', endFrom(now, definition.budget_duration));
  if (Object.hasOwn(written, 'auto_rotate') || Object.hasOwn(written, 'rotation_interval')) {
    setTime(next, 'key_rotation_at', nextRotation(Object.fromEntries(next), now));
  }
  return Object.fromEntries(next);
}

/** When a key that rotates by itself is due, counted from now; null when it does not. */
export function nextRotation(settings: Readonly<Record<string, unknown>>, now: Date): Date | null {
  const interval = settings['rotation_interval'];
  return settings['auto_rotate'] === true && typeof interval === 'string' ? endFrom(now, interval) : null;
}

function endFrom(now: Date, text: string | undefined): Date | null {
  const duration = text === undefined ? undefined : parseDuration(text);
  return duration === undefined ? null : endOfDuration(now, duration);
}

function setTime(settings: Map<string, unknown>, name: string, time: Date | null): void {
  if (time === null) settings.delete(name);
  else settings.set(name, time.toISOString());
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)];
}
