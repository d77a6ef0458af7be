import pg from 'pg';
import { insertKey, insertTeam } from '../../factory/insert-key.js';
import { adminCaller, type AdminCaller } from '../../harness/admin-call.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { everythingOverStdio } from '../../harness/real-servers.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

const PATH = '/v1/mcp/server';

let upstream: FakeUpstream;
let gateway: TestGateway;
let admin: AdminCaller;

beforeAll(async () => {
  upstream = await fakeUpstream();
  gateway = await startGateway({
    config: {
      mcp_servers: { filed: { url: upstream.url, description: 'Of the file', available_on_public_internet: false } },
      general_settings: {
        store_model_in_db: true,
        enable_mcp_registry: true,
        mcp_required_fields: ['description', 'mcp_info.owner'],
      },
    },
  });
  admin = adminCaller(gateway.url, gateway.key);
});

afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

async function sql(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: gateway.databaseUrl });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text, values)).rows;
  } finally {
    await client.end();
  }
}

const errorOf = (answer: { body: unknown }) => (answer.body as { detail: { error: string } }).detail.error;
const idOf = (answer: { body: unknown }) => (answer.body as { server_id: string }).server_id;

async function toolsFor(key: string): Promise<readonly string[]> {
  const { message } = await rpc(`${gateway.url}/mcp`, 'tools/list', {}, { key });
  return ((message?.result as { tools: { name: string }[] } | undefined)?.tools ?? []).map(({ name }) => name);
}

test('deleting a server takes it out of grants, toolsets, groups and the public list, and widens nobody (defect 26)', async () => {
  for (const id of ['gone', 'stays']) {
    await admin('POST', PATH, { server_id: id, server_name: `${id}_name`, alias: `${id}_alias`, url: upstream.url });
  }
  const insert = (id: string, servers: unknown, tools: unknown): Promise<unknown> =>
    sql('INSERT INTO object_permission (id, mcp_servers, mcp_tool_permissions) VALUES ($1, $2, $3)', [
      id,
      servers === null ? null : JSON.stringify(servers),
      tools === null ? null : JSON.stringify(tools),
    ]);
  const uuid = (digit: number): string => `00000000-0000-4000-8000-00000000000${digit}`;
  await insert(uuid(1), ['gone', 'stays'], { gone: ['a'], stays: ['b'] });
  await insert(uuid(2), ['gone_name'], null);
  await insert(uuid(3), null, { gone_alias: ['a'] });
  await insert(uuid(4), null, { stays: ['b'] });
  const only = await insertKey(gateway.databaseUrl, {
    permission: { toolPermissions: { gone: ['echo'] } },
    teamId: await insertTeam(gateway.databaseUrl, { permission: { servers: ['gone', 'stays'] } }),
  });
  await sql(`INSERT INTO toolset (id, name) VALUES ('ts', 'ts')`);
  await sql(`INSERT INTO toolset_tool VALUES ('ts', 0, 'gone', 'a'), ('ts', 1, 'stays', 'b')`);
  await sql(`INSERT INTO access_group (id, name) VALUES ('ag', 'ag')`);
  await sql(`INSERT INTO access_group_server VALUES ('ag', 'gone'), ('ag', 'stays')`);
  await admin('POST', '/v1/mcp/make_public', { mcp_server_ids: ['gone_name', 'stays'] });
  expect(await toolsFor(only.key)).toEqual(['gone_alias-echo']);

  const answer = await admin('DELETE', `${PATH}/gone`);
  expect(answer).toEqual({ status: 202, body: undefined });

  expect(
    await sql('SELECT mcp_servers, mcp_tool_permissions FROM object_permission WHERE id = ANY($1) ORDER BY id', [
      [1, 2, 3, 4].map(uuid),
    ]),
  ).toEqual([
    { mcp_servers: ['stays'], mcp_tool_permissions: { stays: ['b'] } },
    { mcp_servers: [], mcp_tool_permissions: null },
    { mcp_servers: [], mcp_tool_permissions: {} },
    { mcp_servers: null, mcp_tool_permissions: { stays: ['b'] } },
  ]);
  expect(await toolsFor(only.key)).toEqual([]);
  expect(await sql('SELECT server_id FROM toolset_tool UNION ALL SELECT server_id FROM access_group_server')).toEqual([
    { server_id: 'stays' },
    { server_id: 'stays' },
  ]);
  expect(await sql(`SELECT value FROM gateway_setting WHERE key = 'public_mcp_servers'`)).toEqual([
    { value: '["stays"]' },
  ]);
  expect((await admin('GET', `${PATH}/gone`)).status).toBe(404);
  const again = await admin('DELETE', `${PATH}/gone`);
  expect([again.status, errorOf(again)]).toEqual([404, 'MCP Server not found, passed server_id=gone']);
  await admin('DELETE', `${PATH}/stays`);
});

