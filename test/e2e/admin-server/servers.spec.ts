import { insertKey, insertTeam } from '../../factory/insert-key.js';
import { adminCaller, type AdminCaller } from '../../harness/admin-call.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { connectV1 } from '../../harness/mcp-client.js';
import { everythingOverStdio } from '../../harness/real-servers.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

let gateway: TestGateway;
let upstream: FakeUpstream;
let other: FakeUpstream;
let admin: AdminCaller;
/** A key that is granted the server `wiki` only. */
let reader: AdminCaller;

const PATH = '/v1/mcp/server';

beforeAll(async () => {
  [upstream, other] = await Promise.all([fakeUpstream(), fakeUpstream()]);
  gateway = await startGateway({
    config: {
      mcp_servers: { filed: { url: other.url, auth_type: 'bearer_token', auth_value: 'file-secret-0123456789' } },
      general_settings: { store_model_in_db: true, stdio: { enabled: true, allowed_commands: ['node'] } },
    },
  });
  admin = adminCaller(gateway.url, gateway.key);
  const team = await insertTeam(gateway.databaseUrl, { permission: { servers: ['id-wiki'] } });
  const key = await insertKey(gateway.databaseUrl, { permission: { servers: ['id-wiki'] }, teamId: team });
  reader = adminCaller(gateway.url, key.key);
});

afterAll(async () => {
  await gateway.close();
  await Promise.all([upstream.close(), other.close()]);
});

function create(fields: Record<string, unknown>) {
  return admin('POST', PATH, { url: upstream.url, ...fields });
}

const errorOf = (answer: { body: unknown }) => (answer.body as { detail: { error: string } }).detail.error;

