import { NO_GRANTS } from '../../../core/model/permission.js';
import type { Role } from '../../../core/model/principal.js';
import { NO_MEMBERSHIPS, type MembershipSets } from '../membership/memberships.service.js';
import {
  mayManageMembers,
  seesEverything,
  standingInOrganization,
  type OrganizationStanding,
} from './organization-rules.js';

const ADMIN: MembershipSets = { ...NO_MEMBERSHIPS, orgAdminOf: new Set(['house']), orgMemberOf: new Set(['house']) };
const MEMBER: MembershipSets = { ...NO_MEMBERSHIPS, orgMemberOf: new Set(['house']) };

test.each<[Role, MembershipSets, string | undefined, OrganizationStanding]>([
  ['proxy_admin', NO_MEMBERSHIPS, undefined, 'proxy_admin'],
  ['proxy_admin_viewer', ADMIN, undefined, 'reader'],
  ['internal_user', ADMIN, undefined, 'org_admin'],
  ['internal_user_viewer', ADMIN, undefined, 'reader'],
  ['internal_user', MEMBER, undefined, 'member'],
  ['internal_user', NO_MEMBERSHIPS, 'house', 'member'],
  ['internal_user', NO_MEMBERSHIPS, 'other', 'stranger'],
])('%s with %o is %s', (role, memberships, organizationId, standing) => {
  const principal = { kind: 'virtual_key', id: 'key:1', role, grants: NO_GRANTS } as const;
  const placed = organizationId === undefined ? principal : { ...principal, organizationId };
  expect(standingInOrganization(placed, memberships, 'house')).toBe(standing);
});

test('members are managed by admins alone, and seen by those who see everything', () => {
  const standings: readonly OrganizationStanding[] = ['proxy_admin', 'org_admin', 'reader', 'member', 'stranger'];
  expect(standings.filter(mayManageMembers)).toEqual(['proxy_admin', 'org_admin']);
  expect(standings.filter(seesEverything)).toEqual(['proxy_admin', 'org_admin', 'reader']);
});
