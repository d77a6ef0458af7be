import { presentSettings } from '../../../core/definition/given-fields.js';
import { USER_SETTINGS } from '../../../core/definition/user.definition.js';
import { presentPermission, type PermissionRow } from '../permission/present-permission.js';

/** A user as they are read. */
export interface UserRow {
  readonly id: string;
  readonly email: string | null;
  readonly alias: string | null;
  readonly role: string;
  readonly ssoUserId: string | null;
  readonly models: readonly string[];
  readonly metadata: unknown;
  readonly settings: unknown;
  readonly maxBudget: number | null;
  readonly spend: number;
  readonly objectPermissionId: string | null;
  readonly objectPermission: PermissionRow | null;
  readonly teams: readonly { readonly teamId: string; readonly role: string }[];
  readonly organizations: readonly { readonly organizationId: string; readonly role: string }[];
  readonly createdAt: Date;
  readonly createdBy: string | null;
  readonly updatedAt: Date;
  readonly updatedBy: string | null;
}

/** The wire form of a user (reference §3.9, §10.6). */
export function presentUser(row: UserRow) {
  return {
    user_id: row.id,
    user_email: row.email,
    user_alias: row.alias,
    user_role: row.role,
    sso_user_id: row.ssoUserId,
    teams: row.teams.map(({ teamId }) => teamId),
    organizations: row.organizations.map(({ organizationId }) => organizationId),
    organization_memberships: row.organizations.map(({ organizationId, role }) => ({
      user_id: row.id,
      organization_id: organizationId,
      user_role: role,
    })),
    models: row.models,
    metadata: row.metadata,
    max_budget: row.maxBudget,
    spend: row.spend,
    ...presentSettings(row.settings, USER_SETTINGS),
    object_permission_id: row.objectPermissionId,
    object_permission: presentPermission(row.objectPermission),
    created_at: row.createdAt,
    created_by: row.createdBy,
    updated_at: row.updatedAt,
    updated_by: row.updatedBy,
  };
}

/** The part of somebody that their organization's admin administers. */
export interface UserWindow {
  readonly orgAdminOf: ReadonlySet<string>;
  readonly teamAdminOf: ReadonlySet<string>;
}

/** Somebody as the admin of their organization sees them: who they are and what they are in it, nothing of elsewhere. */
export function presentUserWithin(row: UserRow, { orgAdminOf, teamAdminOf }: UserWindow) {
  const organizations = row.organizations.filter(({ organizationId }) => orgAdminOf.has(organizationId));
  return {
    user_id: row.id,
    user_email: row.email,
    user_alias: row.alias,
    user_role: row.role,
    teams: row.teams.flatMap(({ teamId }) => (teamAdminOf.has(teamId) ? [teamId] : [])),
    organizations: organizations.map(({ organizationId }) => organizationId),
    organization_memberships: organizations.map(({ organizationId, role }) => ({
      user_id: row.id,
      organization_id: organizationId,
      user_role: role,
    })),
    created_at: row.createdAt,
  };
}