describe('a server that comes by REST', () => {
  test('is served from the moment the answer is there, and stays so', async () => {
    const answer = await create({ server_id: 'id-wiki', server_name: 'wiki', mcp_access_groups: ['docs'] });
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      server_id: 'id-wiki',
      server_name: 'wiki',
      alias: 'wiki',
      url: upstream.url,
      transport: 'http',
      credentials: null,
      origin: 'db',
      created_by: 'default_user_id',
      updated_by: 'default_user_id',
      teams: [],
      mcp_access_groups: ['docs'],
      allowed_tools: [],
      extra_headers: [],
      mcp_info: {},
      static_headers: {},
      status: 'unknown',
      last_health_check: null,
      command: null,
      args: [],
      env: {},
      allow_all_keys: false,
      available_on_public_internet: true,
      approval_status: 'active',
      revision: 1,
    });
    const client = await connectV1(`${gateway.url}/mcp/wiki`, { key: gateway.key });
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['echo']);
    const result = await client.callTool({ name: 'echo', arguments: { word: 'hello' } });
    expect(JSON.stringify(result)).toContain('hello');
    await client.close();
    expect(upstream.seen('tools/call')).toHaveLength(1);
  });

  test('is read by id, name and alias; those of the file too (defect 23)', async () => {
    await create({ server_id: 'id-named', server_name: 'long_name', alias: 'ln' });
    for (const handle of ['id-named', 'long_name', 'LN']) {
      expect((await admin('GET', `${PATH}/${handle}`)).body).toMatchObject({ server_id: 'id-named', alias: 'ln' });
    }
    const file = await admin('GET', `${PATH}/filed`);
    expect(file.body).toMatchObject({ server_name: 'filed', origin: 'config', credentials: { auth_value: '***' } });
    for (const absent of ['nobody', '%00', 'a%2Fb', '%F0%9F%98%80', 'x'.repeat(500)]) {
      expect((await admin('GET', `${PATH}/${absent}`)).status).toBe(404);
      expect((await admin('DELETE', `${PATH}/${absent}`)).status).toBe(404);
    }
    expect(errorOf(await admin('GET', `${PATH}/nobody`))).toBe('MCP Server with id nobody not found');
  });

  test('is listed for whoever may use it, and nobody is asked before that is clear (defect 23)', async () => {
    const all = await admin('GET', PATH);
    expect((all.body as { server_name: string }[]).map(({ server_name }) => server_name)).toEqual(
      expect.arrayContaining(['filed', 'wiki', 'long_name']),
    );
    other.clearLog();
    const own = await reader('GET', PATH);
    expect((own.body as { server_name: string }[]).map(({ server_name }) => server_name)).toEqual(['wiki']);
    expect((await reader('GET', `${PATH}/id-wiki`)).status).toBe(200);
    const denied = await reader('GET', `${PATH}/filed`);
    const absent = await reader('GET', `${PATH}/nobody`);
    expect([denied.status, errorOf(denied).replace('filed', 'nobody')]).toEqual([absent.status, errorOf(absent)]);
    expect((await reader('GET', `${PATH}/health?server_ids=filed&server_ids=nobody`)).body).toEqual([]);
    expect(other.requests).toEqual([]);
  });

  test('may be a process with an allowed command, which is started when it is called', async () => {
    const { args } = everythingOverStdio();
    const body = { server_name: 'odd', command: 'node', args, env: { ODD_TOKEN: 'token-of-the-child' } };
    const created = await admin('POST', PATH, body);
    expect(created.body).toMatchObject({ transport: 'stdio', command: 'node', env: { ODD_TOKEN: '***' } });
    const client = await connectV1(`${gateway.url}/mcp/odd`, { key: gateway.key });
    const result = await client.callTool({ name: 'get-env', arguments: {} });
    expect(JSON.stringify(result)).toContain('token-of-the-child');
    await client.close();
    await admin('DELETE', `${PATH}/odd`);
  });

  test('may be changed by proxy admins only', async () => {
    const refusals = [
      await reader('POST', PATH, { server_name: 'x', url: upstream.url }),
      await reader('PUT', PATH, { server_id: 'id-wiki', description: 'x' }),
      await reader('DELETE', `${PATH}/id-wiki`),
      await reader('POST', '/v1/mcp/make_public', { mcp_server_ids: [] }),
    ];
    expect(refusals.map(({ status }) => status)).toEqual([403, 403, 403, 403]);
    expect(refusals.map(errorOf)).toEqual([
      'User does not have permission to create mcp servers. You can only create mcp servers if you are a PROXY_ADMIN.',
      'Call not allowed to update MCP server. User is not a proxy admin. route=PUT /v1/mcp/server',
      'Call not allowed to delete MCP server. User is not a proxy admin. route=DELETE /v1/mcp/server',
      'Only proxy admins can update public mcp servers. Your role=internal_user',
    ]);
  });

  test.each([
    [{ server_name: 'a-b' }, 400, "Server name cannot contain '-'. Use an alternative character instead Found: a-b"],
    [{ server_name: 'a/b' }, 400, 'may hold letters'],
    [{ server_name: 'again', server_id: 'id-wiki' }, 400, 'MCP Server with id id-wiki already exists. Cannot create'],
    [{ server_name: 'WIKI' }, 400, 'MCP Server with name WIKI already exists. Cannot create another.'],
    [{ server_name: 'again', alias: 'Filed' }, 400, 'MCP Server with alias Filed already exists.'],
    [{ server_name: 'again', server_id: 'all-team-mcpservers' }, 400, 'is reserved'],
    [{ server_name: 'again', server_id: 'all-proxy-mcpservers' }, 400, 'is reserved'],
    [{ server_name: 'again', server_id: 'health' }, 400, 'is reserved'],
    [{ server_name: 'again', url: undefined }, 422, 'url is required for HTTP/SSE transport'],
    [{ server_name: 'again', url: undefined, transport: 'stdio' }, 422, 'command is required for stdio transport'],
    [{ server_name: 'again', url: 'file:///etc/passwd' }, 422, 'must be an http or https URL'],
    [{ server_name: 'again', auth_type: 'bearer' }, 422, 'must be one of'],
    [{ server_name: 'again', credentials: { auth_value: '***' } }, 422, 'there is none'],
    [{ server_name: 'again', mcp_info: { a: ['\u0000'] } }, 422, 'null characters'],
    [{ server_name: 'again', description: '\ud800' }, 422, 'valid Unicode'],
    [{ server_name: 'again\u0000' }, 422, 'null characters'],
  ])('is refused as %j with words (defect 25)', async (fields, status, words) => {
    const answer = await create(fields);
    expect([answer.status, JSON.stringify(answer.body)]).toEqual([status, expect.stringContaining(words)]);
  });

  test.each([
    ['another command', { command: 'bash', args: ['-c', 'id'] }],
    ['a path', { command: '/usr/bin/node' }],
    ['a relative path', { command: '../node' }],
    ['a trailing space', { command: 'node ' }],
    ['shell characters', { command: 'node;id' }],
    ['NODE_OPTIONS', { command: 'node', env: { NODE_OPTIONS: '--require=/tmp/x.js' } }],
    ['LD_PRELOAD', { command: 'node', env: { LD_PRELOAD: '/tmp/x.so' } }],
    ['PATH in the list form', { command: 'node', env: [{ name: 'PATH', value: '/tmp' }] }],
  ])('may not run a process by %s', async (_title, fields) => {
    const answer = await create({ server_name: 'proc', url: undefined, transport: 'stdio', ...fields });
    expect(answer.status).toBe(403);
    await expect(admin('GET', `${PATH}/proc`)).resolves.toMatchObject({ status: 404 });
  });
});

