import type { Principal } from '../../../core/model/principal.js';
import type { MembershipSets } from '../membership/memberships.service.js';

/** What a caller is to an organization. `reader`: sees all of it and changes nothing; `member`: sees their own part. */
export type OrganizationStanding = 'proxy_admin' | 'org_admin' | 'reader' | 'member' | 'stranger';

/** Pure: reference §3.9. */
export function standingInOrganization(
  { role, organizationId }: Principal,
  memberships: MembershipSets,
  id: string,
): OrganizationStanding {
  if (role === 'proxy_admin') return 'proxy_admin';
  if (role === 'proxy_admin_viewer') return 'reader';
  if (memberships.orgAdminOf.has(id)) return role === 'internal_user_viewer' ? 'reader' : 'org_admin';
  return memberships.orgMemberOf.has(id) || organizationId === id ? 'member' : 'stranger';
}

/** Who adds, changes and removes members. */
export function mayManageMembers(standing: OrganizationStanding): boolean {
  return standing === 'proxy_admin' || standing === 'org_admin';
}

/** Whether all members and teams are shown, or only the caller and their teams. */
export function seesEverything(standing: OrganizationStanding): boolean {
  return standing !== 'member' && standing !== 'stranger';
}
