import { declareServers } from './declare-servers.js';

const url = 'http://h/mcp';

function declare(servers: unknown, aliases: Record<string, string> = {}, separator = '-') {
  const { servers: declared, problems } = declareServers({ servers, aliases, separator, origin: 'file' });
  return {
    names: declared.map(({ name, alias }) => (alias === undefined ? name : `${name} as ${alias}`)),
    problems: problems.map(({ path, message, severity }) => `${severity} ${path.join('/')}: ${message}`),
  };
}

describe('declareServers', () => {
  it('reads a mapping and a list alike', () => {
    const list = [
      { server_name: 'a', url },
      { server_name: 'b', url },
    ];
    expect(declare({ a: { url }, b: { url } })).toEqual({ names: ['a', 'b'], problems: [] });
    expect(declare(list)).toEqual({ names: ['a', 'b'], problems: [] });
  });

  it.each([[undefined], [null], [{}], [[]]])('takes %j for no servers', (servers) => {
    expect(declare(servers)).toEqual({ names: [], problems: [] });
  });

  it.each<[string, unknown, string]>([
    ['text', 'x', 'error mcp_servers: must be a mapping (name: server) or a list of servers with server_name'],
    ['a server that is none', { a: 'http://h' }, 'error mcp_servers/a: must be a mapping with the fields of a server'],
    [
      'an item without name',
      [{ url }],
      'error mcp_servers/0: needs a server_name: in a list every server carries its name',
    ],
    [
      'another name inside',
      { a: { url, server_name: 'b' } },
      'warning mcp_servers/a/server_name: is not used: the key of the mapping is the name',
    ],
  ])('points at %s', (_, servers, problem) => {
    expect(declare(servers).problems).toEqual([problem]);
  });

  it('turns spaces into underscores', () => {
    expect(declare({ 'my server': { url, alias: 'my alias' } })).toEqual({
      names: ['my_server as my_alias'],
      problems: [],
    });
  });

  it.each([
    ['a-b', "Server name cannot contain '-'. Use an alternative character instead Found: a-b"],
    ['a/b', 'Server name may hold letters, digits, "_", "." and "-" only. Found: a/b'],
    ['ü', 'Server name may hold letters, digits, "_", "." and "-" only. Found: ü'],
    ['.hidden', 'Server name must not start with "."'],
    [' ', 'Server name must not be empty'],
    ['x'.repeat(101), 'Server name must not be longer than 100 characters'],
  ])('refuses the name %j', (name, message) => {
    expect(declare({ [name]: { url } }).problems).toEqual([`error mcp_servers/${name}: ${message}`]);
  });

  it('measures names by the configured separator, not by "-" (defect 46)', () => {
    expect(declare({ 'a-b': { url } }, {}, '__').problems).toEqual([]);
    expect(declare({ a__b: { url } }, {}, '__').problems).toHaveLength(1);
    expect(declare({ a: { url, alias: 'a__b' } }, {}, '__').problems).toEqual([
      "error mcp_servers/a/alias: Alias cannot contain '__'. Use an alternative character instead Found: a__b",
    ]);
  });

  it.each<[string, unknown, string]>([
    ['a name in another case', { a: { url }, A: { url } }, 'Server name "A" is already taken by server "a"'],
    ['an alias that is a name', { a: { url }, b: { url, alias: 'a' } }, 'Alias "a" is already taken by server "a"'],
    [
      'a name that is an alias',
      { a: { url, alias: 'b' }, b: { url } },
      'Server name "b" is already taken by server "a"',
    ],
    ['an alias twice', { a: { url, alias: 'x' }, b: { url, alias: 'X' } }, 'Alias "X" is already taken by server "a"'],
    ['an id twice', { a: { url, id: 'x' }, b: { url, server_id: 'x' } }, 'id "x" is already taken by server "a"'],
    [
      'a name twice after spaces became underscores',
      { 'a b': { url }, a_b: { url } },
      'Server name "a_b" is already taken by server "a b"',
    ],
  ])('refuses %s', (_, servers, message) => {
    const { problems } = declare(servers);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^error mcp_servers/);
    expect(problems[0]).toContain(message);
  });

  it('lets a server carry its own name as alias and id', () => {
    expect(declare({ a: { url, alias: 'a', id: 'a' } }).problems).toEqual([]);
  });

  it('reserves the ids that mean all servers', () => {
    expect(declare({ a: { url, id: 'all-proxy-mcpservers' } }).problems).toEqual([
      'error mcp_servers/a/id: id "all-proxy-mcpservers" is reserved',
    ]);
  });

  describe('mcp_aliases', () => {
    it('gives a server the first alias that names it', () => {
      const { names, problems } = declare({ a: { url }, b: { url } }, { one: 'a', two: 'a', three: 'b' });
      expect(names).toEqual(['a as one', 'b as three']);
      expect(problems).toEqual([
        'warning litellm_settings/mcp_aliases/two: is ignored: an earlier alias names the same server',
      ]);
    });

    it('leaves an alias of the server itself alone', () => {
      const { names, problems } = declare({ a: { url, alias: 'own' } }, { one: 'a' });
      expect(names).toEqual(['a as own']);
      expect(problems).toEqual([
        'warning litellm_settings/mcp_aliases/one: is ignored: the server has an alias of its own',
      ]);
    });

    it('warns of an alias for nobody', () => {
      expect(declare({ github: { url } }, { gh: 'gihub' }).problems).toEqual([
        'warning litellm_settings/mcp_aliases/gh: names a server that mcp_servers does not have; the alias is ignored; did you mean "github"?',
      ]);
    });

    it('checks them like any alias', () => {
      expect(declare({ a: { url }, b: { url } }, { b: 'a' }).problems[0]).toContain('already taken');
      expect(declare({ a: { url } }, { 'x-y': 'a' }).problems[0]).toContain('error litellm_settings/mcp_aliases/x-y');
    });
  });

  it('warns when an access group is called like a server', () => {
    expect(declare({ a: { url, access_groups: ['ok', 'B'] }, b: { url } }).problems).toEqual([
      'warning mcp_servers/a/access_groups/1: the access group "B" is called like a server; where both could be meant, the server is',
    ]);
  });

  it('goes on after a broken server and reports them all', () => {
    const { names, problems } = declare({ a: { url: 1 }, b: {}, c: { url } });
    expect(names).toEqual(['a', 'b', 'c']);
    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      'error mcp_servers/a/url',
      'error mcp_servers/b/url',
    ]);
  });
});
