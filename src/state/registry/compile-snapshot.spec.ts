import { inspect } from 'node:util';
import { declareServers } from '../../core/definition/declare-servers.js';
import type { DeclaredServer } from '../../core/definition/declared-server.js';
import type { RegistrySnapshot } from '../../core/model/registry-snapshot.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import { compileSnapshot } from './compile-snapshot.js';
import { diffSnapshots } from './diff-snapshots.js';

type Written = Record<string, Record<string, unknown>>;

function declare(servers: Written, aliases: Record<string, string> = {}, separator = '-'): readonly DeclaredServer[] {
  return declareServers({ servers, aliases, separator, origin: 'file' }).servers;
}

interface Options {
  readonly aliases?: Record<string, string>;
  readonly separator?: string;
  readonly previous?: RegistrySnapshot;
}

function compile(servers: Written, { aliases = {}, separator = '-', previous }: Options = {}): RegistrySnapshot {
  const declared = { servers: declare(servers, aliases, separator), separator, prefixMode: 'always' as const };
  return compileSnapshot(declared, (previous?.version ?? 0) + 1, previous);
}

function entryOf(fields: Record<string, unknown>, options?: Options): ServerEntry {
  const [entry] = compile({ a: fields }, options).servers;
  if (entry === undefined) throw new Error('the server was set aside');
  return entry;
}

/** What is written in the definition as its credential. */
function valueOf({ auth }: ServerEntry): string | undefined {
  return 'value' in auth ? auth.value?.reveal() : undefined;
}

const url = 'https://h.example/mcp';