test('a team proposes, an administrator decides, and only what is approved is served', async () => {
  const teamId = await insertTeam(gateway.databaseUrl);
  const member = adminCaller(gateway.url, (await insertKey(gateway.databaseUrl, { teamId })).key);
  const loner = adminCaller(gateway.url, (await insertKey(gateway.databaseUrl)).key);
  const proposal = { server_name: 'proposed', url: upstream.url, description: 'd', mcp_info: { owner: 'us' } };
  const register = `${PATH}/register`;
  const refused = [
    await admin('POST', register, proposal),
    await loner('POST', register, proposal),
    await member('POST', register, { ...proposal, description: '', mcp_info: {} }),
    await member('POST', register, { ...proposal, transport: 'stdio', command: 'node', url: undefined }),
    await member('POST', register, { ...proposal, server_name: 'filed' }),
  ];
  expect(refused.map(({ status }) => status)).toEqual([403, 400, 400, 400, 400]);
  expect(refused[2] && errorOf(refused[2])).toContain('description, mcp_info.owner');

  const submitted = await member('POST', register, proposal);
  expect([submitted.status, submitted.body]).toEqual([
    201,
    expect.objectContaining({ approval_status: 'pending_review' }),
  ]);
  const id = idOf(submitted);
  expect(await toolsFor(gateway.key)).not.toContain('proposed-echo');
  expect((await member('GET', `${PATH}/submissions`)).status).toBe(403);
  expect((await member('PUT', `${PATH}/${id}/approve`)).status).toBe(403);
  expect((await admin('GET', `${PATH}/submissions`)).body).toMatchObject({
    total: 1,
    pending_review: 1,
    active: 0,
    rejected: 0,
    items: [{ server_id: id, server_name: 'proposed' }],
  });
  expect((await admin('PUT', `${PATH}/${id}/approve`)).body).toMatchObject({ approval_status: 'active' });
  expect(await toolsFor(gateway.key)).toContain('proposed-echo');
  expect((await admin('PUT', `${PATH}/${id}/approve`)).status).toBe(400);
  const rejected = await admin('PUT', `${PATH}/${id}/reject`, { review_notes: 'not ours' });
  expect(rejected.body).toMatchObject({ approval_status: 'rejected', review_notes: 'not ours' });
  expect(await toolsFor(gateway.key)).not.toContain('proposed-echo');
  expect((await admin('PUT', `${PATH}/nobody/approve`)).status).toBe(404);
  await admin('DELETE', `${PATH}/${id}`);

  await sql(
    `INSERT INTO mcp_server (id, name, name_key, definition, approval_status, submitted_team_id)
     SELECT 'w' || n, 'w' || n, 'w' || n, '{}', 'pending_review', $1 FROM generate_series(1, 100) n`,
    [teamId],
  );
  expect(errorOf(await member('POST', register, proposal))).toContain('100 submissions waiting for review');
  await sql(`DELETE FROM mcp_server WHERE submitted_team_id = $1`, [teamId]);
});

