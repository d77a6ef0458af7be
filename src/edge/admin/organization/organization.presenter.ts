import { BUDGET_SETTINGS } from '../../../core/definition/budget.definition.js';
import { presentSettings } from '../../../core/definition/given-fields.js';
import {
  ORGANIZATION_MEMBER_SETTINGS,
  ORGANIZATION_SETTINGS,
} from '../../../core/definition/organization.definition.js';
import { presentPermission, type PermissionRow } from '../permission/present-permission.js';

/** An organization as it is read. */
export interface OrganizationRow {
  readonly id: string;
  readonly alias: string;
  readonly models: readonly string[];
  readonly metadata: unknown;
  readonly settings: unknown;
  readonly maxBudget: number | null;
  readonly spend: number;
  readonly objectPermissionId: string | null;
  readonly objectPermission: PermissionRow | null;
  readonly createdAt: Date;
  readonly createdBy: string | null;
  readonly updatedAt: Date;
  readonly updatedBy: string | null;
}

export interface OrganizationMemberRow {
  readonly organizationId: string;
  readonly userId: string;
  readonly role: string;
  readonly settings: unknown;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly user: { readonly email: string | null; readonly alias: string | null };
}

export interface OrganizationTeamRow {
  readonly id: string;
  readonly alias: string | null;
  readonly organizationId: string | null;
  readonly blocked: boolean;
}

/** The wire form of an organization (reference §3.9, §10.6). */
export function presentOrganization(row: OrganizationRow) {
  return {
    organization_id: row.id,
    organization_alias: row.alias,
    models: row.models,
    metadata: row.metadata,
    max_budget: row.maxBudget,
    spend: row.spend,
    ...presentSettings(row.settings, ORGANIZATION_SETTINGS),
    litellm_budget_table: { max_budget: row.maxBudget, ...presentSettings(row.settings, BUDGET_SETTINGS) },
    object_permission_id: row.objectPermissionId,
    object_permission: presentPermission(row.objectPermission),
    created_at: row.createdAt,
    created_by: row.createdBy,
    updated_at: row.updatedAt,
    updated_by: row.updatedBy,
  };
}

export function presentOrganizationMember(row: OrganizationMemberRow) {
  return {
    organization_id: row.organizationId,
    user_id: row.userId,
    user_email: row.user.email,
    user_role: row.role,
    spend: 0,
    ...presentSettings(row.settings, ORGANIZATION_MEMBER_SETTINGS),
    user: { user_id: row.userId, user_email: row.user.email, user_alias: row.user.alias },
    created_at: row.createdAt,
    updated_at: row.updatedAt,
  };
}

export function presentOrganizationTeam({ id, alias, organizationId, blocked }: OrganizationTeamRow) {
  return { team_id: id, team_alias: alias, organization_id: organizationId, blocked };
}