describe('a compiled server', () => {
  it('has quiet defaults', () => {
    expect(entryOf({ url })).toMatchObject({
      name: 'a',
      alias: undefined,
      prefix: 'a',
      origin: 'file',
      endpoint: { kind: 'http', transport: 'auto', url },
      auth: { type: 'none' },
      staticHeaders: [],
      extraHeaders: [],
      accessGroups: [],
      allowAllKeys: false,
      availableOnPublicInternet: true,
      description: undefined,
      instructions: undefined,
      timeoutMs: undefined,
      info: { server_name: 'a' },
    });
  });

  it('holds everything that was written', () => {
    const entry = entryOf({
      url,
      transport: 'http',
      alias: 'my a',
      auth_type: 'bearer_token',
      auth_value: 'tok',
      static_headers: { 'X-Team': 'core' },
      extra_headers: ['X-Tenant'],
      access_groups: ['dev', 'ops'],
      mcp_access_groups: ['ops', 'qa'],
      allow_all_keys: true,
      available_on_public_internet: false,
      description: 'about',
      instructions: 'do so',
      timeout: 1.5,
      mcp_info: { owner: { pager: [1, 2] }, server_name: 'Shown' },
    });
    expect(entry).toMatchObject({
      alias: 'my_a',
      prefix: 'my_a',
      endpoint: { transport: 'http' },
      auth: { type: 'bearer_token' },
      extraHeaders: ['X-Tenant'],
      accessGroups: ['dev', 'ops', 'qa'],
      allowAllKeys: true,
      availableOnPublicInternet: false,
      description: 'about',
      instructions: 'do so',
      timeoutMs: 1500,
      info: { owner: { pager: [1, 2] }, server_name: 'Shown', description: 'about' },
    });
    expect(valueOf(entry)).toBe('tok');
    expect(entry.staticHeaders.map(([name, value]) => [name, value.reveal()])).toEqual([['X-Team', 'core']]);
  });

  it('is a child process when there is a command', () => {
    const { endpoint } = entryOf({
      command: 'node',
      args: ['x.js'],
      env: [
        { name: 'REGION', value: 'eu' },
        { name: 'USER', value: '${X-USER}' },
      ],
      cwd: '/srv',
      isolation: 'session',
    });
    expect(endpoint).toMatchObject({ kind: 'stdio', command: 'node', cwd: '/srv', isolation: 'session' });
    if (endpoint.kind !== 'stdio') return;
    expect(endpoint.args).toEqual(['x.js']);
    expect(Object.entries(endpoint.env).map(([name, value]) => [name, value.reveal()])).toEqual([
      ['REGION', 'eu'],
      ['USER', '${X-USER}'],
    ]);
  });

  it('prefers authentication_token to auth_value', () => {
    const entry = entryOf({ url, auth_type: 'api_key', auth_value: 'v', authentication_token: 't' });
    expect(valueOf(entry)).toBe('t');
  });

  it('keeps an auth_type without a value: the client brings it', () => {
    expect(entryOf({ url, auth_type: 'api_key' }).auth).toEqual({ type: 'api_key', value: undefined });
  });

  it('takes user and password out of the URL and makes them the credential', () => {
    const entry = entryOf({ url: 'https://u%40x:p%3Aw@h.example/mcp?a=1#f' });
    const { endpoint, auth } = entry;
    expect(endpoint).toMatchObject({ url: 'https://h.example/mcp?a=1' });
    expect(auth.type).toBe('basic');
    expect(valueOf(entry)).toBe('u@x:p:w');
  });

  it.each([
    [{ alias: 'b' }, 'b'],
    [{ alias: '' }, 'a'],
    [{}, 'a'],
  ])('%j is advertised under the prefix %s', (fields, prefix) => {
    expect(entryOf({ url, ...fields }).prefix).toBe(prefix);
  });

  it('takes the alias of mcp_aliases as its own', () => {
    expect(entryOf({ url }, { aliases: { short: 'a', other: 'a' } })).toMatchObject({
      alias: 'short',
      prefix: 'short',
    });
  });

  describe('allow and deny lists', () => {
    it.each<[string, Record<string, unknown>, string, string[]]>([
      ['bare names', { allowed_tools: ['search', 'get-file'] }, '-', ['search', 'get-file']],
      ['prefixed names (defect 46)', { allowed_tools: ['a__search'] }, '__', ['a__search', 'search']],
      [
        'names prefixed by the alias',
        { alias: 'gh', allowed_tools: ['gh-search', 'a-list'] },
        '-',
        ['gh-search', 'search', 'a-list', 'list'],
      ],
      ['not a prefix by another separator (defect 46)', { allowed_tools: ['a-search'] }, '__', ['a-search']],
      ['a bare prefix, which names no tool', { allowed_tools: ['a-'] }, '-', ['a-']],
    ])('know %s', (_, fields, separator, expected) => {
      const { tools } = entryOf({ url, ...fields }, { separator });
      expect([...(tools.allowed ?? [])]).toEqual(expected);
      const { tools: denied } = entryOf(
        { url, ...fields, allowed_tools: [], disallowed_tools: fields['allowed_tools'] },
        { separator },
      );
      expect([...denied.disallowed]).toEqual(expected);
      expect(denied.allowed).toBeUndefined();
    });

    it('restrict arguments under the prefixed name too (defect 17)', () => {
      const { allowedParams } = entryOf({
        url,
        alias: 'gh',
        allowed_params: { 'gh-search': ['q'], list: ['page'] },
      }).tools;
      expect(allowedParams.get('search')).toEqual(new Set(['q']));
      expect(allowedParams.get('gh-search')).toEqual(new Set(['q']));
      expect(allowedParams.get('list')).toEqual(new Set(['page']));
      expect(allowedParams.get('other')).toBeUndefined();
    });

    it('prefer an entry that names the tool as the server does, in any order', () => {
      const params = { search: ['exact'], 'a-search': ['prefixed'] };
      for (const allowed_params of [params, Object.fromEntries(Object.entries(params).reverse())]) {
        expect(entryOf({ url, allowed_params }).tools.allowedParams.get('search')).toEqual(new Set(['exact']));
      }
    });

    it('can forbid every argument', () => {
      expect(entryOf({ url, allowed_params: { ping: [] } }).tools.allowedParams.get('ping')).toEqual(new Set());
    });
  });

  it('has a fingerprint of everything in it, secrets included, and of nothing else', () => {
    const base = { url, auth_type: 'api_key', auth_value: 'x', static_headers: { A: 'b', C: 'd' } };
    const changes: Record<string, unknown>[] = [
      { url: `${url}2` },
      { auth_value: 'y' },
      { static_headers: { A: 'b', C: 'e' } },
      { transport: 'sse' },
      { timeout: 3 },
      { allowed_tools: ['a'] },
      { allowed_params: { a: ['b'] } },
      { mcp_info: { x: 1 } },
      { alias: 'z' },
      { allow_all_keys: true },
      { id: 'mine' },
    ];
    const prints = [base, ...changes.map((change) => ({ ...base, ...change }))].map(
      (fields) => entryOf(fields).fingerprint,
    );
    expect(new Set(prints).size).toBe(changes.length + 1);
    expect(
      entryOf({ static_headers: { A: 'b', C: 'd' }, auth_value: 'x', auth_type: 'api_key', url }).fingerprint,
    ).toBe(prints[0]);
    const child = { command: 'x', env: { A: '1' } };
    expect(entryOf(child).fingerprint).not.toBe(entryOf({ ...child, env: { A: '2' } }).fingerprint);
  });

  it('is frozen throughout', () => {
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      value instanceof Map ||
      value instanceof Set ||
      (Object.isFrozen(value) && Object.values(value).every(frozen)) ||
      value.constructor.name === 'Secret';
    const snapshot = compile({
      a: { url, static_headers: { A: 'b' }, mcp_info: { x: [{}] } },
      b: { command: 'x', env: { A: 'b' } },
      c: { url, auth_type: 'oauth_delegate' },
    });
    expect(snapshot.servers.every(frozen)).toBe(true);
    expect(snapshot.rejected.every(frozen)).toBe(true);
    expect(Object.isFrozen(snapshot)).toBe(true);
  });

  it('prints nothing that may be secret (defect 54)', () => {
    const snapshot = compile({
      a: {
        url: 'https://u:canary-password@h.example/mcp/canary-0123456789-token?key=canary-query',
        static_headers: { A: 'canary-header' },
      },
      b: { command: 'node', args: ['--key', 'canary-args'], env: { A: 'canary-env' } },
      c: { url, auth_type: 'api_key', auth_value: 'canary-value' },
      d: { url, auth_type: 'oauth2', client_secret: 'canary-client' },
    });
    expect(snapshot.servers).toHaveLength(4);
    const shown = [snapshot, snapshot.servers, [...snapshot.byHandle.values()], diffSnapshots(compile({}), snapshot)];
    expect(`${JSON.stringify(shown)}${inspect(shown, { depth: 20 })}`).not.toContain('canary');
    expect(JSON.stringify(snapshot.servers)).toContain('https://h.example/mcp/***?***');
  });
});

