import { NO_GRANTS } from '../../core/model/permission.js';
import { makeGrants, readPermission } from './read-permission.js';
import type { PermissionRecord } from './principal.store.js';

const SILENT: PermissionRecord = { servers: null, groups: null, toolsets: null, tools: null };

describe('a stored permission', () => {
  test('says nothing where there is NULL, and nothing at all without a row', () => {
    expect(readPermission(null)).toBeUndefined();
    expect(readPermission(SILENT)).toBeUndefined();
    expect(readPermission({ ...SILENT, tools: {} })).toBeUndefined();
  });

  test('allows nothing where the list is empty', () => {
    expect(readPermission({ ...SILENT, servers: [] })).toEqual({ servers: [] });
    expect(readPermission({ ...SILENT, tools: { wiki: [] } })).toEqual({ toolPermissions: { wiki: [] } });
  });

  test('allows nothing where the JSON is of another shape', () => {
    expect(readPermission({ ...SILENT, servers: 'wiki' })).toEqual({ servers: [] });
    expect(readPermission({ ...SILENT, servers: ['wiki', 1] })).toEqual({ servers: [] });
    expect(readPermission({ ...SILENT, servers: ['wiki'], tools: ['read'] })).toEqual({ servers: [] });
    expect(readPermission({ ...SILENT, tools: { wiki: 'read' } })).toEqual({ toolPermissions: { wiki: [] } });
  });

  test('is joined by the access groups its owner was put into, gone ones granting nothing', () => {
    expect(readPermission(null, { ids: [], names: [] })).toBeUndefined();
    expect(readPermission(null, { ids: ['1'], names: ['dev'] })).toEqual({ accessGroups: ['dev'] });
    expect(readPermission(null, { ids: ['gone'], names: [] })).toEqual({ accessGroups: [] });
    expect(readPermission({ ...SILENT, groups: ['ops', 'dev'] }, { ids: ['1'], names: ['dev'] })).toEqual({
      accessGroups: ['ops', 'dev'],
    });
  });
});

describe('grants', () => {
  test('hold the levels that say something, in order, and one fingerprint for equal ones', () => {
    const grants = makeGrants([
      ['key', undefined],
      ['team', { servers: ['wiki'] }],
      ['user', { servers: [] }],
    ]);
    expect(grants.levels.map(({ level }) => level)).toEqual(['team', 'user']);
    expect(
      makeGrants([
        ['team', { servers: ['wiki'] }],
        ['user', { servers: [] }],
      ]).fingerprint,
    ).toBe(grants.fingerprint);
    expect(
      makeGrants([
        ['team', { servers: ['mail'] }],
        ['user', { servers: [] }],
      ]).fingerprint,
    ).not.toBe(grants.fingerprint);
    expect(makeGrants([['key', undefined]])).toBe(NO_GRANTS);
  });
});