describe('PUT', () => {
  const full = {
    server_id: 'id-full',
    server_name: 'full',
    alias: 'fl',
    description: 'before',
    transport: 'http',
    auth_type: 'bearer_token',
    credentials: { auth_value: 'first-token' },
    static_headers: { 'X-One': 'one', 'X-Two': 'two' },
    extra_headers: ['X-Team'],
    allowed_tools: ['echo'],
    mcp_access_groups: ['g'],
    allow_all_keys: true,
    available_on_public_internet: false,
    mcp_info: { logo_url: 'https://h/logo', custom: 1 },
  };

  beforeAll(async () => {
    expect((await create(full)).status).toBe(201);
  });

  test('changes what the body names and nothing else (defect 24)', async () => {
    const before = (await admin('GET', `${PATH}/id-full`)).body as Record<string, unknown>;
    const answer = await admin('PUT', PATH, { server_id: 'id-full', description: 'after' });
    expect(answer.status).toBe(202);
    const volatile = { updated_at: expect.any(String), revision: 2, description: 'after' };
    expect(answer.body).toEqual({ ...before, ...volatile });
    expect((await admin('GET', `${PATH}/id-full`)).body).toEqual(answer.body);
  });

  test('null clears a field (defect 24)', async () => {
    const answer = await admin('PATCH', `${PATH}/fl`, { description: null, extra_headers: null, mcp_info: null });
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({ description: null, extra_headers: [], mcp_info: {}, allowed_tools: ['echo'] });
  });

  test('what was read may be sent back whole: secrets stay what they are', async () => {
    const shown = (await admin('GET', `${PATH}/id-full`)).body as Record<string, unknown>;
    expect((await admin('PUT', `${PATH}/id-full`, shown)).status).toBe(202);
    upstream.clearLog();
    const client = await connectV1(`${gateway.url}/mcp/full`, { key: gateway.key });
    await client.callTool({ name: 'echo', arguments: {} });
    await client.close();
    const [seen] = upstream.seen('tools/call');
    expect(seen?.headers).toMatchObject({ authorization: 'Bearer first-token', 'x-one': 'one', 'x-two': 'two' });
  });

  test('one secret of several may be replaced', async () => {
    const static_headers = { 'X-One': '***', 'X-Two': 'zwei' };
    expect((await admin('PUT', `${PATH}/id-full`, { static_headers })).status).toBe(202);
    upstream.clearLog();
    const client = await connectV1(`${gateway.url}/mcp/full`, { key: gateway.key });
    await client.callTool({ name: 'echo', arguments: {} });
    await client.close();
    expect(upstream.seen('tools/call')[0]?.headers).toMatchObject({ 'x-one': 'one', 'x-two': 'zwei' });
  });

  test('does not send a stored credential to another address unless it is entered again', async () => {
    const moved = { url: other.url };
    const refused = await admin('PUT', `${PATH}/id-full`, moved);
    expect(refused.status).toBe(400);
    expect(errorOf(refused)).toContain('enter its credential again (auth_value, static_headers)');
    const half = { ...moved, credentials: { auth_value: 'second-token' }, static_headers: { 'X-One': '***' } };
    expect(errorOf(await admin('PUT', `${PATH}/id-full`, half))).toContain('(static_headers)');
    const whole = { ...moved, credentials: { auth_value: 'second-token' }, static_headers: null };
    expect((await admin('PUT', `${PATH}/id-full`, whole)).status).toBe(202);
    const back = { url: upstream.url, credentials: null, auth_type: null };
    expect((await admin('PUT', `${PATH}/id-full`, back)).body).toMatchObject({ credentials: null, auth_type: null });
  });

  test('404 for nobody, 409 for what the file owns, 422 without an id', async () => {
    const absent = await admin('PUT', PATH, { server_id: 'nobody' });
    expect([absent.status, errorOf(absent)]).toEqual([404, 'MCP Server not found, passed server_id=nobody']);
    expect((await admin('PUT', PATH, { server_id: 'filed', description: 'x' })).status).toBe(409);
    expect((await admin('DELETE', `${PATH}/filed`)).status).toBe(409);
    expect((await admin('PUT', PATH, { description: 'x' })).status).toBe(422);
    expect((await admin('PUT', `${PATH}/id-full`, { server_name: 'wiki' })).status).toBe(400);
  });
});
