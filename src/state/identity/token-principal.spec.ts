import type { JwtIssuer } from '../../platform/config/settings.js';
import type { TeamRecord } from './principal.store.js';
import { readClaims, type TokenClaims } from './token-claims.js';
import { tokenPrincipal, type TokenOwners } from './token-principal.js';

function makeIssuer(overrides: Partial<JwtIssuer> = {}): JwtIssuer {
  return {
    issuer: 'https://id.example',
    audiences: ['gatehouse'],
    jwksUri: undefined,
    algorithms: ['ES256'],
    userIdClaim: 'sub',
    userEmailClaim: undefined,
    teamIdClaims: ['team', 'groups'],
    organizationIdClaim: undefined,
    rolesClaims: ['scope', 'realm.roles'],
    roleMap: new Map([
      ['boss', 'proxy_admin'],
      ['reader', 'internal_user_viewer'],
    ]),
    makesUsers: false,
    keysTtlMs: 600_000,
    ...overrides,
  };
}

function makeTeam(id: string, overrides: Partial<TeamRecord> = {}): TeamRecord {
  return {
    id,
    blocked: false,
    deleted: false,
    organizationId: null,
    accessGroupIds: [],
    accessGroups: [],
    permission: null,
    ...overrides,
  };
}

const SILENT = { servers: null, groups: null, toolsets: null, tools: null };
const NOBODY: TokenOwners = { teams: [], organization: undefined, user: undefined };

function claims(payload: object, issuer = makeIssuer()): TokenClaims {
  const read = readClaims(issuer, { sub: 'ada', exp: 2_000_000_000, ...payload }, 'key-1');
  if (read === undefined) throw new Error('names nobody');
  return read;
}

describe('the claims of a token', () => {
  test('name who it is, under the issuer', () => {
    expect(claims({})).toMatchObject({
      principalId: 'jwt:https://id.example:ada',
      userId: 'ada',
      expiresAt: 2_000_000_000_000,
      teamIds: undefined,
      role: undefined,
    });
    expect(readClaims(makeIssuer(), { exp: 2_000_000_000 }, undefined)).toBeUndefined();
    expect(readClaims(makeIssuer(), { sub: 'ada' }, undefined)).toBeUndefined();
  });

  test('cannot pass for somebody acting on behalf of an end user', () => {
    expect(claims({ sub: 'ada|end_user:x' }).principalId).toBe('jwt:https://id.example:ada%7Cend_user:x');
    expect(claims({ sub: 'ada%7Cend_user:x' }).principalId).not.toBe(claims({ sub: 'ada|end_user:x' }).principalId);
  });

  test('of an issuer known by its keys alone stay under those keys', () => {
    const issuer = makeIssuer({ issuer: undefined, jwksUri: 'https://keys.example' });
    expect(claims({ iss: 'https://id.example' }, issuer).principalId).toBe('jwt:https://keys.example:ada');
  });

  test.each([
    [{ team: 'a' }, ['a']],
    [{ groups: ['a', 'b', 7] }, ['a', 'b', '7']],
    [{ team: null, groups: 'b' }, ['b']],
    [{ groups: [] }, []],
    [{ groups: {} }, []],
    [{ groups: ['x\u0000', ''] }, []],
    [{}, undefined],
  ])('%j name the teams %j', (payload, expected) => {
    expect(claims(payload).teamIds).toEqual(expected);
  });

  test.each([
    [{ scope: 'openid reader' }, 'internal_user_viewer'],
    [{ scope: 'openid', realm: { roles: ['reader', 'boss'] } }, 'proxy_admin'],
    [{ 'realm.roles': ['boss'], realm: { roles: [] } }, 'proxy_admin'],
    [{ scope: 'bosses' }, undefined],
    [{ scope: { boss: true } }, undefined],
  ])('%j give the role %s', (payload, expected) => {
    expect(claims(payload).role).toBe(expected);
  });
});

describe('whom a token stands for', () => {
  const levels = (owners: Partial<TokenOwners>, payload: object = { groups: ['a', 'b'] }) => {
    const verdict = tokenPrincipal(claims(payload), { ...NOBODY, ...owners });
    return verdict.kind === 'principal' ? verdict.principal.grants.levels : verdict.reason;
  };

  test('somebody whom nothing grants anything', () => {
    expect(levels({}, {})).toEqual([]);
  });

  test('nobody, when no team of the token is there and active', () => {
    expect(levels({})).toBe('token_team_unknown');
    expect(levels({ teams: [makeTeam('a', { deleted: true })] })).toBe('token_team_unknown');
    expect(levels({ teams: [makeTeam('a', { blocked: true })] })).toBe('team_blocked');
  });

  test('what a single team grants, as it is', () => {
    const permission = { ...SILENT, tools: { wiki: ['read'] } };
    expect(levels({ teams: [makeTeam('a', { permission }), makeTeam('b', { blocked: true })] })).toEqual([
      { level: 'team', permission: { toolPermissions: { wiki: ['read'] } } },
    ]);
  });

  test('the sum of several teams, in which no entry of one becomes a mere limit of the other', () => {
    const a = makeTeam('a', { permission: { ...SILENT, tools: { wiki: ['read'] } } });
    const b = makeTeam('b', { permission: { ...SILENT, servers: ['mail'] } });
    expect(levels({ teams: [a, b, makeTeam('c')] })).toEqual([
      {
        level: 'team',
        permission: {
          servers: ['wiki', 'mail'],
          accessGroups: [],
          toolsets: [],
          toolPermissions: { wiki: ['read'] },
        },
      },
    ]);
  });

  test('only teams of one organization are added up', () => {
    const permission = { ...SILENT, servers: ['wiki'] };
    const teams = [makeTeam('a'), makeTeam('b', { organizationId: 'o', permission })];
    expect(levels({ teams })).toEqual([]);
    expect(levels({ teams: [...teams].reverse(), organization: { id: 'o', permission: null } })).toHaveLength(1);
  });
});
