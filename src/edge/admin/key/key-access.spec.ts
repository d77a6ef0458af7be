import { makePrincipal } from '../../../../test/factory/make-principal.js';
import type { Role } from '../../../core/model/principal.js';
import type { MembershipSets } from '../membership/memberships.service.js';
import {
  listScope,
  mayRead,
  holdsAlready,
  refusalToOwn,
  refusalToReissue,
  refusalToWrite,
  type KeyCaller,
  type KeyRoute,
  type OwnedKey,
  type WantedOwners,
} from './key-access.js';

interface Place {
  readonly adminOf?: readonly string[];
  readonly memberOf?: readonly string[];
  readonly orgAdminOf?: readonly string[];
  readonly orgMemberOf?: readonly string[];
}

function memberships({ adminOf = [], memberOf = [], orgAdminOf = [], orgMemberOf = [] }: Place): MembershipSets {
  return {
    teamAdminOf: new Set(adminOf),
    teamMemberOf: new Set([...memberOf, ...adminOf]),
    orgAdminOf: new Set(orgAdminOf),
    orgMemberOf: new Set([...orgMemberOf, ...orgAdminOf]),
  };
}

function caller(role: Role, place: Place = {}, userId: string | null = 'ann'): KeyCaller {
  const principal = makePrincipal({}, { role, keyId: 'callers-key', ...(userId === null ? {} : { userId }) });
  return { principal, memberships: memberships(place) };
}

const CALLERS = {
  'proxy admin': caller('proxy_admin'),
  'proxy viewer': caller('proxy_admin_viewer'),
  'a user': caller('internal_user'),
  'a viewer': caller('internal_user_viewer'),
  'a viewer in the team': caller('internal_user_viewer', { adminOf: ['t'] }),
  'team admin': caller('internal_user', { adminOf: ['t'] }),
  'team member': caller('internal_user', { memberOf: ['t'] }),
  'org admin': caller('internal_user', { adminOf: ['t'], orgAdminOf: ['o'] }),
  'another team’s admin': caller('internal_user', { adminOf: ['u'], orgAdminOf: ['p'] }),
  'a key without a user': caller('internal_user', {}, null),
} as const;
type Who = keyof typeof CALLERS;
const EVERYBODY = Object.keys(CALLERS) as Who[];

const key = (about: Partial<OwnedKey> = {}): OwnedKey => ({
  id: 'k',
  userId: null,
  teamId: null,
  organizationId: null,
  team: about.teamId === undefined ? null : { organizationId: null, memberPermissions: [] },
  ...about,
});
const permitting = (...memberPermissions: string[]) => ({ organizationId: null, memberPermissions });

const KEYS = {
  'ann’s own': key({ userId: 'ann' }),
  'bob’s own': key({ userId: 'bob' }),
  'nobody’s': key(),
  'the caller’s credential': key({ id: 'callers-key' }),
  'bob’s of team t': key({ userId: 'bob', teamId: 't' }),
  'ann’s of team t': key({ userId: 'ann', teamId: 't' }),
  'of organization o': key({ organizationId: 'o' }),
};

const ALL_SEEING: Who[] = ['proxy admin', 'proxy viewer'];
const ANNS: Who[] = EVERYBODY.filter((who) => who !== 'a key without a user');

describe('who reads a key', () => {
  test.each<[keyof typeof KEYS, Who[]]>([
    ['ann’s own', ANNS],
    ['bob’s own', ALL_SEEING],
    ['nobody’s', ALL_SEEING],
    ['the caller’s credential', EVERYBODY],
    ['bob’s of team t', [...ALL_SEEING, 'a viewer in the team', 'team admin', 'team member', 'org admin']],
    ['ann’s of team t', ANNS],
    ['of organization o', [...ALL_SEEING, 'org admin']],
  ])('%s: %j', (what, readers) => {
    expect(EVERYBODY.filter((who) => mayRead(CALLERS[who], KEYS[what])).sort()).toEqual([...readers].sort());
  });

  test('members no longer, when their team lists other permissions', () => {
    const listed = key({ teamId: 't', team: permitting('/key/update') });
    expect(mayRead(CALLERS['team member'], listed)).toBe(false);
    expect(mayRead(CALLERS['team member'], { ...listed, team: permitting('/key/info') })).toBe(true);
  });
});

describe('who writes to a key', () => {
  const OWNERS: Who[] = ['a user', 'team admin', 'team member', 'org admin', 'another team’s admin'];

  test.each<[keyof typeof KEYS, KeyRoute, Who[]]>([
    ['ann’s own', '/key/update', ['proxy admin', ...OWNERS]],
    ['ann’s own', '/key/delete', ['proxy admin', ...OWNERS]],
    ['ann’s own', '/key/block', ['proxy admin', ...OWNERS]],
    ['ann’s own', '/key/unblock', ['proxy admin']],
    ['ann’s own', '/key/reset_spend', ['proxy admin']],
    ['bob’s own', '/key/update', ['proxy admin']],
    ['nobody’s', '/key/update', ['proxy admin']],
    ['the caller’s credential', '/key/update', ['proxy admin']],
    ['bob’s of team t', '/key/update', ['proxy admin', 'team admin', 'org admin']],
    ['bob’s of team t', '/key/unblock', ['proxy admin', 'team admin', 'org admin']],
    ['ann’s of team t', '/key/regenerate', ['proxy admin', 'team admin', 'org admin']],
    ['of organization o', '/key/delete', ['proxy admin', 'org admin']],
  ])('%s, %s: %j', (what, route, writers) => {
    const allowed = EVERYBODY.filter((who) => refusalToWrite(CALLERS[who], KEYS[what], route) === undefined);
    expect(allowed.sort()).toEqual([...writers].sort());
  });

  test('members, by what their team permits and no more', () => {
    const member = CALLERS['team member'];
    const open = key({ teamId: 't', team: permitting('/key/update', '/key/{key_id}/regenerate') });
    expect(refusalToWrite(member, open, '/key/update')).toBeUndefined();
    expect(refusalToWrite(member, open, '/key/regenerate')).toBeUndefined();
    expect(refusalToWrite(member, open, '/key/delete')).toMatchObject({
      code: 'key/not_permitted_in_team',
      message: expect.stringContaining('Team member does not have permissions for endpoint: /key/delete.') as string,
      data: { type: 'team_member_permission_error' },
    });
    expect(refusalToWrite(CALLERS['a user'], open, '/key/update')?.code).toBe('key/forbidden');
  });
});