describe('ids', () => {
  it('derive from the name alone', () => {
    const before = entryOf({ url });
    const after = entryOf({
      url: 'http://elsewhere',
      alias: 'x',
      auth_type: 'api_key',
      auth_value: 'k',
      transport: 'sse',
    });
    expect(after.id).toBe(before.id);
    expect(before.id).toMatch(/^[0-9a-f]{32}$/);
    expect(compile({ b: { url } }).servers[0]?.id).not.toBe(before.id);
  });

  it.each([
    [
      'transport left out: both spellings (defect 47)',
      {},
      ['39ba93086874ef716d528c37547711c5', '7e4a97a8bd0ee2ee5ee086fdbc953f17'],
    ],
    ['transport written', { transport: 'http' }, ['39ba93086874ef716d528c37547711c5']],
  ])('of the incumbent are known, %s', (_, fields, expected) => {
    const { byHandle, servers } = compile({ deepwiki_mcp: { url: 'https://mcp.deepwiki.com/mcp', ...fields } });
    expect(servers[0]?.alternateIds).toEqual(expected);
    for (const id of expected) expect(byHandle.get(id)).toBe(servers[0]);
  });

  it('of the incumbent take auth_type, the alias from wherever it comes, and the name as written', () => {
    const { servers } = compile(
      { 'my server': { url: 'http://h/m', transport: 'sse', auth_type: 'bearer_token' } },
      { aliases: { ms: 'my server' } },
    );
    // printf '%s' 'my server|http://h/m|sse|bearer_token|ms' | sha256sum | cut -c1-32
    expect(servers[0]?.alternateIds).toEqual(['40b49b3c3a2501357208b9cfc15691f0']);
  });

  it('may be given; the derived one still finds the server', () => {
    const derived = entryOf({ url }).id;
    const { servers, byId, byHandle } = compile({ a: { url, id: 'Mine' } });
    expect(servers[0]?.id).toBe('Mine');
    expect(byId.get('Mine')).toBe(servers[0]);
    expect(byHandle.get('mine')).toBe(servers[0]);
    expect(byHandle.get(derived)).toBe(servers[0]);
    expect(compile({ a: { url, server_id: 'Mine' } }).servers[0]?.id).toBe('Mine');
  });
});

