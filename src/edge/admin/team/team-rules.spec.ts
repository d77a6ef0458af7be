import { NO_GRANTS } from '../../../core/model/permission.js';
import type { Principal, Role } from '../../../core/model/principal.js';
import type { MembershipSets } from '../membership/memberships.service.js';
import {
  fieldsBeyond,
  mayCreateTeam,
  mayInTeam,
  mayMoveTeam,
  standingIn,
  type TeamAction,
  type TeamStanding,
} from './team-rules.js';

const TEAM = { id: 'team', organizationId: 'house' };

function caller(role: Role, teamId?: string): Principal {
  return { kind: 'virtual_key', id: 'key:1', role, grants: NO_GRANTS, ...(teamId === undefined ? {} : { teamId }) };
}

function memberships(sets: Partial<Record<keyof MembershipSets, readonly string[]>> = {}): MembershipSets {
  const { teamAdminOf = [], teamMemberOf = [], orgAdminOf = [], orgMemberOf = [] } = sets;
  return {
    teamAdminOf: new Set(teamAdminOf),
    teamMemberOf: new Set([...teamMemberOf, ...teamAdminOf]),
    orgAdminOf: new Set(orgAdminOf),
    orgMemberOf: new Set([...orgMemberOf, ...orgAdminOf]),
  };
}

describe('what a caller is to a team', () => {
  test.each<[string, Principal, MembershipSets, TeamStanding]>([
    ['a proxy admin governs all', caller('proxy_admin'), memberships(), 'proxy_admin'],
    ['a viewer reads all', caller('proxy_admin_viewer'), memberships({ teamAdminOf: ['team'] }), 'reader'],
    ['the admin of its organization', caller('internal_user'), memberships({ orgAdminOf: ['house'] }), 'org_admin'],
    ['of another organization', caller('internal_user'), memberships({ orgAdminOf: ['other'] }), 'stranger'],
    [
      'a plain member of its organization',
      caller('internal_user'),
      memberships({ orgMemberOf: ['house'] }),
      'stranger',
    ],
    ['its admin', caller('internal_user'), memberships({ teamAdminOf: ['team'] }), 'team_admin'],
    ['the admin of another team', caller('internal_user'), memberships({ teamAdminOf: ['other'] }), 'stranger'],
    ['its member', caller('internal_user'), memberships({ teamMemberOf: ['team'] }), 'member'],
    [
      'its admin with a role that only views',
      caller('internal_user_viewer'),
      memberships({ teamAdminOf: ['team'] }),
      'reader',
    ],
    [
      'an org admin with a role that only views',
      caller('internal_user_viewer'),
      memberships({ orgAdminOf: ['house'] }),
      'reader',
    ],
    ['a key of the team without a user', caller('internal_user', 'team'), memberships(), 'reader'],
    ['a key of another team', caller('internal_user', 'other'), memberships(), 'stranger'],
  ])('%s', (_who, principal, sets, standing) => {
    expect(standingIn(principal, sets, TEAM)).toBe(standing);
  });

  test('a team of no organization is governed by no organization', () => {
    const sets = memberships({ orgAdminOf: ['house'] });
    expect(standingIn(caller('internal_user'), sets, { id: 'team', organizationId: null })).toBe('stranger');
  });
});

test.each<[TeamAction, string]>([
  ['read', 'proxy_admin org_admin team_admin member reader'],
  ['update', 'proxy_admin org_admin team_admin'],
  ['members', 'proxy_admin org_admin team_admin'],
  ['permissions', 'proxy_admin org_admin team_admin'],
  ['block', 'proxy_admin org_admin'],
  ['models', 'proxy_admin org_admin'],
  ['delete', 'proxy_admin org_admin'],
])('%s is for %s', (action, allowed) => {
  const standings: readonly TeamStanding[] = ['proxy_admin', 'org_admin', 'team_admin', 'member', 'reader', 'stranger'];
  expect(standings.filter((standing) => mayInTeam(standing, action)).join(' ')).toBe(allowed);
});

describe('teams are made', () => {
  const house = memberships({ orgAdminOf: ['house'], teamAdminOf: ['team'] });

  test.each<[string, Role, string | undefined, boolean]>([
    ['by proxy admins anywhere', 'proxy_admin', undefined, true],
    ['by org admins in their organization', 'internal_user', 'house', true],
    ['not by org admins elsewhere', 'internal_user', 'other', false],
    ['not by org admins outside of all', 'internal_user', undefined, false],
    ['not by viewers', 'proxy_admin_viewer', 'house', false],
    ['not by those whose role only views', 'internal_user_viewer', 'house', false],
  ])('%s', (_how, role, organizationId, may) => {
    expect(mayCreateTeam(caller(role), house, organizationId)).toBe(may);
  });
});

test('team admins set neither what the team may spend nor where it belongs; unified groups are for proxy admins', () => {
  const given = { team_alias: 'x', max_budget: 1, organization_id: null, access_group_ids: [], blocked: false };
  expect(fieldsBeyond('proxy_admin', given)).toEqual([]);
  expect(fieldsBeyond('org_admin', given)).toEqual(['access_group_ids']);
  expect(fieldsBeyond('team_admin', { team_alias: 'x', metadata: {}, tags: null })).toEqual([]);
  expect(fieldsBeyond('team_admin', given)).toEqual(['max_budget', 'organization_id', 'access_group_ids', 'blocked']);
});

test('a team moves between organizations that its mover administers; only a proxy admin takes it out', () => {
  const sets = memberships({ orgAdminOf: ['house', 'other'] });
  expect(mayMoveTeam('org_admin', sets, 'other')).toBe(true);
  expect(mayMoveTeam('org_admin', sets, 'foreign')).toBe(false);
  expect(mayMoveTeam('org_admin', sets, null)).toBe(false);
  expect(mayMoveTeam('team_admin', sets, 'other')).toBe(false);
  expect(mayMoveTeam('proxy_admin', memberships(), null)).toBe(true);
});
