import { insertEndUser, insertKey, insertOrganization, insertTeam, insertUser } from '../../factory/insert-key.js';
import type { ObjectPermission, PermissionLevel } from '../../../src/core/model/permission.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

const TOOLS = ['read', 'write', 'wipe', 'gh-only'] as const;
const SERVERS = ['github', 'jira', 'wiki', 'hidden'] as const;

type Levels = Partial<Record<PermissionLevel, ObjectPermission>>;

/** Contract §9 over the wire: who sees and calls what, on every door. */
describe('permissions of a virtual key', () => {
  let upstream: FakeUpstream;
  let gateway: TestGateway;

  beforeAll(async () => {
    upstream = await fakeUpstream({
      tools: TOOLS.map((name) => ({ name, inputSchema: { type: 'object' } })),
      prompts: [{ name: 'greet' }],
      resources: [{ uri: 'file:///notes', name: 'notes', text: 'n' }],
    });
    const at = (name: string, more: object = {}): object => ({
      url: `${upstream.url}?as=${name}`,
      transport: 'http',
      ...more,
    });
    gateway = await startGateway({
      config: {
        general_settings: { use_x_forwarded_for: true, mcp_trusted_proxy_ranges: ['127.0.0.0/8'] },
        mcp_servers: {
          github: at('github', { alias: 'gh', access_groups: ['dev'] }),
          jira: at('jira', {
            access_groups: ['dev'],
            disallowed_tools: ['wipe'],
            allowed_params: { 'jira-read': ['id'] },
          }),
          wiki: at('wiki', { allow_all_keys: true, allowed_tools: ['read', 'write'] }),
          hidden: at('hidden', { available_on_public_internet: false }),
        },
      },
    });
  });

  afterAll(async () => {
    await gateway.close();
    await upstream.close();
  });

  interface Caller {
    readonly key: string;
    readonly headers?: Record<string, string>;
  }

  async function caller(levels: Levels, more: { readonly external?: boolean } = {}): Promise<Caller> {
    const url = gateway.databaseUrl;
    const organizationId = levels.organization && (await insertOrganization(url, { permission: levels.organization }));
    const teamId =
      levels.team &&
      (await insertTeam(url, { permission: levels.team, ...(organizationId === undefined ? {} : { organizationId }) }));
    const userId = levels.user && (await insertUser(url, { permission: levels.user }));
    const endUserId = levels.end_user && (await insertEndUser(url, { permission: levels.end_user }));
    const { key } = await insertKey(url, {
      ...(levels.key === undefined ? {} : { permission: levels.key }),
      ...(teamId === undefined ? {} : { teamId }),
      ...(userId === undefined ? {} : { userId }),
      ...(organizationId === undefined ? {} : { organizationId }),
    });
    return {
      key,
      headers: {
        ...(endUserId === undefined ? {} : { 'x-litellm-end-user-id': endUserId }),
        ...(more.external === true ? { 'x-forwarded-for': '203.0.113.7' } : {}),
      },
    };
  }

  const send = (who: Caller, method: string, params: unknown = {}, path = '/mcp') =>
    rpc(`${gateway.url}${path}`, method, params, { key: who.key, headers: who.headers ?? {} });

  async function listed(who: Caller, path = '/mcp'): Promise<string[]> {
    const answer = await send(who, 'tools/list', {}, path);
    const tools = (answer.message?.result?.['tools'] ?? []) as readonly { readonly name: string }[];
    return tools.map(({ name }) => name).sort();
  }

  /** What a call of every tool there is finds out; unknown and denied must read the same. */
  async function callable(who: Caller): Promise<string[]> {
    const names = SERVERS.flatMap((server) => TOOLS.map((tool) => `${server === 'github' ? 'gh' : server}-${tool}`));
    const found: string[] = [];
    for (const name of names) {
      const { message } = await send(who, 'tools/call', { name, arguments: {} });
      if (message?.error === undefined) found.push(name);
      else expect(message.error).toMatchObject({ code: -32602, message: `Unknown tool: ${name}` });
    }
    return found.sort();
  }

  const GH = ['gh-gh-only', 'gh-read', 'gh-wipe', 'gh-write'];
  const JIRA = ['jira-gh-only', 'jira-read', 'jira-write'];
  const WIKI = ['wiki-read', 'wiki-write'];

  it.each<[string, Levels, string[]]>([
    ['says nothing anywhere: what is open to all keys', {}, WIKI],
    ['names a server: that one', { key: { servers: ['gh'] } }, [...GH, ...WIKI]],
    ['names a group: its servers', { key: { accessGroups: ['dev'] } }, [...GH, ...JIRA, ...WIKI]],
    ['inherits its team', { team: { servers: ['github'] } }, [...GH, ...WIKI]],
    [
      'is narrowed by its team (defect 15)',
      { key: { accessGroups: ['dev'] }, team: { servers: ['jira'] } },
      [...JIRA, ...WIKI],
    ],
    [
      'has a team that allows nothing: [] is not absent (defects 13, 14)',
      { key: { servers: ['gh'] }, team: { servers: [] } },
      WIKI,
    ],
    [
      'has a team that allows no tool of the server (defect 13)',
      { key: { servers: ['gh'] }, team: { servers: ['gh'], toolPermissions: { gh: [] } } },
      WIKI,
    ],
    [
      'is narrowed by its organization (defect 15)',
      { key: { servers: ['gh'] }, organization: { servers: ['jira'] } },
      WIKI,
    ],
    [
      'is narrowed by its user (defect 15)',
      { key: { accessGroups: ['dev'] }, user: { servers: ['jira'] } },
      [...JIRA, ...WIKI],
    ],
    ['has only an end user, who narrows and never grants', { end_user: { servers: ['gh'] } }, WIKI],
    [
      'is narrowed by its end user',
      { key: { accessGroups: ['dev'] }, end_user: { servers: ['jira'] } },
      [...JIRA, ...WIKI],
    ],
    [
      'is granted tools of a server, and may not the others',
      { key: { servers: ['gh', 'jira'], toolPermissions: { github: ['read'], jira: ['wipe', 'write'] } } },
      ['gh-read', 'jira-write', ...WIKI],
    ],
    [
      'has tools of a server through two levels: those of both',
      { key: { toolPermissions: { gh: ['read', 'write'] } }, team: { toolPermissions: { gh: ['write', 'wipe'] } } },
      ['gh-write', ...WIKI],
    ],
    [
      'is not granted a server again by stale tool entries',
      { key: { servers: [], toolPermissions: { gh: ['read'] } } },
      WIKI,
    ],
    [
      'is granted a tool that begins with the prefix of a server, by its own name',
      { key: { toolPermissions: { gh: ['gh-only'] } } },
      ['gh-gh-only', ...WIKI],
    ],
    ['is cut off from a shared server by an entry', { key: { servers: ['gh'], toolPermissions: { wiki: [] } } }, GH],
  ])('a key that %s: lists exactly that, and calls exactly what it lists', async (_title, levels, expected) => {
    const who = await caller(levels);
    expect(await listed(who)).toEqual([...expected].sort());
    expect(await callable(who)).toEqual([...expected].sort());
  });

  it('what is not permitted is unknown on every door: paths, filters, REST (defects 8, 18, 20)', async () => {
    const who = await caller({ key: { servers: ['github'], toolPermissions: { github: ['read'] } } });
    const get = (path: string) => fetch(`${gateway.url}${path}`, { headers: { 'x-litellm-api-key': who.key } });
    for (const path of ['/mcp/jira', '/jira/mcp', '/mcp/nobody']) {
      expect(await send(who, 'tools/list', {}, path)).toMatchObject({ status: 404 });
    }
    const rest = (await (await get('/mcp-rest/tools/list')).json()) as { tools: { name: string }[] };
    expect(rest.tools.map(({ name }) => name).sort()).toEqual(['read', 'read', 'write']);
    expect((await get('/mcp-rest/tools/list?server_id=jira')).status).toBe(404);
    const call = (body: object) =>
      fetch(`${gateway.url}/mcp-rest/tools/call`, {
        method: 'POST',
        headers: { 'x-litellm-api-key': who.key, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const denied = await call({ server_id: 'github', name: 'wipe', arguments: {} });
    const absent = await call({ server_id: 'github', name: 'nope', arguments: {} });
    expect([denied.status, absent.status]).toEqual([404, 404]);
    expect(await denied.text()).toBe((await absent.text()).replaceAll('nope', 'wipe'));
    expect((await call({ server_id: 'jira', name: 'read', arguments: {} })).status).toBe(404);
    expect((await call({ server_id: 'github', name: 'read', arguments: {} })).status).toBe(200);
  });

  it('arguments that allowed_params leaves out are refused, under either name of the tool (defect 17)', async () => {
    const who = await caller({ key: { servers: ['jira'] } });
    for (const [name, path] of [
      ['jira-read', '/mcp'],
      ['read', '/mcp/jira'],
    ] as const) {
      const fine = await send(who, 'tools/call', { name, arguments: { id: 1 } }, path);
      expect(fine.message?.error).toBeUndefined();
      const refused = await send(who, 'tools/call', { name, arguments: { id: 1, force: true } }, path);
      expect(refused.message?.error?.message).toContain("Parameters ['force'] are not allowed");
    }
  });

  it('prompts and resources are visible where a server is granted by itself or by tool entries', async () => {
    const who = await caller({
      key: { servers: ['gh'] },
      team: { toolPermissions: { github: ['read'], jira: ['read'] } },
    });
    const prompts = (await send(who, 'prompts/list')).message?.result?.['prompts'] as { name: string }[];
    expect(prompts.map(({ name }) => name)).toEqual(['gh-greet', 'wiki-greet']);
    expect((await send(who, 'prompts/get', { name: 'jira-greet' })).message?.error?.message).toBe(
      'Unknown prompt: jira-greet',
    );
  });

  it('callers from outside neither list nor call servers that are not public, the master key included (defect 10)', async () => {
    const levels: Levels = { key: { servers: ['hidden', 'gh'] } };
    const inside = await caller(levels);
    const outside = await caller(levels, { external: true });
    const HIDDEN = ['hidden-gh-only', 'hidden-read', 'hidden-wipe', 'hidden-write'];
    expect(await callable(inside)).toEqual([...GH, ...HIDDEN, ...WIKI].sort());
    expect(await listed(outside)).toEqual([...GH, ...WIKI].sort());
    expect(await callable(outside)).toEqual([...GH, ...WIKI].sort());
    expect(await send(outside, 'tools/list', {}, '/mcp/hidden')).toMatchObject({ status: 404 });
    const master: Caller = { key: gateway.key, headers: { 'x-forwarded-for': '203.0.113.7' } };
    expect((await listed(master)).filter((name) => name.startsWith('hidden'))).toEqual([]);
    expect((await listed({ key: gateway.key })).filter((name) => name.startsWith('hidden'))).toEqual(HIDDEN);
    const rest = await fetch(`${gateway.url}/mcp-rest/tools/list?server_id=hidden`, {
      headers: { 'x-litellm-api-key': outside.key, 'x-forwarded-for': '203.0.113.7' },
    });
    expect(rest.status).toBe(404);
    // What only worker processes tell each other, a client cannot say.
    const forger: Caller = { key: outside.key, headers: { ...outside.headers, 'x-gatehouse-peer': '127.0.0.1' } };
    expect(await send(forger, 'tools/list')).toMatchObject({ status: 403 });
  });
});
