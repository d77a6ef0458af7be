import { insertKey, insertTeam } from '../../factory/insert-key.js';
import { adminCaller, type AdminCaller } from '../../harness/admin-call.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

interface Group {
  readonly access_group_id: string;
  readonly access_group_name: string;
}

/** Unified access groups (reference §3.2) and the names of groups a caller may use. */
describe('access groups', () => {
  let upstream: FakeUpstream;
  let gateway: TestGateway;
  let admin: AdminCaller;
  let github: string;

  beforeAll(async () => {
    upstream = await fakeUpstream({ tools: [{ name: 'read', inputSchema: { type: 'object' } }] });
    const at = (name: string, more: object = {}): object => ({
      url: `${upstream.url}?${name}`,
      transport: 'http',
      ...more,
    });
    gateway = await startGateway({
      config: {
        mcp_servers: {
          github: at('github', { access_groups: ['tagged'] }),
          jira: at('jira'),
          wiki: at('wiki', { allow_all_keys: true, access_groups: ['open'] }),
        },
      },
    });
    admin = adminCaller(gateway.url, gateway.key);
    const servers = (await admin('GET', '/v1/mcp/server')).body as { server_id: string; server_name: string }[];
    github = servers.find(({ server_name }) => server_name === 'github')?.server_id ?? '';
  });

  afterAll(async () => {
    await gateway.close();
    await upstream.close();
  });

  async function create(body: object): Promise<Group> {
    const answer = await admin('POST', '/v1/access_group', body);
    expect(answer.status).toBe(201);
    return answer.body as Group;
  }

  async function tools(key: string, path = '/mcp'): Promise<string[] | number> {
    const answer = await rpc(`${gateway.url}${path}`, 'tools/list', {}, { key });
    if (answer.status !== 200) return answer.status;
    return (answer.message?.result?.['tools'] as { name: string }[]).map(({ name }) => name);
  }

  it('are made, read, changed and deleted under both paths; what concerns no server is kept', async () => {
    const made = await create({
      access_group_name: 'dev',
      access_mcp_server_ids: ['github', 'jira'],
      access_model_names: ['m'],
    });
    expect(made).toMatchObject({ access_group_name: 'dev', description: null, access_model_names: ['m'] });
    expect((made as unknown as { access_mcp_server_ids: string[] }).access_mcp_server_ids).toContain(github);
    const changed = await admin('PUT', `/v1/unified_access_group/${made.access_group_id}`, { description: 'd' });
    expect(changed).toMatchObject({ status: 200, body: { ...made, description: 'd', updated_at: expect.any(String) } });
    expect((await admin('GET', '/v1/access_group')).body).toEqual([changed.body]);
    expect((await admin('GET', '/v1/unified_access_group/dev')).body).toEqual(changed.body);
    expect((await admin('POST', '/v1/access_group', { access_group_name: 'dev' })).status).toBe(409);
    expect((await admin('POST', '/v1/access_group', { access_group_name: 'Jira' })).status).toBe(409);
    const unknown = await admin('PUT', '/v1/access_group/dev', { access_mcp_server_ids: ['nope'] });
    expect(unknown).toMatchObject({ status: 400, body: { detail: { error: 'MCP servers not found: nope' } } });
    expect((await admin('DELETE', '/v1/access_group/dev')).status).toBe(204);
    expect((await admin('GET', '/v1/access_group/dev')).status).toBe(404);
  });

  it('are granted by name, and their members are what they are now', async () => {
    const { access_group_id: id } = await create({ access_group_name: 'team_a', access_mcp_server_ids: ['github'] });
    const { key } = await insertKey(gateway.databaseUrl, { permission: { accessGroups: ['team_a'] } });
    expect(await tools(key)).toEqual(['github-read', 'wiki-read']);
    expect(await tools(key, '/mcp/team_a')).toEqual(['github-read']);
    await admin('PUT', `/v1/access_group/${id}`, { access_mcp_server_ids: ['jira'] });
    expect(await tools(key)).toEqual(['jira-read', 'wiki-read']);
    await admin('PUT', `/v1/access_group/${id}`, { access_group_name: 'team_b' });
    expect(await tools(key)).toEqual(['jira-read', 'wiki-read']);
    expect(await tools(key, '/mcp/team_a')).toBe(404);
    await admin('DELETE', `/v1/access_group/${id}`);
    expect(await tools(key)).toEqual(['wiki-read']);
    await create({ access_group_name: 'team_b', access_mcp_server_ids: ['github'] });
    expect(await tools(key)).toEqual(['wiki-read']);
    await admin('DELETE', '/v1/access_group/team_b');
  });

  it('are assigned to teams and keys; who loses the last one does not come to say nothing', async () => {
    const teamId = await insertTeam(gateway.databaseUrl, { permission: { servers: ['github', 'jira'] } });
    const { key, hash } = await insertKey(gateway.databaseUrl, { teamId });
    expect(await tools(key)).toEqual(['github-read', 'jira-read', 'wiki-read']);
    const group = await create({
      access_group_name: 'narrow',
      access_mcp_server_ids: ['jira'],
      assigned_key_ids: [hash],
    });
    expect(group).toMatchObject({ assigned_key_ids: [hash], assigned_team_ids: [] });
    expect(await tools(key)).toEqual(['jira-read', 'wiki-read']);
    await admin('DELETE', `/v1/access_group/${group.access_group_id}`);
    expect(await tools(key)).toEqual(['wiki-read']);
    const missing = await admin('POST', '/v1/access_group', { access_group_name: 'x', assigned_team_ids: ['nobody'] });
    expect(missing).toMatchObject({ status: 400, body: { detail: { error: 'Teams not found: nobody' } } });
    expect((await admin('GET', '/v1/access_group/x')).status).toBe(404);
  });

  it('that are tags of servers too go on as tags', async () => {
    const group = await create({ access_group_name: 'tagged', access_mcp_server_ids: ['jira'] });
    const { key } = await insertKey(gateway.databaseUrl, { permission: { accessGroups: ['tagged'] } });
    expect(await tools(key)).toEqual(['github-read', 'jira-read', 'wiki-read']);
    await admin('DELETE', `/v1/access_group/${group.access_group_id}`);
    expect(await tools(key)).toEqual(['github-read', 'wiki-read']);
  });

  it('are named to a caller only if a server of them is theirs to see', async () => {
    await create({ access_group_name: 'secret', access_mcp_server_ids: ['jira'] });
    const { key } = await insertKey(gateway.databaseUrl, { permission: { servers: ['github'] } });
    const names = async (caller: AdminCaller, query = '') =>
      (await caller('GET', `/v1/mcp/access_groups${query}`)).body;
    expect(await names(admin)).toEqual({ access_groups: ['open', 'secret', 'tagged'] });
    expect(await names(adminCaller(gateway.url, key))).toEqual({ access_groups: ['open', 'tagged'] });
    const teamId = await insertTeam(gateway.databaseUrl, { permission: { servers: ['jira'] } });
    expect(await names(admin, `?team_id=${teamId}`)).toEqual({ access_groups: ['open', 'secret'] });
    const foreign = await adminCaller(gateway.url, key)('GET', `/v1/mcp/access_groups?team_id=${teamId}`);
    expect(foreign.status).toBe(403);
    const member = await insertKey(gateway.databaseUrl, { teamId });
    expect(await names(adminCaller(gateway.url, member.key), `?team_id=${teamId}`)).toEqual({
      access_groups: ['open', 'secret'],
    });
    await admin('DELETE', '/v1/access_group/secret');
  });

  it('are for administrators: viewers read, others are refused', async () => {
    const { key } = await insertKey(gateway.databaseUrl, { permission: { servers: ['github'] } });
    const other = adminCaller(gateway.url, key);
    for (const [method, path, body] of [
      ['GET', '/v1/access_group', undefined],
      ['POST', '/v1/access_group', { access_group_name: 'mine' }],
      ['PUT', '/v1/access_group/dev', {}],
      ['DELETE', '/v1/access_group/dev', undefined],
    ] as const) {
      expect((await other(method, path, body)).status).toBe(403);
    }
  });
});