test('a client’s configuration is imported entry by entry', async () => {
  const answer = await admin('POST', `${PATH}/import`, {
    mcpServers: {
      'my-wiki': { type: 'streamable-http', url: upstream.url, headers: { 'X-Key': 'abc' } },
      filed: { url: upstream.url },
      files: { command: 'npx', args: ['-y', 'server-files'] },
      odd: { type: 'carrier-pigeon' },
      later: { url: upstream.url, disabled: true },
    },
  });
  expect(answer.status).toBe(200);
  expect(answer.body).toMatchObject({ imported: 1, failed: 4 });
  expect((answer.body as { results: object[] }).results).toMatchObject([
    { name: 'my-wiki', status: 'created', server_name: 'my_wiki', error: null },
    { name: 'filed', status: 'failed', error: 'MCP Server with name filed already exists. Cannot create another.' },
    { name: 'files', status: 'failed', error: expect.stringContaining('general_settings.stdio.enabled') },
    { name: 'odd', status: 'failed', error: 'has an unknown type' },
    { name: 'later', status: 'failed', error: 'is disabled' },
  ]);
  expect(await toolsFor(gateway.key)).toContain('my_wiki-echo');
  expect((await admin('POST', `${PATH}/import`, { servers: [] })).status).toBe(422);
  await admin('DELETE', `${PATH}/my_wiki`);
});

test('health is asked when somebody wants to know, once for all who ask at the same time', async () => {
  await admin('POST', PATH, { server_id: 'dead', server_name: 'dead', url: 'http://127.0.0.1:9/mcp' });
  await admin('POST', PATH, { server_id: 'lent', server_name: 'lent', url: upstream.url, auth_type: 'bearer_token' });
  upstream.clearLog();
  const ask = () => admin('GET', `${PATH}/health?server_ids=filed&server_ids=dead,lent&server_ids=nobody`);
  const [first, second] = await Promise.all([ask(), ask()]);
  const health = first.body as { server_id: string; status: string }[];
  expect(Object.fromEntries(health.map((each) => [each.server_id, each.status]))).toEqual({
    dead: 'unhealthy',
    lent: 'unknown',
    [idOf(await admin('GET', `${PATH}/filed`))]: 'healthy',
  });
  expect(second.body).toEqual(first.body);
  expect(upstream.seen('ping')).toHaveLength(1);
  expect((await admin('GET', `${PATH}/dead`)).body).toMatchObject({
    status: 'unhealthy',
    health_check_error: expect.stringContaining('unreachable'),
  });
  await Promise.all([admin('DELETE', `${PATH}/dead`), admin('DELETE', `${PATH}/lent`)]);
});

test('the hub shows what was made public, without addresses and without a key', async () => {
  await admin('POST', PATH, { server_id: 'shown', server_name: 'shown', url: upstream.url });
  const hub = async () => (await fetch(`${gateway.url}/public/mcp_hub`)).json() as Promise<{ name: string }[]>;
  expect(await hub()).toEqual([]);
  const made = await admin('POST', '/v1/mcp/make_public', { mcp_server_ids: ['shown'] });
  expect(made).toEqual({
    status: 202,
    body: {
      message: 'Successfully updated public mcp servers',
      public_mcp_servers: ['shown'],
      updated_by: 'master',
    },
  });
  expect(await hub()).toEqual([
    {
      server_id: 'shown',
      name: 'shown',
      alias: 'shown',
      server_name: 'shown',
      transport: 'http',
      auth_type: 'none',
      mcp_info: expect.objectContaining({ is_public: true }),
    },
  ]);
  expect((await admin('GET', `${PATH}/shown`)).body).toMatchObject({ mcp_info: { is_public: true } });
  const unknown = await admin('POST', '/v1/mcp/make_public', { mcp_server_ids: ['nobody'] });
  expect([unknown.status, errorOf(unknown)]).toEqual([404, 'MCP Server with ID nobody not found']);
  expect((await hub()).map(({ name }) => name)).toEqual(['shown']);
  await admin('POST', '/v1/mcp/make_public', { mcp_server_ids: [] });
  expect(await hub()).toEqual([]);
  await admin('DELETE', `${PATH}/shown`);
});

