import { changeRow, insertKey } from '../../factory/insert-key.js';
import { adminCaller, type AdminCaller } from '../../harness/admin-call.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

interface Toolset {
  readonly toolset_id: string;
  readonly toolset_name: string;
  readonly tools: readonly { readonly server_id: string; readonly tool_name: string }[];
}

/** Toolsets by REST (reference §3.4), as grants and as scopes (§4.5). */
describe('toolsets', () => {
  let upstream: FakeUpstream;
  let gateway: TestGateway;
  let admin: AdminCaller;

  beforeAll(async () => {
    upstream = await fakeUpstream({
      tools: ['read', 'write', 'wipe'].map((name) => ({ name, inputSchema: { type: 'object' } })),
      prompts: [{ name: 'greet' }],
      resources: [{ uri: 'file:///notes', name: 'notes', text: 'n' }],
    });
    const server = { url: upstream.url, transport: 'http' };
    gateway = await startGateway({
      config: {
        general_settings: { store_model_in_db: true },
        mcp_servers: { github: { ...server, alias: 'gh' }, jira: { ...server, url: `${upstream.url}?jira` } },
      },
    });
    admin = adminCaller(gateway.url, gateway.key);
  });

  afterAll(async () => {
    await gateway.close();
    await upstream.close();
  });

  async function create(name: string, tools: readonly (readonly [server: string, tool: string])[]): Promise<Toolset> {
    const body = {
      toolset_name: name,
      tools: tools.map(([server_id, tool_name]) => ({ server_id, tool_name })),
    };
    const answer = await admin('POST', '/v1/mcp/toolset', body);
    expect(answer.status).toBe(201);
    return answer.body as Toolset;
  }

  async function tools(key: string, path: string): Promise<string[] | number> {
    const answer = await rpc(`${gateway.url}${path}`, 'tools/list', {}, { key });
    if (answer.status !== 200) return answer.status;
    return (answer.message?.result?.['tools'] as { name: string }[]).map(({ name }) => name);
  }

  it('are made, read, changed and deleted; what is not named stays, null clears', async () => {
    const made = await create('reading', [
      ['gh', 'gh-read'],
      ['jira', 'read'],
    ]);
    expect(made).toMatchObject({ toolset_name: 'reading', description: null });
    // By the server's id, and by the server's own name of the tool.
    expect(new Set(made.tools.map(({ server_id }) => server_id)).size).toBe(2);
    expect(made.tools.map(({ tool_name }) => tool_name)).toEqual(['read', 'read']);

    const changed = await admin('PUT', '/v1/mcp/toolset', { toolset_id: made.toolset_id, description: 'to read' });
    expect(changed).toMatchObject({ status: 202, body: { description: 'to read', tools: made.tools } });
    const cleared = await admin('PUT', `/v1/mcp/toolset/${made.toolset_id}`, {
      description: null,
      tools: [{ server_id: 'github', tool_name: 'read' }],
    });
    expect(cleared).toMatchObject({ status: 202, body: { description: null, tools: [{ tool_name: 'read' }] } });
    expect((await admin('GET', '/v1/mcp/toolset')).body).toEqual([cleared.body]);
    expect(await admin('GET', '/v1/mcp/toolset/Reading')).toEqual({ status: 200, body: cleared.body });

    expect((await admin('DELETE', `/v1/mcp/toolset/${made.toolset_id}`)).status).toBe(202);
    expect((await admin('GET', `/v1/mcp/toolset/${made.toolset_id}`)).status).toBe(404);
    const audit = await admin('GET', `/audit?object_id=${made.toolset_id}`);
    expect(JSON.stringify(audit.body)).toContain('reading');
  });

  it.each<[string, object, number, string]>([
    ['without a name', { tools: [] }, 422, 'toolset_name'],
    ['with a name no path can hold', { toolset_name: 'a/b' }, 422, 'letters, digits'],
    ['with the name of a server', { toolset_name: 'GitHub' }, 409, "Server 'GitHub' already exists"],
    ['with the alias of a server', { toolset_name: 'gh' }, 409, 'already exists'],
    ['with the name of a sentinel', { toolset_name: 'all-proxy-mcpservers' }, 422, 'reserved'],
    ['with a server nobody has', { toolset_name: 'x', tools: [{ server_id: 'nope', tool_name: 'a' }] }, 400, 'nope'],
    ['with an entry without a tool', { toolset_name: 'x', tools: [{ server_id: 'gh' }] }, 422, 'tool_name'],
  ])('are refused %s', async (_title, body, status, words) => {
    const answer = await admin('POST', '/v1/mcp/toolset', body);
    expect(answer.status).toBe(status);
    expect(JSON.stringify(answer.body)).toContain(words);
  });

  it('have a name of their own, in any case, and no underscore stands for another letter', async () => {
    const made = await create('my_set', [['gh', 'read']]);
    expect((await admin('POST', '/v1/mcp/toolset', { toolset_name: 'MY_SET' })).status).toBe(409);
    expect((await admin('GET', '/v1/mcp/toolset/myXset')).status).toBe(404);
    expect((await admin('DELETE', '/v1/mcp/toolset/myXset')).status).toBe(404);
    await admin('DELETE', `/v1/mcp/toolset/${made.toolset_id}`);
  });

  it('grant exactly their tools, and neither prompts nor resources', async () => {
    const made = await create('support', [
      ['gh', 'read'],
      ['jira', 'write'],
    ]);
    const { key } = await insertKey(gateway.databaseUrl, { permission: { toolsets: [made.toolset_id] } });
    expect(await tools(key, '/mcp')).toEqual(['gh-read', 'jira-write']);
    expect(await tools(key, '/mcp/github')).toEqual(['read']);
    const denied = await rpc(`${gateway.url}/mcp`, 'tools/call', { name: 'gh-write' }, { key });
    expect(denied.message?.error?.message).toBe('Unknown tool: gh-write');
    for (const [method, member] of [
      ['prompts/list', 'prompts'],
      ['resources/list', 'resources'],
    ] as const) {
      expect((await rpc(`${gateway.url}/mcp`, method, {}, { key })).message?.result?.[member]).toEqual([]);
    }
    const prompt = await rpc(`${gateway.url}/mcp/github`, 'prompts/get', { name: 'greet' }, { key });
    expect(prompt.message?.error?.message).toBe('Unknown prompt: greet');
    const resource = await rpc(`${gateway.url}/mcp/github`, 'resources/read', { uri: 'file:///notes' }, { key });
    expect(resource.message?.error?.message).toContain('Resource not found');
    const hello = await rpc(`${gateway.url}/mcp`, 'initialize', { protocolVersion: '2025-06-18' }, { key });
    expect(Object.keys(hello.message?.result?.['capabilities'] as object)).not.toContain('prompts');
    await admin('DELETE', `/v1/mcp/toolset/${made.toolset_id}`);
  });

  it('are scopes: exactly their pairs, prefixed, of what the caller has', async () => {
    const made = await create('both', [
      ['gh', 'read'],
      ['jira', 'write'],
    ]);
    for (const path of ['/toolset/both/mcp', '/both/mcp', '/mcp/both']) {
      expect(await tools(gateway.key, path)).toEqual(['gh-read', 'jira-write']);
    }
    const { key } = await insertKey(gateway.databaseUrl, { permission: { servers: ['github'] } });
    expect(await tools(key, '/toolset/both/mcp')).toEqual(['gh-read']);
    const outside = await rpc(`${gateway.url}/toolset/both/mcp`, 'tools/call', { name: 'gh-write' }, { key });
    expect(outside.message?.error?.message).toBe('Unknown tool: gh-write');
    expect(await tools(key, '/toolset/github/mcp')).toBe(404);
    const { key: stranger } = await insertKey(gateway.databaseUrl, { permission: { servers: [] } });
    expect(await tools(stranger, '/toolset/both/mcp')).toBe(404);
    await admin('DELETE', `/v1/mcp/toolset/${made.toolset_id}`);
  });

  it('are read by whom they are granted to, as far as they are theirs; others find nothing', async () => {
    const made = await create('shared', [
      ['gh', 'read'],
      ['jira', 'write'],
    ]);
    const url = gateway.databaseUrl;
    const holder = await insertKey(url, { permission: { toolsets: ['shared'] } });
    const owner = await insertKey(url, { permission: { servers: ['github', 'jira'] } });
    const as = (key: string) => adminCaller(gateway.url, key);
    expect((await as(holder.key)('GET', '/v1/mcp/toolset')).body).toEqual([
      (await admin('GET', `/v1/mcp/toolset/${made.toolset_id}`)).body,
    ]);
    expect((await as(owner.key)('GET', '/v1/mcp/toolset')).body).toEqual([]);
    expect((await as(owner.key)('GET', `/v1/mcp/toolset/${made.toolset_id}`)).status).toBe(404);
    expect((await as(holder.key)('POST', '/v1/mcp/toolset', { toolset_name: 'mine' })).status).toBe(403);
    expect((await as(holder.key)('DELETE', `/v1/mcp/toolset/${made.toolset_id}`)).status).toBe(403);
    await admin('DELETE', `/v1/mcp/toolset/${made.toolset_id}`);
  });

  it('that are deleted are granted no more, and nobody gains by it', async () => {
    const [going, staying] = [await create('going', [['gh', 'read']]), await create('staying', [['gh', 'write']])];
    const url = gateway.databaseUrl;
    const only = await insertKey(url, { permission: { toolsets: [going.toolset_id] } });
    const both = await insertKey(url, { permission: { toolsets: ['going', staying.toolset_id] } });
    expect(await tools(both.key, '/mcp')).toEqual(['gh-read', 'gh-write']);
    await admin('DELETE', `/v1/mcp/toolset/${going.toolset_id}`);
    expect(await tools(both.key, '/mcp')).toEqual(['gh-write']);
    expect(await tools(only.key, '/mcp')).toEqual([]);
    // Its name may be given again: to nobody's gain.
    const again = await create('going', [['gh', 'wipe']]);
    expect(await tools(both.key, '/mcp')).toEqual(['gh-write']);
    expect(await tools(only.key, '/mcp')).toEqual([]);
    for (const { toolset_id } of [again, staying]) await admin('DELETE', `/v1/mcp/toolset/${toolset_id}`);
  });

  it('a permission that cannot be read allows nothing (defect 12)', async () => {
    const { key, id } = await insertKey(gateway.databaseUrl, { permission: { servers: ['github'] } });
    expect(await tools(key, '/mcp')).toHaveLength(3);
    const sql = `UPDATE object_permission SET mcp_tool_permissions = '"nonsense"'
      WHERE id = (SELECT object_permission_id FROM virtual_key WHERE id = $1::uuid)`;
    await changeRow(gateway.databaseUrl, 'key', id, sql, [id]);
    await waitFor(async () => JSON.stringify(await tools(key, '/mcp')) === '[]');
  });
});

describe('without store_model_in_db', () => {
  it('writes to toolsets answer 409, naming the setting', async () => {
    const gateway = await startGateway({ config: { general_settings: { store_model_in_db: false } } });
    try {
      const admin = adminCaller(gateway.url, gateway.key);
      for (const [method, path] of [
        ['POST', '/v1/mcp/toolset'],
        ['PUT', '/v1/mcp/toolset'],
        ['DELETE', '/v1/mcp/toolset/x'],
      ] as const) {
        const answer = await admin(
          method,
          path,
          method === 'DELETE' ? undefined : { toolset_id: 'x', toolset_name: 'x' },
        );
        expect(answer.status).toBe(409);
        expect(JSON.stringify(answer.body)).toContain('store_model_in_db');
      }
    } finally {
      await gateway.close();
    }
  });
});
