import { amount, BUDGET_SETTINGS, BudgetFields, names, shortName } from './budget.definition.js';
import { integerBetween, oneOf } from './field-checks.js';
import { Field, Nested, toNumber } from './field-decorators.js';
import { ObjectPermissionDefinition } from './object-permission.definition.js';
import { emailAddress, ownerId, toEmail } from './owner-checks.js';
import { openRecord } from './storable.js';
import { membersOf, toMembers, type MemberReference } from './team.definition.js';

export const ORGANIZATION_ROLES = ['org_admin', 'internal_user', 'internal_user_viewer'] as const;
export type OrganizationRole = (typeof ORGANIZATION_ROLES)[number];

/** What an organization holds, whoever writes it (reference §3.9). */
class OrganizationFields extends BudgetFields {
  @Field(ownerId)
  organization_id?: string;

  @Field(shortName)
  organization_alias?: string;

  @Field(names)
  models?: string[];

  @Field(openRecord)
  metadata?: Record<string, unknown>;

  @Field(openRecord)
  model_aliases?: Record<string, unknown>;

  @Field(names)
  tags?: string[];

  @Nested(ObjectPermissionDefinition)
  object_permission?: ObjectPermissionDefinition;
}

/** `POST /organization/new`. */
export class OrganizationNewDefinition extends OrganizationFields {}

/** `PATCH /organization/update`: `organization_id` and whatever changes; null clears. */
export class OrganizationUpdateDefinition extends OrganizationFields {
  @Field(amount, toNumber)
  spend?: number;
}

/** Fields of an organization that have no column of their own. */
export const ORGANIZATION_SETTINGS = [
  ...BUDGET_SETTINGS,
  'model_aliases',
  'tags',
] as const satisfies readonly (keyof OrganizationUpdateDefinition)[];

/** `DELETE /organization/delete`. */
export class OrganizationDeleteDefinition {
  @Field(names)
  organization_ids?: string[];
}

/** `?organization_id=`. */
export class OrganizationIdDefinition {
  @Field(ownerId)
  organization_id?: string;
}

/** The deprecated `POST /organization/info`. */
export class OrganizationsDefinition {
  @Field(names)
  organizations?: string[];
}

/** Organizations of one answer; the incumbent does not page this list. */
export const ORGANIZATION_LIST_MAX = 1_000;

/** `GET /organization/list`. */
export class OrganizationListQuery {
  @Field(ownerId)
  org_id?: string;

  /** Part of the alias, without case. */
  @Field(shortName)
  org_alias?: string;

  @Field(integerBetween(1, 1_000_000), toNumber)
  page?: number;

  @Field(integerBetween(1, ORGANIZATION_LIST_MAX), toNumber)
  page_size?: number;
}

/** `POST /organization/member_add`: `member` is one or a list. */
export class OrganizationMemberAddDefinition extends OrganizationIdDefinition {
  @Field(membersOf(ORGANIZATION_ROLES), toMembers('internal_user'))
  member?: MemberReference[];

  @Field(amount, toNumber)
  max_budget_in_organization?: number;
}

/** `DELETE /organization/member_delete`. */
export class OrganizationMemberDefinition extends OrganizationIdDefinition {
  @Field(ownerId)
  user_id?: string;

  @Field(emailAddress, toEmail)
  user_email?: string;
}

/** `PATCH /organization/member_update`. */
export class OrganizationMemberUpdateDefinition extends OrganizationMemberDefinition {
  @Field(oneOf(ORGANIZATION_ROLES))
  role?: OrganizationRole;

  @Field(amount, toNumber)
  max_budget_in_organization?: number;
}

/** What a membership holds beside its role. */
export const ORGANIZATION_MEMBER_SETTINGS = [
  'max_budget_in_organization',
] as const satisfies readonly (keyof OrganizationMemberUpdateDefinition)[];
