import { amount, BUDGET_SETTINGS, BudgetFields, names, openRecordOrList, shortName } from './budget.definition.js';
import { durationText } from './duration.js';
import { flag, isRecord, listOf, oneOf, type FieldIssue } from './field-checks.js';
import { Field, Nested, toFlag, toNumber } from './field-decorators.js';
import { ObjectPermissionDefinition } from './object-permission.definition.js';
import { emailAddress, ownerId, toEmail } from './owner-checks.js';
import { SortedPageQuery } from './page-query.definition.js';
import { openRecord } from './storable.js';
import { TEAM_ROLES } from './team.definition.js';

/** Roles a user may have (reference §3.9); org_admin is a membership. */
export const USER_ROLES = ['proxy_admin', 'proxy_admin_viewer', 'internal_user', 'internal_user_viewer'] as const;
export type UserRole = (typeof USER_ROLES)[number];

/** A team a new user joins. */
export interface TeamToJoin {
  readonly team_id: string;
  readonly max_budget_in_team?: number;
  readonly user_role: string;
}

/** `"id"` or `{team_id, max_budget_in_team, user_role}`. */
function teamToJoin(value: unknown): readonly FieldIssue[] {
  if (!isRecord(value)) return [{ at: [], message: 'must be a team id or a mapping with team_id' }];
  const below = (step: string, issues: readonly FieldIssue[]) =>
    issues.map(({ at, message }) => ({ at: [step, ...at], message }));
  const { team_id: id, max_budget_in_team: budget, user_role: role } = value;
  return [
    ...below('team_id', ownerId(id)),
    ...(budget === undefined ? [] : below('max_budget_in_team', amount(budget))),
    ...below('user_role', oneOf(TEAM_ROLES)(role)),
  ];
}

function toTeamsToJoin(written: unknown): unknown {
  if (!Array.isArray(written)) return written;
  return written.map((team: unknown) => {
    if (!isRecord(team)) return { team_id: team, user_role: 'user' };
    const { team_id, max_budget_in_team, user_role } = team;
    return {
      team_id,
      user_role: user_role ?? 'user',
      ...(max_budget_in_team === undefined || max_budget_in_team === null ? {} : { max_budget_in_team }),
    };
  });
}

/** What a user holds, whoever writes it (reference §3.9). */
class UserFields extends BudgetFields {
  @Field(ownerId)
  user_id?: string;

  @Field(emailAddress, toEmail)
  user_email?: string;

  @Field(shortName)
  user_alias?: string;

  @Field(oneOf(USER_ROLES))
  user_role?: UserRole;

  @Field(shortName)
  sso_user_id?: string;

  @Field(names)
  models?: string[];

  @Field(openRecord)
  metadata?: Record<string, unknown>;

  @Field(amount, toNumber)
  spend?: number;

  @Nested(ObjectPermissionDefinition)
  object_permission?: ObjectPermissionDefinition;

  @Field(openRecord)
  aliases?: Record<string, unknown>;

  @Field(openRecord)
  config?: Record<string, unknown>;

  @Field(openRecord)
  permissions?: Record<string, unknown>;

  @Field(names)
  allowed_cache_controls?: string[];

  @Field(names)
  guardrails?: string[];

  @Field(names)
  policies?: string[];

  @Field(names)
  prompts?: string[];

  @Field(names)
  tags?: string[];

  @Field(openRecordOrList)
  router_settings?: object;
}

/** `POST /user/new`. */
export class UserNewDefinition extends UserFields {
  @Field(listOf(teamToJoin), toTeamsToJoin)
  teams?: TeamToJoin[];

  /** Organizations joined as internal_user. */
  @Field(listOf(ownerId))
  organizations?: string[];

  /** Default: true for proxy admins. */
  @Field(flag, toFlag)
  auto_create_key?: boolean;

  /** Kept; no letters are sent. */
  @Field(flag, toFlag)
  send_invite_email?: boolean;

  /** Of the key. */
  @Field(shortName)
  key_alias?: string;

  /** Of the key: how long it lives. */
  @Field(durationText)
  duration?: string;
}

/** `POST /user/update`: `user_id` or `user_email`, and whatever changes; null clears. */
export class UserUpdateDefinition extends UserFields {}

/** Fields of a user that have no column of their own. */
export const USER_SETTINGS = [
  ...BUDGET_SETTINGS,
  'aliases',
  'config',
  'permissions',
  'allowed_cache_controls',
  'guardrails',
  'policies',
  'prompts',
  'tags',
  'router_settings',
] as const satisfies readonly (keyof UserUpdateDefinition)[];

/** `POST /user/bulk_update`: entries as of `/user/update`, or one update for everybody. */
export class UserBulkUpdateDefinition {
  @Field(listOf(openRecord))
  users?: Record<string, unknown>[];

  @Field(flag, toFlag)
  all_users?: boolean;

  @Field(openRecord)
  user_updates?: Record<string, unknown>;
}

/** `POST /user/delete`. */
export class UserDeleteDefinition {
  @Field(names)
  user_ids?: string[];
}

/** `?user_id=`. */
export class UserIdQuery {
  @Field(ownerId)
  user_id?: string;
}

/** `GET /user/filter/ui`: parts, without case. */
export class UserFilterQuery {
  @Field(shortName)
  user_id?: string;

  @Field(shortName)
  user_email?: string;
}

export const USER_SORT_FIELDS = ['user_id', 'user_email', 'user_alias', 'user_role', 'spend', 'created_at'] as const;

/** `GET /user/list`. */
export class UserPageQuery extends SortedPageQuery {
  @Field(oneOf(USER_ROLES))
  role?: UserRole;

  /** Ids with commas between them. */
  @Field(names, splitList)
  user_ids?: string[];

  @Field(names, splitList)
  sso_user_ids?: string[];

  /** Part of the address, without case. */
  @Field(shortName)
  user_email?: string;

  @Field(ownerId)
  team?: string;

  @Field(ownerId)
  organization_id?: string;

  @Field(oneOf(USER_SORT_FIELDS))
  sort_by?: (typeof USER_SORT_FIELDS)[number];
}

/** `a,b` as a list. */
export function splitList(written: unknown): unknown {
  if (typeof written !== 'string') return written;
  return written
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}
