import { openRecordOrList } from './budget.definition.js';
import { durationText } from './duration.js';
import { flag, integerBetween, listOf, oneOf, type FieldCheck } from './field-checks.js';
import { Field, Nested } from './field-decorators.js';
import { describedAs, schemaOf } from './field-schema.js';
import { ObjectPermissionDefinition } from './object-permission.definition.js';
import { countsByName, openRecord, shortText } from './storable.js';

/** Longest name, alias or id. */
export const NAME_CHARACTERS_MAX = 255;

const name = shortText(NAME_CHARACTERS_MAX);
const names = listOf(shortText(4_000));
const count = integerBetween(0, Number.MAX_SAFE_INTEGER);
/** Its sign is judged with 400, as the incumbent does. */
const amount: FieldCheck = describedAs({ type: 'number' }, (value) =>
  Number.isFinite(value) ? [] : [{ at: [], message: 'must be a number' }],
);
const limitType = oneOf(['guaranteed_throughput', 'best_effort_throughput', 'dynamic']);

/** What a key's type opens: the doors of {@link RouteAccess}. */
export const KEY_TYPES = ['llm_api', 'management', 'read_only', 'default'] as const;
export type KeyType = (typeof KEY_TYPES)[number];

/**
 * What people may say of a virtual key (reference §3.6), when it is made, changed or regenerated. Budgets, limits, models
 * and the like are kept and given back; whether they have an effect is another matter.
 */
export abstract class KeyFields {
  /** Unique among keys that are not deleted. */
  @Field(name)
  key_alias?: string;

  /** From now on. `-1` when a key is changed: no end. */
  @Field(describedAs(schemaOf(durationText), (value) => (value === '-1' ? [] : durationText(value))))
  duration?: string;

  @Field(name)
  user_id?: string;

  @Field(name)
  team_id?: string;

  @Field(name)
  organization_id?: string;

  @Field(names)
  models?: string[];

  @Field(openRecord)
  aliases?: Record<string, unknown>;

  @Field(openRecord)
  config?: Record<string, unknown>;

  @Field(amount)
  spend?: number;

  @Field(amount)
  max_budget?: number;

  @Field(amount)
  soft_budget?: number;

  @Field(durationText)
  budget_duration?: string;

  @Field(name)
  budget_id?: string;

  @Field(count)
  max_parallel_requests?: number;

  @Field(count)
  tpm_limit?: number;

  @Field(count)
  rpm_limit?: number;

  @Field(limitType)
  tpm_limit_type?: string;

  @Field(limitType)
  rpm_limit_type?: string;

  @Field(openRecord)
  model_max_budget?: Record<string, unknown>;

  @Field(countsByName)
  model_rpm_limit?: Record<string, number>;

  @Field(countsByName)
  model_tpm_limit?: Record<string, number>;

  @Field(openRecord)
  metadata?: Record<string, unknown>;

  @Field(names)
  tags?: string[];

  @Field(openRecord)
  permissions?: Record<string, unknown>;

  @Field(names)
  guardrails?: string[];

  @Field(names)
  policies?: string[];

  @Field(names)
  prompts?: string[];

  @Field(names)
  enforced_params?: string[];

  @Field(flag)
  blocked?: boolean;

  @Field(names)
  allowed_cache_controls?: string[];

  /** Route groups (`llm_api_routes`, `mcp_routes`, `management_routes`, `info_routes`) and paths, `*` at the end allowed. */
  @Field(names)
  allowed_routes?: string[];

  @Field(names)
  allowed_passthrough_routes?: string[];

  @Field(names)
  allowed_vector_store_indexes?: string[];

  @Nested(ObjectPermissionDefinition)
  object_permission?: ObjectPermissionDefinition;

  @Field(oneOf(KEY_TYPES))
  key_type?: KeyType;

  @Field(flag)
  auto_rotate?: boolean;

  @Field(durationText)
  rotation_interval?: string;

  @Field(flag)
  send_invite_email?: boolean;

  @Field(openRecord)
  router_settings?: Record<string, unknown>;

  /** Ids of unified access groups. */
  @Field(names)
  access_group_ids?: string[];

  @Field(name)
  agent_id?: string;

  @Field(name)
  project_id?: string;

  @Field(openRecordOrList)
  budget_limits?: unknown;
}