describe('who gets a new secret', () => {
  test('nobody but a proxy admin that of somebody else’s key: it would let them act as that person', () => {
    const getters = (what: keyof typeof KEYS) =>
      EVERYBODY.filter((who) => refusalToReissue(CALLERS[who], KEYS[what]) === undefined);
    expect(getters('bob’s of team t')).toEqual(['proxy admin']);
    expect(getters('ann’s own')).toEqual(expect.arrayContaining(['a user', 'team admin']));
    expect(refusalToReissue(CALLERS['team admin'], key({ teamId: 't' }))).toBeUndefined();
  });

  test('a key holds what it gets only when it is the very key; a person, what is theirs', () => {
    const person: KeyCaller = {
      principal: {
        kind: 'jwt',
        id: 'jwt',
        role: 'internal_user',
        grants: { levels: [], fingerprint: '' },
        userId: 'ann',
      },
      memberships: memberships({ adminOf: ['t'] }),
    };
    const held = (by: KeyCaller) =>
      [KEYS['ann’s own'], KEYS['the caller’s credential'], key({ teamId: 't' })].map((each) => holdsAlready(by, each));
    expect(held(CALLERS['team admin'])).toEqual([false, true, false]);
    expect(held(person)).toEqual([true, false, true]);
    expect(held(CALLERS['proxy admin'])).toEqual([true, true, true]);
  });
});

describe('who may have a key with these owners', () => {
  const wanted = (about: Partial<WantedOwners>): WantedOwners => ({
    userId: null,
    teamId: null,
    organizationId: null,
    team: about.teamId === undefined ? null : permitting(),
    ...about,
  });

  test.each<[string, Partial<WantedOwners>, Who[]]>([
    ['of their own', { userId: 'ann' }, ['a user', 'team admin', 'team member', 'org admin', 'another team’s admin']],
    ['of somebody else', { userId: 'bob' }, []],
    ['of nobody', {}, []],
    ['of a team, theirs', { userId: 'ann', teamId: 't' }, ['team admin', 'org admin']],
    ['of a team, somebody else’s', { userId: 'bob', teamId: 't' }, []],
    ['of a team, nobody’s', { teamId: 't' }, ['team admin', 'org admin']],
    ['of a team that is not there', { userId: 'ann', teamId: 't', team: null }, []],
    ['of an organization, nobody’s', { organizationId: 'o' }, ['org admin']],
    ['of an organization, theirs', { userId: 'ann', organizationId: 'o' }, ['org admin']],
    ['of a team, in another organization', { userId: 'ann', teamId: 't', organizationId: 'p' }, []],
  ])('%s', (_what, owners, makers) => {
    const allowed = EVERYBODY.filter(
      (who) => refusalToOwn(CALLERS[who], wanted(owners), '/key/generate') === undefined,
    );
    expect(allowed.sort()).toEqual(['proxy admin', ...makers].sort());
  });

  test('members by what their team permits, for themselves; keys of nobody need the permission for those', () => {
    const member = CALLERS['team member'];
    const open = { teamId: 't', team: permitting('/key/generate') };
    expect(refusalToOwn(member, wanted({ ...open, userId: 'ann' }), '/key/generate')).toBeUndefined();
    expect(refusalToOwn(member, wanted({ ...open, userId: 'bob' }), '/key/generate')?.code).toBe('key/forbidden');
    expect(refusalToOwn(member, wanted(open), '/key/generate')?.code).toBe('key/not_permitted_in_team');
    const service = { teamId: 't', team: permitting('/key/service-account/generate') };
    expect(refusalToOwn(member, wanted(service), '/key/service-account/generate')).toBeUndefined();
  });
});

describe('what a list shows', () => {
  const nothing = { administered: false, createdByMe: false };

  test('everything to those who see everything', () => {
    expect([listScope(CALLERS['proxy admin'], nothing), listScope(CALLERS['proxy viewer'], nothing)]).toEqual([
      undefined,
      undefined,
    ]);
  });

  test('their own to everybody else, and more when they ask for it', () => {
    const own = { keyId: 'callers-key', userId: 'ann', teamIds: [], organizationIds: [], createdBy: undefined };
    expect(listScope(CALLERS['org admin'], nothing)).toEqual(own);
    expect(listScope(CALLERS['org admin'], { administered: true, createdByMe: true })).toEqual({
      ...own,
      teamIds: ['t'],
      organizationIds: ['o'],
      createdBy: { userId: 'ann', teamIds: ['t'] },
    });
    expect(listScope(CALLERS['team member'], { administered: true, createdByMe: false })).toEqual(own);
    expect(listScope(CALLERS['a key without a user'], { administered: true, createdByMe: true })).toEqual({
      ...own,
      userId: undefined,
    });
  });
});
