import { presentSettings } from '../../../core/definition/given-fields.js';
import { TEAM_MEMBER_SETTINGS, TEAM_SETTINGS } from '../../../core/definition/team.definition.js';
import { presentPermission, type PermissionRow } from '../permission/present-permission.js';

/** A team as it is read. */
export interface TeamRow {
  readonly id: string;
  readonly alias: string | null;
  readonly organizationId: string | null;
  readonly blocked: boolean;
  readonly models: readonly string[];
  readonly memberPermissions: readonly string[];
  readonly accessGroupIds: readonly string[];
  readonly metadata: unknown;
  readonly settings: unknown;
  readonly maxBudget: number | null;
  readonly spend: number;
  readonly objectPermissionId: string | null;
  readonly objectPermission: PermissionRow | null;
  readonly members: readonly TeamMemberRow[];
  readonly createdAt: Date;
  readonly createdBy: string | null;
  readonly updatedAt: Date;
  readonly updatedBy: string | null;
  readonly deletedAt: Date | null;
  readonly deletedBy: string | null;
}

export interface TeamMemberRow {
  readonly teamId: string;
  readonly userId: string;
  readonly role: string;
  readonly settings: unknown;
  readonly user: { readonly email: string | null };
}

/** The wire form of a team (reference §3.8, §10.5). */
export function presentTeam(row: TeamRow) {
  return {
    team_id: row.id,
    team_alias: row.alias,
    organization_id: row.organizationId,
    blocked: row.blocked,
    models: row.models,
    team_member_permissions: row.memberPermissions,
    access_group_ids: row.accessGroupIds,
    metadata: row.metadata,
    max_budget: row.maxBudget,
    spend: row.spend,
    ...presentSettings(row.settings, TEAM_SETTINGS),
    object_permission_id: row.objectPermissionId,
    object_permission: presentPermission(row.objectPermission),
    members_with_roles: row.members.map(presentMember),
    admins: row.members.filter(({ role }) => role === 'admin').map(({ userId }) => userId),
    members: row.members.map(({ userId }) => userId),
    created_at: row.createdAt,
    created_by: row.createdBy,
    updated_at: row.updatedAt,
    updated_by: row.updatedBy,
    ...(row.deletedAt === null ? {} : { deleted_at: row.deletedAt, deleted_by: row.deletedBy }),
  };
}

function presentMember({ userId, role, user }: TeamMemberRow) {
  return { user_id: userId, user_email: user.email, role };
}

/** A membership (reference §10.6). */
export function presentTeamMembership({ teamId, userId, role, settings, user }: TeamMemberRow) {
  const limits = presentSettings(settings, TEAM_MEMBER_SETTINGS);
  return {
    team_id: teamId,
    user_id: userId,
    user_email: user.email,
    role,
    spend: 0,
    max_budget_in_team: limits['max_budget_in_team'],
    litellm_budget_table: {
      max_budget: limits['max_budget_in_team'],
      budget_duration: limits['budget_duration'],
      tpm_limit: limits['tpm_limit'],
      rpm_limit: limits['rpm_limit'],
    },
  };
}