test('the registry documents lead to the gateway, and are 404 unless switched on', async () => {
  const read = async (path: string) =>
    (await fetch(`${gateway.url}${path}`)).json() as Promise<Record<string, unknown>>;
  expect(await read('/v1/mcp/registry.json')).toEqual({
    servers: [
      {
        server: expect.objectContaining({ remotes: [{ type: 'streamable-http', url: `${gateway.url}/mcp` }] }),
      },
      {
        server: {
          name: 'filed',
          title: 'filed',
          description: 'Of the file',
          version: '1.0.0',
          remotes: [{ type: 'streamable-http', url: `${gateway.url}/filed/mcp` }],
        },
      },
    ],
  });
  const first = await read('/v0.1/servers?limit=1');
  const { nextCursor } = first['metadata'] as { nextCursor: string };
  expect(first).toMatchObject({
    servers: [{ server: { name: 'local.gatehouse/gatehouse-mcp-server' } }],
    metadata: { count: 1 },
  });
  const second = await read(`/v0.1/servers?limit=1&cursor=${encodeURIComponent(nextCursor)}`);
  expect(second).toMatchObject({
    servers: [
      {
        server: { name: 'local.gatehouse/filed' },
        _meta: { 'io.modelcontextprotocol.registry/official': { status: 'active', isLatest: true } },
      },
    ],
    metadata: { count: 1 },
  });
  expect(second['metadata']).not.toHaveProperty('nextCursor');
  expect(await read('/v0.1/servers?search=FILED')).toMatchObject({ metadata: { count: 1 } });
  expect(await read('/v0.1/servers/local.gatehouse%2Ffiled/versions/latest')).toMatchObject({
    server: { name: 'local.gatehouse/filed' },
  });
  const off = await startGateway();
  for (const path of ['/v1/mcp/registry.json', '/v0.1/servers', '/v0.1/servers/x%2Fy/versions']) {
    const response = await fetch(`${off.url}${path}`);
    expect([response.status, await response.json()]).toEqual([
      404,
      { detail: { error: 'MCP registry is not enabled', code: 'server/not_found' } },
    ]);
  }
  await off.close();
});

test('view_all shows every server to every key, and lets none be called; a team’s list narrows', async () => {
  const open = await startGateway({
    config: {
      mcp_servers: {
        a: { url: upstream.url },
        b: { url: upstream.url, static_headers: { 'X-Key': 'abc' }, description: 'B' },
      },
      general_settings: { user_mcp_management_mode: 'view_all' },
    },
  });
  const team = await insertTeam(open.databaseUrl, { permission: { servers: ['b'] } });
  const { key } = await insertKey(open.databaseUrl, { teamId: team });
  const stranger = await insertKey(open.databaseUrl);
  const names = async (by: string, path = PATH) =>
    ((await adminCaller(open.url, by)('GET', path)).body as { server_name: string }[]).map(
      ({ server_name }) => server_name,
    );
  expect(await names(stranger.key)).toEqual(['a', 'b']);
  const { message } = await rpc(`${open.url}/mcp`, 'tools/list', {}, { key: stranger.key });
  expect(message?.result).toMatchObject({ tools: [] });
  expect(await names(key, `${PATH}?team_id=${team}`)).toEqual(['b']);
  expect(await names(open.key, `${PATH}?team_id=${team}`)).toEqual(['b']);
  for (const id of [team, 'no-such-team']) {
    expect((await adminCaller(open.url, stranger.key)('GET', `${PATH}?team_id=${id}`)).status).toBe(403);
  }
  expect(await names(open.key, `${PATH}?page=2&page_size=1`)).toEqual(['b']);
  expect((await adminCaller(open.url, stranger.key)('GET', `${PATH}/b`)).body).toMatchObject({
    description: 'B',
    static_headers: {},
    rejected_reason: null,
  });
  await open.close();
});

test('in the background servers are looked after too, and no process is started for it', async () => {
  const watched = await fakeUpstream();
  const watching = await startGateway({
    config: {
      mcp_servers: { remote: { url: watched.url }, process: { ...everythingOverStdio() } },
      general_settings: { health_check_interval: 0.05 },
    },
  });
  const call = adminCaller(watching.url, watching.key);
  await waitFor(async () => {
    const { body } = await call('GET', `${PATH}/remote`);
    return (body as { status: string }).status === 'healthy';
  });
  expect((await call('GET', `${PATH}/process`)).body).toMatchObject({ status: 'unknown', last_health_check: null });
  expect(await watching.metrics()).toMatch(/^gatehouse_upstream_children(\{[^}]*\})? 0$/m);
  // An answer is good for a while, however often we look.
  expect(watched.seen('ping')).toHaveLength(1);
  await watching.close();
  await watched.close();
});
