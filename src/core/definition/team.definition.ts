import {
  amount,
  BUDGET_SETTINGS,
  BudgetFields,
  count,
  names,
  openRecordOrList,
  shortName,
} from './budget.definition.js';
import { durationText } from './duration.js';
import { flag, integerBetween, isRecord, oneOf, type FieldIssue } from './field-checks.js';
import { describedAs, schemaOf } from './field-schema.js';
import { Field, Nested, toFlag, toNumber } from './field-decorators.js';
import { ObjectPermissionDefinition } from './object-permission.definition.js';
import { emailAddress, ownerId, toEmail } from './owner-checks.js';
import { SortedPageQuery } from './page-query.definition.js';
import { openRecord } from './storable.js';

export const TEAM_ROLES = ['admin', 'user'] as const;
export type TeamRole = (typeof TEAM_ROLES)[number];

/** Members one request may name. */
const MEMBERS_MAX = 1_000;

/** A person to be put somewhere, by id or by address. */
export interface MemberReference {
  readonly user_id?: string;
  readonly user_email?: string;
  readonly role: string;
}

/** A member by `user_id` or `user_email`, with one of these roles. */
export function memberOf(roles: readonly string[]) {
  const described = {
    type: 'object',
    properties: { user_id: schemaOf(ownerId), user_email: schemaOf(emailAddress), role: { enum: roles } },
  } as const;
  return describedAs(described, (value: unknown): readonly FieldIssue[] => {
    if (!isRecord(value)) return [{ at: [], message: 'must be a mapping with role and user_id or user_email' }];
    const { user_id: id, user_email: email, role } = value;
    const below = (step: string, issues: readonly FieldIssue[]) =>
      issues.map(({ at, message }) => ({ at: [step, ...at], message }));
    return [
      ...(isAbsent(id) && isAbsent(email) ? [{ at: [], message: 'must have user_id or user_email' }] : []),
      ...(isAbsent(id) ? [] : below('user_id', ownerId(id))),
      ...(isAbsent(email) ? [] : below('user_email', emailAddress(email))),
      ...(isAbsent(role) ? [] : below('role', oneOf(roles)(role))),
    ];
  });
}

/** One member or a list of them, which becomes a list. */
export function membersOf(roles: readonly string[]) {
  const check = memberOf(roles);
  const one = schemaOf(check);
  const described = { anyOf: [one, { type: 'array', items: one }] } as const;
  return describedAs(described, (value: unknown): readonly FieldIssue[] => {
    if (!Array.isArray(value)) return [{ at: [], message: 'must be a member or a list of members' }];
    if (value.length > MEMBERS_MAX) return [{ at: [], message: `must not hold more than ${MEMBERS_MAX} members` }];
    return value.flatMap((item: unknown, index) =>
      check(item).map(({ at, message }) => ({ at: [index, ...at], message })),
    );
  });
}

