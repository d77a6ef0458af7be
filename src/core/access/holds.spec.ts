import { makeGrants } from '../../../test/factory/make-principal.js';
import { makeServerEntry, makeSnapshot } from '../../../test/factory/make-server-entry.js';
import type { ObjectPermission, PermissionLevel } from '../model/permission.js';
import { entriesBeyond, unheldEntries } from './holds.js';

const toolset = { id: 'id-kit', name: 'kit', description: undefined, tools: new Map([['id-b', new Set(['x'])]]) };
const snapshot = makeSnapshot(
  [
    makeServerEntry('a', { accessGroups: ['g'] }),
    makeServerEntry('b', { accessGroups: ['g'] }),
    makeServerEntry('open', { allowAllKeys: true }),
  ],
  {
    byToolset: new Map([
      ['id-kit', toolset],
      ['kit', toolset],
    ]),
  },
);

type Levels = Partial<Record<PermissionLevel, ObjectPermission>>;

function unheld(requested: ObjectPermission, held: Levels, current?: ObjectPermission): string[] {
  return unheldEntries(snapshot, requested, makeGrants(held).levels, current).map(({ named, tool }) =>
    tool === undefined ? named : `${named}.${tool}`,
  );
}

describe('nobody grants more than they hold (defect 16)', () => {
  it.each<[string, ObjectPermission, Levels, string[]]>([
    ['nothing held: only what is open', { servers: ['a', 'open'] }, {}, ['a']],
    ['a server held', { servers: ['a'] }, { key: { servers: ['A'] } }, []],
    [
      'held by one level, not by another',
      { servers: ['a', 'b'] },
      { key: { servers: ['a', 'b'] }, team: { servers: ['b'] } },
      ['a'],
    ],
    ['a level that says nothing has no say', { servers: ['a'] }, { key: {}, user: { servers: ['a'] } }, []],
    ['a whole server, of which tools are held', { servers: ['a'] }, { key: { toolPermissions: { a: ['x'] } } }, ['a']],
    ['those tools', { toolPermissions: { a: ['x'] } }, { key: { toolPermissions: { a: ['x'] } } }, []],
    ['another tool', { toolPermissions: { a: ['x', 'y'] } }, { key: { toolPermissions: { a: ['x'] } } }, ['a.y']],
    [
      'a server with its tools named',
      { servers: ['a'], toolPermissions: { a: ['x'] } },
      { key: { servers: ['a'], toolPermissions: { a: ['x', 'y'] } } },
      [],
    ],
    [
      'entries of servers that are not granted count as well',
      { servers: [], toolPermissions: { b: ['x'] } },
      { key: { servers: ['a'] } },
      ['b.x'],
    ],
    [
      'an entry without tools takes away only',
      { servers: ['a'], toolPermissions: { a: [], b: [] } },
      { key: { servers: ['a'] } },
      [],
    ],
    ['a group held', { accessGroups: ['g'] }, { key: { accessGroups: ['g'] } }, []],
    [
      'a group whose members are held, which may get others',
      { accessGroups: ['g'] },
      { key: { servers: ['a', 'b'] } },
      ['g'],
    ],
    [
      'a group held with fewer tools of a member',
      { accessGroups: ['g'] },
      { key: { accessGroups: ['g'], toolPermissions: { a: ['x'] } } },
      ['g'],
    ],
    [
      'everything held holds groups and toolsets',
      { accessGroups: ['g'], toolsets: ['kit'] },
      { key: { servers: ['all-proxy-mcpservers'] } },
      [],
    ],
    [
      'everything',
      { servers: ['all-proxy-mcpservers'] },
      { key: { servers: ['a', 'b', 'open'] } },
      ['all-proxy-mcpservers'],
    ],
    [
      'everything, of which tools were taken',
      { servers: ['all-proxy-mcpservers'] },
      { key: { servers: ['all-proxy-mcpservers'], toolPermissions: { a: [] } } },
      ['all-proxy-mcpservers'],
    ],
    ['a toolset by name that is held by id', { toolsets: ['kit'] }, { key: { toolsets: ['id-kit'] } }, []],
    [
      'a toolset whose servers are held, which may get others',
      { toolsets: ['kit'] },
      { key: { servers: ['b'] } },
      ['kit'],
    ],
    [
      'a tool held through a toolset, which would bring prompts',
      { toolPermissions: { b: ['x'] } },
      { key: { toolsets: ['kit'] } },
      ['b.x'],
    ],
    [
      'what does not exist',
      { servers: ['none'], accessGroups: ['none'], toolsets: ['none'], toolPermissions: { none: ['x'] } },
      { key: { servers: ['a'] } },
      ['none', 'none', 'none', 'none.x'],
    ],
    [
      'a key that has what its team has',
      { servers: ['a'], accessGroups: ['g'] },
      { key: { servers: ['all-team-mcpservers'] }, team: { accessGroups: ['g'] } },
      [],
    ],
    [
      'a key that has what its team has, without a team',
      { servers: ['a'] },
      { key: { servers: ['all-team-mcpservers'] } },
      ['a'],
    ],
    ['a key that has nothing', { servers: ['a'] }, { key: { servers: ['no-mcp-servers', 'a'] } }, ['a']],
    [
      'an open server, of which a level leaves less',
      { servers: ['open'] },
      { key: { servers: ['a'], toolPermissions: { open: ['x'] } } },
      ['open'],
    ],
    ['sentinels that grant nothing by themselves', { servers: ['no-mcp-servers', 'all-team-mcpservers'] }, {}, []],
  ])('%s', (_title, requested, held, expected) => {
    expect(unheld(requested, held)).toEqual(expected);
  });

  it('what the owner has already may stay, whole or in part, but not grow', () => {
    const current = { servers: ['b'], toolPermissions: { b: ['x', 'y'] } };
    expect(unheld({ servers: ['b'], toolPermissions: { b: ['x'] } }, {}, current)).toEqual([]);
    expect(unheld({ servers: ['b'] }, {}, current)).toEqual(['b']);
    expect(unheld({ servers: ['b'], toolPermissions: { b: ['z'] } }, {}, current)).toEqual(['b', 'b.z']);
    expect(unheld({ servers: ['a'] }, {}, {})).toEqual(['a']);
  });
});

