import { NO_GRANTS } from '../../../core/model/permission.js';
import type { Principal, Role } from '../../../core/model/principal.js';
import { NO_MEMBERSHIPS, type MembershipSets } from '../membership/memberships.service.js';
import { mayReadUser, refusalToCreateUser, refusalToUpdateUser } from './user-rules.js';

const HOUSE: MembershipSets = {
  ...NO_MEMBERSHIPS,
  orgAdminOf: new Set(['house']),
  orgMemberOf: new Set(['house']),
  teamAdminOf: new Set(['team']),
};

function caller(role: Role, userId = 'me'): Principal {
  return { kind: 'virtual_key', id: 'key:1', role, userId, grants: NO_GRANTS };
}

describe('making users', () => {
  const organizations = ['house'];

  test.each<[string, Role, MembershipSets, Parameters<typeof refusalToCreateUser>[2], boolean]>([
    ['proxy admins make anybody', 'proxy_admin', NO_MEMBERSHIPS, { user_role: 'proxy_admin' }, true],
    ['org admins into their own', 'internal_user', HOUSE, { organizations }, true],
    [
      'and into their teams',
      'internal_user',
      HOUSE,
      { organizations, teams: [{ team_id: 'team', user_role: 'user' }] },
      true,
    ],
    [
      'not into other teams',
      'internal_user',
      HOUSE,
      { organizations, teams: [{ team_id: 'x', user_role: 'user' }] },
      false,
    ],
    ['not outside of it', 'internal_user', HOUSE, {}, false],
    ['not into others as well', 'internal_user', HOUSE, { organizations: ['house', 'other'] }, false],
    ['not as admins', 'internal_user', HOUSE, { organizations, user_role: 'proxy_admin' }, false],
    ['not as viewers of all', 'internal_user', HOUSE, { organizations, user_role: 'proxy_admin_viewer' }, false],
    ['not under an identity', 'internal_user', HOUSE, { organizations, sso_user_id: 'boss' }, false],
    ['viewers nobody', 'internal_user_viewer', HOUSE, { organizations }, false],
    ['viewers of all nobody', 'proxy_admin_viewer', HOUSE, { organizations }, false],
    ['everybody else nobody', 'internal_user', NO_MEMBERSHIPS, {}, false],
  ])('%s', (_what, role, memberships, wanted, may) => {
    expect(refusalToCreateUser(caller(role), memberships, wanted) === undefined).toBe(may);
  });
});

test('people set their own alias and nothing else; proxy admins set everything', () => {
  const own = { user_id: 'me', user_alias: 'x' };
  expect(refusalToUpdateUser(caller('internal_user'), 'me', own)).toBeUndefined();
  expect(refusalToUpdateUser(caller('internal_user'), 'other', own)).toMatch(/other users/);
  expect(refusalToUpdateUser(caller('internal_user_viewer'), 'me', own)).toBeDefined();
  expect(refusalToUpdateUser(caller('proxy_admin_viewer'), 'me', own)).toBeDefined();
  expect(refusalToUpdateUser(caller('internal_user'), 'me', { ...own, user_role: 'proxy_admin', models: null })).toBe(
    'Only proxy admins can set user_role, models of a user',
  );
  expect(refusalToUpdateUser(caller('proxy_admin'), 'other', { user_role: 'proxy_admin' })).toBeUndefined();
});

test('users are seen by themselves, by those who see all, and by admins of their organizations', () => {
  const user = { id: 'other', organizationIds: ['house'] };
  expect(mayReadUser(caller('internal_user', 'other'), NO_MEMBERSHIPS, user)).toBe(true);
  expect(mayReadUser(caller('proxy_admin_viewer'), NO_MEMBERSHIPS, user)).toBe(true);
  expect(mayReadUser(caller('internal_user'), HOUSE, user)).toBe(true);
  expect(mayReadUser(caller('internal_user'), { ...HOUSE, orgAdminOf: new Set() }, user)).toBe(false);
  expect(mayReadUser(caller('internal_user'), HOUSE, { ...user, organizationIds: [] })).toBe(false);
});