/** What is written as one member or several, as a list without nulls and with addresses folded. */
export function toMembers(defaultRole: string): (written: unknown) => unknown {
  const one = (member: unknown): unknown => {
    if (!isRecord(member)) return member;
    const { user_id, user_email, role } = member;
    return {
      ...(isAbsent(user_id) ? {} : { user_id }),
      ...(isAbsent(user_email) ? {} : { user_email: toEmail(user_email) }),
      role: role ?? defaultRole,
    };
  };
  return (written) => {
    if (written === undefined || written === null) return written;
    return Array.isArray(written) ? written.map(one) : [one(written)];
  };
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

/** What a team holds, whoever writes it (reference §3.8). */
class TeamFields extends BudgetFields {
  @Field(ownerId)
  team_id?: string;

  @Field(shortName)
  team_alias?: string;

  @Field(ownerId)
  organization_id?: string;

  /** Key routes that plain members may use. */
  @Field(names)
  team_member_permissions?: string[];

  @Field(openRecord)
  metadata?: Record<string, unknown>;

  @Field(names)
  models?: string[];

  @Field(openRecord)
  model_aliases?: Record<string, unknown>;

  @Field(flag, toFlag)
  blocked?: boolean;

  @Field(names)
  tags?: string[];

  @Field(names)
  guardrails?: string[];

  @Field(names)
  policies?: string[];

  @Field(names)
  prompts?: string[];

  @Nested(ObjectPermissionDefinition)
  object_permission?: ObjectPermissionDefinition;

  @Field(openRecordOrList)
  allowed_passthrough_routes?: unknown;

  @Field(openRecord)
  secret_manager_settings?: Record<string, unknown>;

  @Field(amount, toNumber)
  team_member_budget?: number;

  @Field(durationText)
  team_member_budget_duration?: string;

  @Field(count, toNumber)
  team_member_rpm_limit?: number;

  @Field(count, toNumber)
  team_member_tpm_limit?: number;

  @Field(durationText)
  team_member_key_duration?: string;

  @Field(names)
  allowed_vector_store_indexes?: string[];

  @Field(openRecord)
  router_settings?: Record<string, unknown>;

  /** Unified access groups by id. */
  @Field(names)
  access_group_ids?: string[];

  @Field(flag, toFlag)
  disable_global_guardrails?: boolean;

  @Field(flag, toFlag)
  allow_team_guardrail_config?: boolean;
}

/** `POST /team/new`. */
export class TeamNewDefinition extends TeamFields {
  @Field(membersOf(TEAM_ROLES), toMembers('user'))
  members_with_roles?: MemberReference[];

  /** Deprecated: user ids of team admins. */
  @Field(names)
  admins?: string[];

  /** Deprecated: user ids of members. */
  @Field(names)
  members?: string[];
}

/** `POST /team/update`: `team_id` and whatever changes; null clears. */
export class TeamUpdateDefinition extends TeamFields {}

/** Fields of a team that have no column of their own. */
export const TEAM_SETTINGS = [
  ...BUDGET_SETTINGS,
  'model_aliases',
  'tags',
  'guardrails',
  'policies',
  'prompts',
  'allowed_passthrough_routes',
  'secret_manager_settings',
  'team_member_budget',
  'team_member_budget_duration',
  'team_member_rpm_limit',
  'team_member_tpm_limit',
  'team_member_key_duration',
  'allowed_vector_store_indexes',
  'router_settings',
  'disable_global_guardrails',
  'allow_team_guardrail_config',
] as const satisfies readonly (keyof TeamUpdateDefinition)[];

/** `{team_ids}`. */
export class TeamDeleteDefinition {
  @Field(names)
  team_ids?: string[];
}

/** `{team_id}`, as body or query. */
export class TeamIdDefinition {
  @Field(ownerId)
  team_id?: string;
}

/** `POST /team/model/add|delete`. */
export class TeamModelsDefinition extends TeamIdDefinition {
  @Field(names)
  models?: string[];
}

/** `POST /team/permissions_update`. */
export class TeamPermissionsDefinition extends TeamIdDefinition {
  @Field(names)
  team_member_permissions?: string[];
}

/** `POST /team/member_add`: `member` is one or a list. */
export class TeamMemberAddDefinition extends TeamIdDefinition {
  @Field(membersOf(TEAM_ROLES), toMembers('user'))
  member?: MemberReference[];

  @Field(amount, toNumber)
  max_budget_in_team?: number;
}

/** `POST /team/bulk_member_add`. */
export class TeamBulkMemberAddDefinition extends TeamIdDefinition {
  @Field(membersOf(TEAM_ROLES), toMembers('user'))
  members?: MemberReference[];

  /** Everybody there is. Proxy admins only. */
  @Field(flag, toFlag)
  all_users?: boolean;

  @Field(amount, toNumber)
  max_budget_in_team?: number;
}

/** `POST /team/member_delete`. */
export class TeamMemberDefinition extends TeamIdDefinition {
  @Field(ownerId)
  user_id?: string;

  @Field(emailAddress, toEmail)
  user_email?: string;
}

/** `POST /team/member_update`. */
export class TeamMemberUpdateDefinition extends TeamMemberDefinition {
  @Field(oneOf(TEAM_ROLES))
  role?: TeamRole;

  @Field(amount, toNumber)
  max_budget_in_team?: number;

  @Field(durationText)
  budget_duration?: string;

  @Field(count, toNumber)
  tpm_limit?: number;

  @Field(count, toNumber)
  rpm_limit?: number;
}

/** What a membership holds beside its role. */
export const TEAM_MEMBER_SETTINGS = [
  'max_budget_in_team',
  'budget_duration',
  'tpm_limit',
  'rpm_limit',
] as const satisfies readonly (keyof TeamMemberUpdateDefinition)[];

/** Teams of `GET /team/list`, which the incumbent does not page. */
export const TEAM_LIST_MAX = 5_000;

/** `GET /team/list`. */
export class TeamListQuery {
  @Field(ownerId)
  user_id?: string;

  @Field(ownerId)
  organization_id?: string;

  @Field(integerBetween(1, 1_000_000), toNumber)
  page?: number;

  @Field(integerBetween(1, TEAM_LIST_MAX), toNumber)
  page_size?: number;
}

/** `GET /v2/team/list`. */
export class TeamPageQuery extends SortedPageQuery {
  @Field(ownerId)
  team_id?: string;

  /** Part of the alias, without case. */
  @Field(shortName)
  team_alias?: string;

  @Field(ownerId)
  organization_id?: string;

  @Field(ownerId)
  user_id?: string;

  @Field(oneOf(['team_id', 'team_alias', 'created_at']))
  sort_by?: 'team_id' | 'team_alias' | 'created_at';

  /** Deleted teams instead; proxy admins and viewers only. */
  @Field(oneOf(['deleted']))
  status?: 'deleted';
}
