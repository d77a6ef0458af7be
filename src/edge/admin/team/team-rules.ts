import type { Given } from '../../../core/definition/given-fields.js';
import type { TeamUpdateDefinition } from '../../../core/definition/team.definition.js';
import type { Principal } from '../../../core/model/principal.js';
import type { MembershipSets } from '../membership/memberships.service.js';

/**
 * What a caller is to a team, from most to least. `reader`: sees it and changes nothing, whatever their membership says
 * (the viewer roles, and keys of the team that have no user).
 */
export type TeamStanding = 'proxy_admin' | 'org_admin' | 'team_admin' | 'member' | 'reader' | 'stranger';

export interface TeamIdentity {
  readonly id: string;
  readonly organizationId: string | null;
}

/** Pure: reference §3.8, "Who". */
export function standingIn(principal: Principal, memberships: MembershipSets, team: TeamIdentity): TeamStanding {
  if (principal.role === 'proxy_admin') return 'proxy_admin';
  if (principal.role === 'proxy_admin_viewer') return 'reader';
  const governs = team.organizationId !== null && memberships.orgAdminOf.has(team.organizationId);
  const belongs = memberships.teamMemberOf.has(team.id) || governs;
  if (principal.role === 'internal_user_viewer') {
    return belongs || principal.teamId === team.id ? 'reader' : 'stranger';
  }
  if (governs) return 'org_admin';
  if (memberships.teamAdminOf.has(team.id)) return 'team_admin';
  if (belongs) return 'member';
  return principal.teamId === team.id ? 'reader' : 'stranger';
}

/** What may be done to a team. */
export type TeamAction = 'read' | 'update' | 'members' | 'permissions' | 'block' | 'models' | 'delete';

const ADMINS: ReadonlySet<TeamStanding> = new Set<TeamStanding>(['proxy_admin', 'org_admin', 'team_admin']);
const GOVERNORS: ReadonlySet<TeamStanding> = new Set<TeamStanding>(['proxy_admin', 'org_admin']);

const ALLOWED: Readonly<Record<TeamAction, ReadonlySet<TeamStanding>>> = {
  read: new Set<TeamStanding>([...ADMINS, 'member', 'reader']),
  update: ADMINS,
  members: ADMINS,
  permissions: ADMINS,
  block: GOVERNORS,
  models: GOVERNORS,
  delete: GOVERNORS,
};

export function mayInTeam(standing: TeamStanding, action: TeamAction): boolean {
  return ALLOWED[action].has(standing);
}

/** Who may make a team: a proxy admin anywhere, an organization's admin in it. */
export function mayCreateTeam(
  principal: Principal,
  memberships: MembershipSets,
  organizationId: string | undefined,
): boolean {
  if (principal.role === 'proxy_admin') return true;
  if (principal.role === 'proxy_admin_viewer' || principal.role === 'internal_user_viewer') return false;
  return organizationId !== undefined && memberships.orgAdminOf.has(organizationId);
}

/** What only those above a team set: what it may spend and use, where it belongs, whether it runs at all. */
const SET_FROM_ABOVE: ReadonlySet<keyof TeamUpdateDefinition> = new Set<keyof TeamUpdateDefinition>([
  'organization_id',
  'blocked',
  'models',
  'access_group_ids',
  'allowed_passthrough_routes',
  'allowed_vector_store_indexes',
  'max_budget',
  'soft_budget',
  'budget_duration',
  'budget_id',
  'budget_reset_at',
  'budget_limits',
  'max_parallel_requests',
  'tpm_limit',
  'rpm_limit',
  'tpm_limit_type',
  'rpm_limit_type',
  'model_max_budget',
  'model_rpm_limit',
  'model_tpm_limit',
]);

/** Unified groups grant servers outside of `object_permission`, where nothing compares them with what the giver holds. */
const SET_BY_PROXY_ADMINS: ReadonlySet<keyof TeamUpdateDefinition> = new Set<keyof TeamUpdateDefinition>([
  'access_group_ids',
]);

/** The fields given that a caller of this standing may not set; empty: all of them are theirs. */
export function fieldsBeyond(standing: TeamStanding, given: Given<TeamUpdateDefinition>): readonly string[] {
  if (standing === 'proxy_admin') return [];
  const beyond = GOVERNORS.has(standing) ? SET_BY_PROXY_ADMINS : SET_FROM_ABOVE;
  return Object.keys(given).filter((field) => beyond.has(field as keyof TeamUpdateDefinition));
}

/** Whether a team may be moved: its mover governs where it goes, and from where only a proxy admin takes it out. */
export function mayMoveTeam(
  standing: TeamStanding,
  memberships: MembershipSets,
  organizationId: string | null,
): boolean {
  if (standing === 'proxy_admin') return true;
  return standing === 'org_admin' && organizationId !== null && memberships.orgAdminOf.has(organizationId);
}