describe('what a ceiling leaves', () => {
  const beyond = (requested: ObjectPermission, ceiling: ObjectPermission): string[] =>
    entriesBeyond(snapshot, requested, ceiling).map(({ named, tool }) =>
      tool === undefined ? named : `${named}.${tool}`,
    );

  it.each<[string, ObjectPermission, ObjectPermission, string[]]>([
    ['no ceiling', { servers: ['a', 'none'] }, {}, []],
    ['a ceiling of nothing', { servers: ['a', 'open'] }, { servers: [] }, ['a']],
    ['a whole server of which it has a part', { servers: ['a'] }, { toolPermissions: { a: ['x'] } }, []],
    ['a tool outside that part', { toolPermissions: { a: ['x', 'y'] } }, { toolPermissions: { a: ['x'] } }, ['a.y']],
    ['a group whose members it has', { accessGroups: ['g'] }, { servers: ['a', 'b'] }, []],
    ['a group of which it has one member', { accessGroups: ['g'] }, { servers: ['a'] }, ['g']],
    ['a toolset whose servers it has', { toolsets: ['kit'] }, { servers: ['b'] }, []],
    ['a toolset whose servers it has not', { toolsets: ['kit'] }, { servers: ['a'] }, ['kit']],
    ['everything', { servers: ['all-proxy-mcpservers'] }, { servers: ['a', 'b'] }, ['all-proxy-mcpservers']],
    ['everything, which it has', { servers: ['all-proxy-mcpservers'] }, { servers: ['all-proxy-mcpservers'] }, []],
    ['a server nobody has yet, of which it says the same', { servers: ['Later'] }, { servers: ['later'] }, []],
    [
      'a server nobody has',
      { servers: ['none'], toolPermissions: { none: ['x'] } },
      { servers: ['a'] },
      ['none', 'none'],
    ],
  ])('%s', (_title, requested, ceiling, expected) => {
    expect(beyond(requested, ceiling)).toEqual(expected);
  });
});
