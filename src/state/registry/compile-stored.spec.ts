import { declareServer } from '../../core/definition/declare-server.js';
import { declareServers } from '../../core/definition/declare-servers.js';
import { stdioRefusal } from '../../core/definition/stdio-admission.js';
import type { RegistrySnapshot } from '../../core/model/registry-snapshot.js';
import { type CompileContext, compileSnapshot } from './compile-snapshot.js';
import { diffSnapshots } from './diff-snapshots.js';
import { NOTHING_STORED, type StoredRegistry, type StoredServer } from './stored-registry.js';

const url = 'https://h.example/mcp';

function stored(id: string, fields: Record<string, unknown> = {}): StoredServer {
  const { declared } = declareServer({ url, server_name: `name_${id}`, ...fields, id }, '-', 'db');
  if (declared === undefined) throw new Error('not a server');
  return { id, name: declared.name, declared };
}

interface Given {
  readonly file?: Record<string, Record<string, unknown>>;
  readonly publicServers?: readonly string[];
  readonly rows?: Partial<StoredRegistry>;
  readonly previous?: RegistrySnapshot;
  readonly allowedCommands?: readonly string[];
  readonly requireKeyAccess?: boolean;
}

function compile(given: Given): RegistrySnapshot {
  const { servers } = declareServers({ servers: given.file ?? {}, aliases: {}, separator: '-', origin: 'file' });
  const context: CompileContext = {
    stored: { ...NOTHING_STORED, ...given.rows },
    accessRules: { requireKeyAccess: given.requireKeyAccess ?? false, requireEndUserAccess: false },
    refusal: (entry) => stdioRefusal(entry, { enabled: true, allowedCommands: given.allowedCommands ?? [] }),
  };
  const declared = { servers, separator: '-', prefixMode: 'always' as const, publicServers: given.publicServers ?? [] };
  return compileSnapshot(declared, (given.previous?.version ?? 0) + 1, given.previous, context);
}

describe('a snapshot of file and rows', () => {
  it('holds both, and the file wins every clash, whatever it is about', () => {
    const snapshot = compile({
      file: { one: { url, alias: 'uno' }, two: { url, id: 'id-two' } },
      rows: {
        servers: [
          stored('a', { server_name: 'ONE' }),
          stored('b', { alias: 'one' }),
          stored('c', { server_name: 'uno' }),
          stored('id-two', { server_name: 'other' }),
          stored('e'),
          stored('f', { alias: 'name_e' }),
        ],
      },
    });
    expect(snapshot.servers.map(({ name, origin }) => [name, origin])).toEqual([
      ['name_e', 'db'],
      ['two', 'file'],
      ['one', 'file'],
    ]);
    expect(snapshot.rejected.map(({ id, reason }) => [id, reason])).toEqual([
      ['a', '"one" is already taken by server "one"'],
      ['b', '"one" is already taken by server "one"'],
      ['c', '"uno" is already taken by server "one"'],
      ['id-two', '"id-two" is already taken by server "two"'],
      ['f', '"name_e" is already taken by server "name_e"'],
    ]);
  });

  it('sets aside a row that cannot be read, and keeps the others (defect 50)', () => {
    const servers: StoredServer[] = [{ id: 'a', name: 'bad', fault: 'no' }, stored('b')];
    const snapshot = compile({ rows: { servers } });
    expect(snapshot.servers).toHaveLength(1);
    expect(snapshot.rejected).toEqual([{ id: 'a', name: 'bad', origin: 'db', reason: 'no' }]);
  });

  it('runs commands of rows only while they are allowed; those of the file always', () => {
    const servers = [
      stored('a', { url: undefined, command: 'node' }),
      stored('b', { url: undefined, command: 'bash' }),
    ];
    const given: Given = { file: { own: { command: 'bash' } }, rows: { servers } };
    const before = compile({ ...given, allowedCommands: ['node'] });
    expect(before.servers.map(({ name }) => name)).toEqual(['name_a', 'own']);
    expect(before.rejected).toMatchObject([{ id: 'b', reason: expect.stringContaining('allowed_commands') }]);
    expect(compile(given).servers.map(({ name }) => name)).toEqual(['own']);
  });

  it('keeps the very entries that did not change', () => {
    const before = compile({ rows: { servers: [stored('a'), stored('b')] } });
    const after = compile({ rows: { servers: [stored('a'), stored('b', { description: 'new' })] }, previous: before });
    expect(after.byId.get('a')).toBe(before.byId.get('a'));
    expect(after.byId.get('b')).not.toBe(before.byId.get('b'));
    expect(after.version).toBe(before.version + 1);
    expect(diffSnapshots(before, after)).toMatchObject({ changed: [{ id: 'b' }], accessChanged: false });
  });

  it('joins the groups servers name and those that name servers; an empty one is one', () => {
    const snapshot = compile({
      file: { filed: { url, access_groups: ['docs'] } },
      rows: {
        servers: [stored('a')],
        groups: [
          { name: 'docs', serverIds: ['a', 'filed', 'gone'] },
          { name: 'empty', serverIds: ['gone'] },
        ],
      },
    });
    const members = [...snapshot.byGroup].map(([name, entries]) => [name, entries.map((entry) => entry.name)]);
    expect(members).toEqual([
      ['docs', ['filed', 'name_a']],
      ['empty', []],
    ]);
  });

  it('finds toolsets by id and by name in lower case, without servers that are not there', () => {
    const toolset = {
      id: 'TS',
      name: 'Reading',
      description: undefined,
      tools: [
        { serverId: 'a', toolName: 'x' },
        { serverId: 'filed', toolName: 'y' },
        { serverId: 'gone', toolName: 'z' },
      ],
    };
    const snapshot = compile({ file: { filed: { url } }, rows: { servers: [stored('a')], toolsets: [toolset] } });
    const entry = snapshot.byToolset.get('TS');
    expect(snapshot.byToolset.get('reading')).toBe(entry);
    const filed = snapshot.byHandle.get('filed')?.id ?? '';
    expect(entry?.tools).toEqual(
      new Map([
        ['a', new Set(['x'])],
        [filed, new Set(['y'])],
      ]),
    );
  });

  it('has one public list of file and database, by id', () => {
    const snapshot = compile({
      file: { filed: { url, id: 'id-filed' } },
      publicServers: ['FILED', 'gone'],
      rows: { servers: [stored('a'), stored('b')], publicServers: ['name_a'] },
    });
    expect(snapshot.publicServers).toEqual(new Set(['id-filed', 'a']));
  });

  it.each<[string, Given]>([
    ['a group', { rows: { groups: [{ name: 'g', serverIds: ['a'] }] } }],
    ['a toolset', { rows: { toolsets: [{ id: 't', name: 't', description: 'd', tools: [] }] } }],
    ['the public list', { rows: { publicServers: ['a'] } }],
    ['an access rule', { requireKeyAccess: true }],
  ])('tells of %s that changed while the servers stayed', (_title, given) => {
    const servers = [stored('a')];
    const before = compile({ rows: { servers } });
    const after = compile({ ...given, rows: { servers, ...given.rows }, previous: before });
    const unchanged = { added: [], changed: [], removed: [] };
    expect(diffSnapshots(before, after)).toEqual({ ...unchanged, accessChanged: true });
    expect(diffSnapshots(after, compile({ ...given, rows: { servers, ...given.rows }, previous: after }))).toEqual({
      ...unchanged,
      accessChanged: false,
    });
  });
});
