import { makePrincipal } from '../../../test/factory/make-principal.js';
import { makeServerEntry, makeSnapshot } from '../../../test/factory/make-server-entry.js';
import type { ObjectPermission, PermissionLevel } from '../model/permission.js';
import type { Principal } from '../model/principal.js';
import type { RegistrySnapshot } from '../model/registry-snapshot.js';
import { SCOPE_ALL, type RequestScope } from './request-scope.js';
import { resolveView } from './resolve-view.js';

type Levels = Partial<Record<PermissionLevel, ObjectPermission>>;

const one = makeServerEntry('1');
const two = makeServerEntry('2', { accessGroups: ['even'] });
const three = makeServerEntry('3', { alias: 'tri', alternateIds: ['0f3'] });
const four = makeServerEntry('4', { accessGroups: ['even'] });
const snapshot = makeSnapshot([one, two, three, four]);

function seen(levels: Levels, within: RegistrySnapshot = snapshot, more: Partial<Principal> = {}): string[] {
  const decision = resolveView(within, makePrincipal(levels, more), SCOPE_ALL);
  if (decision.kind !== 'view') throw new Error('no view');
  return decision.view.servers.map(({ entry }) => entry.name).sort();
}

function tools(levels: Levels, server = '1'): string[] {
  const decision = resolveView(snapshot, makePrincipal(levels), SCOPE_ALL);
  const view = decision.kind === 'view' ? decision.view.byServerId.get(`id-${server}`) : undefined;
  return ['a', 'b', 'c'].filter((tool) => view?.allowsTool(tool));
}

const servers = (...names: string[]): ObjectPermission => ({ servers: names });

describe('what the incumbent’s own tests assert (reference, Appendix A), where the contract agrees', () => {
  // Its empty list means what absent means here: `[]` allows nothing (contract §9).
  it.each<[string, Levels, string[]]>([
    ['team [1,2], key without a list', { team: servers('1', '2') }, ['1', '2']],
    ['team [1,2,3], key [2,4]', { team: servers('1', '2', '3'), key: servers('2', '4') }, ['2']],
    ['disjoint lists', { team: servers('1'), key: servers('2') }, []],
    ['team without a list, key [1,2]', { key: servers('1', '2') }, ['1', '2']],
    ['neither has a list', {}, []],
    ['access groups of either', { team: { accessGroups: ['even'] }, key: servers('1', '2') }, ['2']],
    ['a token’s team restricts its servers', { team: servers('3') }, ['3']],
  ])('%s', (_title, levels, expected) => {
    expect(seen(levels)).toEqual(expected);
  });

  it('an administrator has all servers', () => {
    expect(seen({}, snapshot, { role: 'proxy_admin' })).toEqual(['1', '2', '3', '4']);
  });

  it('servers open to all keys are added to whatever there is, and to nothing', () => {
    const open = makeSnapshot([one, two, makeServerEntry('5', { allowAllKeys: true })]);
    expect(seen({ key: servers('1') }, open)).toEqual(['1', '5']);
    expect(seen({}, open)).toEqual(['5']);
    expect(seen({ key: servers('no-mcp-servers') }, open)).toEqual(['5']);
  });

  it.each<[string, Levels, string[]]>([
    ['no list: all', { key: servers('1') }, ['a', 'b', 'c']],
    [
      'the team’s list is inherited',
      { key: servers('1'), team: { servers: ['1'], toolPermissions: { '1': ['a'] } } },
      ['a'],
    ],
    [
      'both: what is in both',
      {
        key: { servers: ['1'], toolPermissions: { '1': ['a', 'b'] } },
        team: { servers: ['1'], toolPermissions: { '1': ['b', 'c'] } },
      },
      ['b'],
    ],
    ['an empty list of the key: none', { key: { servers: ['1'], toolPermissions: { '1': [] } } }, []],
    [
      'an empty list of the team: none (defect 13)',
      { key: servers('1'), team: { servers: ['1'], toolPermissions: { '1': [] } } },
      [],
    ],
  ])('tools: %s', (_title, levels, expected) => {
    expect(tools(levels)).toEqual(expected);
  });

  it('the sentinels of its lists keep their meaning (reference §3.7)', () => {
    expect(seen({ key: servers('all-team-mcpservers'), team: servers('1', '3') })).toEqual(['1', '3']);
    expect(seen({ key: servers('all-team-mcpservers') })).toEqual([]);
    expect(seen({ team: servers('all-proxy-mcpservers'), key: servers('2') })).toEqual(['2']);
    expect(seen({ team: servers('all-proxy-mcpservers') })).toEqual(['1', '2', '3', '4']);
    expect(seen({ key: servers('no-mcp-servers', '1') })).toEqual([]);
  });

  it('entries are found by id, name, alias and ids of the past, in any case', () => {
    for (const handle of ['id-3', '3', 'TRI', '0F3']) expect(seen({ key: servers(handle) })).toEqual(['3']);
  });

  it('a server whose name a path repeats is meant before a group', () => {
    const clash = makeSnapshot([
      makeServerEntry('x', { alias: 'same' }),
      makeServerEntry('y', { accessGroups: ['same'] }),
    ]);
    const scope: RequestScope = { kind: 'named', names: ['same'], source: 'path' };
    const decision = resolveView(clash, makePrincipal({ key: servers('x', 'y') }), scope);
    expect(decision.kind === 'view' && decision.view.servers.map(({ entry }) => entry.name)).toEqual(['x']);
  });
});

describe('where the contract does not agree with the incumbent', () => {
  it('an empty team list allows nothing, instead of lifting the ceiling (defects 13, 14)', () => {
    expect(seen({ team: servers(), key: servers('1') })).toEqual([]);
  });

  it('organization and user narrow too (defect 15)', () => {
    expect(seen({ key: servers('1', '2', '3'), organization: servers('1', '2'), user: servers('2', '3') })).toEqual([
      '2',
    ]);
  });

  it('tool entries left behind do not grant a server again', () => {
    expect(seen({ key: { servers: ['1'], toolPermissions: { '2': ['a'] } } })).toEqual(['1']);
  });

  it('a viewer of everything calls nothing', () => {
    expect(seen({ key: servers('1') }, snapshot, { role: 'proxy_admin_viewer' })).toEqual([]);
  });

  it('installations that require a level to speak take its silence for nothing (reference §1.5)', () => {
    const strict = makeSnapshot([one, two], { accessRules: { requireKeyAccess: true, requireEndUserAccess: true } });
    expect(seen({ team: servers('1') }, strict)).toEqual([]);
    expect(seen({ team: servers('1'), key: servers('1', '2') }, strict)).toEqual(['1']);
    expect(seen({ team: servers('1') }, strict, { kind: 'jwt' })).toEqual(['1']);
    expect(seen({ key: servers('1') }, strict, { endUserId: 'e' })).toEqual([]);
    expect(seen({ key: servers('1'), end_user: servers('1') }, strict, { endUserId: 'e' })).toEqual(['1']);
  });
});

describe('the decision is remembered', () => {
  it('for equal grants: the very same view, so that what is kept about it serves all of them', () => {
    const view = (levels: Levels, external = false) =>
      resolveView(snapshot, makePrincipal(levels), SCOPE_ALL, { external });
    expect(view({ key: servers('1') })).toBe(view({ key: servers('1') }));
    expect(view({ key: servers('1') })).not.toBe(view({ key: servers('2') }));
    expect(view({ key: servers('1') })).not.toBe(view({ key: servers('1') }, true));
  });
});