describe('the snapshot', () => {
  it('finds servers by id, name and alias in any case, and groups, in order of prefix', () => {
    const { servers, byHandle, byGroup } = compile({
      Zeta: { url, access_groups: ['g'] },
      'my server': { url },
      beta: { url, alias: 'Aaa', access_groups: ['g', 'h'] },
    });
    expect(servers.map(({ prefix }) => prefix)).toEqual(['Aaa', 'Zeta', 'my_server']);
    expect(['zeta', 'beta', 'aaa', 'my_server', 'my server'].map((handle) => byHandle.get(handle)?.name)).toEqual([
      'Zeta',
      'beta',
      'beta',
      'my_server',
      'my_server',
    ]);
    expect([...byGroup].map(([group, members]) => [group, members.map(({ name }) => name)])).toEqual([
      ['g', ['beta', 'Zeta']],
      ['h', ['beta']],
    ]);
  });

  it.each<[Record<string, unknown>, string]>([
    [
      { auth_type: 'oauth_delegate' },
      'auth_type oauth_delegate is not supported by this version; the server is set aside',
    ],
    [{ auth_type: 'oauth2_token_exchange', client_id: 'x' }, 'oauth2_token_exchange without token_exchange_endpoint'],
    [{ auth_type: 'oauth2_id_jag' }, 'auth_type oauth2_id_jag without token_exchange_endpoint'],
    [{ auth_type: 'true_passthrough', dcr_bridge: true }, 'auth_type true_passthrough, dcr_bridge are not'],
    [{ spec_path: 'x.json' }, 'spec_path (an OpenAPI server) is not'],
    [
      { is_byok: true, url: undefined, command: 'x' },
      'is_byok of a stdio server (give it env with scope per_user) is not',
    ],
    [{ delegate_auth_to_upstream: true }, 'delegate_auth_to_upstream is not'],
  ])('sets aside %j with the reason, never serving it without', (fields, reason) => {
    const { servers, rejected, byHandle } = compile({ a: { url, ...fields }, b: { url } });
    expect(servers.map(({ name }) => name)).toEqual(['b']);
    expect(rejected).toEqual([{ name: 'a', origin: 'file', reason: expect.stringContaining(reason) }]);
    expect(byHandle.get('a')).toBeUndefined();
  });

  it('does not let one bad entry take the others down (defect 50)', () => {
    const { servers, rejected } = compile({
      good: { url },
      'bad-name': { url },
      nothing: {},
      GOOD: { url },
      other: { url, alias: 'good' },
      basic: { url, auth_type: 'basic', auth_value: 'x' },
      last: { url },
    });
    expect(servers.map(({ name }) => name)).toEqual(['good', 'last']);
    expect(rejected.map(({ name, reason }) => `${name}: ${reason}`)).toEqual([
      "bad-name: Server name cannot contain '-'. Use an alternative character instead Found: bad-name",
      'nothing: url: is required for a remote server (or a command, for a stdio server)',
      'GOOD: "good" is already taken by server "good"',
      'other: "good" is already taken by server "good"',
      'basic: auth_value: must be user:password, or its base64 form, for auth_type basic',
    ]);
  });

  it('is total: whatever the entry, the answer is a reason', () => {
    const [server] = declare({ a: { url } });
    if (server === undefined) throw new Error('no server');
    const broken = {
      ...server,
      definition: Object.assign(Object.create(null) as object, { url: 5, args: {} }),
    } as unknown as DeclaredServer;
    const { servers, rejected } = compileSnapshot(
      { servers: [broken, ...declare({ b: { url } })], separator: '-', prefixMode: 'always' },
      1,
    );
    expect(servers.map(({ name }) => name)).toEqual(['b']);
    expect(rejected).toEqual([{ name: 'a', origin: 'file', reason: 'the definition cannot be used' }]);
  });

  it('keeps the very objects of servers that did not change, so that nothing kept about them is lost', () => {
    const first = compile({ same: { url }, changed: { url }, gone: { url } });
    const second = compile({ new: { url }, changed: { url, timeout: 5 }, same: { url } }, { previous: first });
    expect(second.byHandle.get('same')).toBe(first.byHandle.get('same'));
    const diff = diffSnapshots(first, second);
    expect(diff.added.map(({ name }) => name)).toEqual(['new']);
    expect(diff.changed).toEqual([second.byHandle.get('changed')]);
    expect(diff.removed.map(({ name }) => name)).toEqual(['gone']);
    expect(second.version).toBe(2);
  });

  it('does not let an id of the incumbent take a name away from a server', () => {
    const old = entryOf({ url }).alternateIds[0] ?? '';
    const { byHandle } = compile({ a: { url }, [old]: { url: 'http://other' } });
    expect(byHandle.get(old)?.name).toBe(old);
  });
});
