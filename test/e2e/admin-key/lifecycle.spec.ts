import { changeRow } from '../../factory/insert-key.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { TEST_MASTER_KEY } from '../../harness/test-master-key.js';
import { testPostgres, type TestPostgres } from '../../harness/postgres.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';
import { errorOf, keyApi, ok, type Body, type KeyApi } from './key-api.js';

let database: TestPostgres;
let upstreams: FakeUpstream[];
let gateway: TestGateway;
let admin: KeyApi;
/** Every plain key that was ever shown here. */
const shown: string[] = [];

beforeAll(async () => {
  upstreams = [
    await fakeUpstream({ tools: [{ name: 'search', inputSchema: { type: 'object' } }] }),
    await fakeUpstream({ tools: [{ name: 'deploy', inputSchema: { type: 'object' } }] }),
  ];
  database = await testPostgres();
  const [wiki, ops] = upstreams;
  gateway = await startGateway({
    databaseUrl: database.url.reveal(),
    config: {
      mcp_servers: { wiki: { url: wiki?.url, transport: 'http' }, ops: { url: ops?.url, transport: 'http' } },
    },
  });
  admin = keyApi(gateway, gateway.key);
});

afterAll(async () => {
  await gateway.close();
  await database.drop();
  for (const upstream of upstreams) await upstream.close();
});

async function generate(body: Body): Promise<Body & { readonly key: string; readonly token: string }> {
  const answer = await ok(admin.post('/key/generate', body));
  const [key, token] = [String(answer['key']), String(answer['token'])];
  shown.push(key);
  return { ...answer, key, token };
}

/** Names of the tools a key sees; 401 when it is no key. */
async function tools(key: string): Promise<readonly string[] | 401> {
  const { status, message, text } = await rpc(`${gateway.url}/mcp`, 'tools/list', {}, { key });
  if (status === 401) return 401;
  const listed = message?.result?.['tools'] as readonly { name: string }[] | undefined;
  if (listed === undefined) throw new Error(`tools/list answered ${status}: ${text}`);
  return listed.map(({ name }) => name).sort();
}

describe('a virtual key', () => {
  test('is shown once, in full, and afterwards only by its hash', async () => {
    const answer = await admin.post('/key/generate', { key_alias: 'ide', duration: '30d', max_budget: 5 });
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
    const { key, token, token_id: tokenId, key_name: name, expires } = answer.body;
    shown.push(String(key));
    expect(key).toMatch(/^sk-[A-Za-z0-9_-]{22}$/);
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    expect(tokenId).toBe(token);
    expect(name).toBe(`sk-...${String(key).slice(-4)}`);
    expect(Date.parse(String(expires)) - Date.now()).toBeGreaterThan(29 * 86_400_000);
    for (const named of [String(key), String(token)]) {
      const info = await admin.get(`/key/info?key=${named}`);
      expect(info.body).toMatchObject({ key: token, info: { key_alias: 'ide', max_budget: 5, blocked: false } });
      expect(info.text).not.toContain(String(key));
    }
  });

  test('sees the servers it was granted, and others as soon as it is granted others', async () => {
    const { key, token } = await generate({ object_permission: { mcp_servers: ['wiki'] } });
    expect(await tools(key)).toEqual(['wiki-search']);
    await ok(admin.post('/key/update', { key, object_permission: { mcp_servers: ['ops'] } }));
    expect(await tools(key)).toEqual(['ops-deploy']);
    await ok(admin.post('/key/update', { key: token, object_permission: { mcp_servers: [] } }));
    expect(await tools(key)).toEqual([]);
    await ok(admin.post('/key/update', { key: token, object_permission: null, max_budget: 3 }));
    expect(await ok(admin.get(`/key/info?key=${token}`))).toMatchObject({
      info: { max_budget: 3, object_permission: { mcp_servers: [] } },
    });
    const none = await generate({});
    expect(await tools(none.key)).toEqual([]);
  });

  test('regenerated with a grace period works by both secrets until it ends, and by none that was retired without one', async () => {
    const first = await generate({ object_permission: { mcp_servers: ['wiki'] } });
    const second = await ok(admin.post(`/key/${first.token}/regenerate`, { grace_period: '1h', key_alias: 'renewed' }));
    const secondKey = String(second['key']);
    shown.push(secondKey);
    expect(second).toMatchObject({ key_alias: 'renewed', rotation_count: 1 });
    expect([await tools(first.key), await tools(secondKey)]).toEqual([['wiki-search'], ['wiki-search']]);
    const [{ key_id: id } = {}] = await database.query('SELECT key_id FROM retired_key');
    const ended = `UPDATE retired_key SET valid_to = now() - interval '1 second'`;
    await changeRow(gateway.databaseUrl, 'key', String(id), ended);
    await waitFor(async () => (await tools(first.key)) === 401, { what: 'the end of the grace period' });
    expect(await tools(secondKey)).toEqual(['wiki-search']);
    const third = await ok(admin.post('/key/regenerate', { key: secondKey, new_key: 'sk-of-my-own-making-123' }));
    expect(third).toMatchObject({ key: 'sk-of-my-own-making-123', rotation_count: 2, key_alias: 'renewed' });
    shown.push('sk-of-my-own-making-123');
    expect([await tools(secondKey), await tools('sk-of-my-own-making-123')]).toEqual([401, ['wiki-search']]);
    const [row] = await database.query('SELECT count(DISTINCT object_id) AS ids FROM audit_entry WHERE action = $1', [
      'rotated',
    ]);
    expect(row).toEqual({ ids: '1' });
  });

  test('blocked opens nothing until it is unblocked; deleted it is gone for good, and its alias is free again', async () => {
    const { key, token } = await generate({ key_alias: 'temp', object_permission: { mcp_servers: ['wiki'] } });
    expect(await tools(key)).toEqual(['wiki-search']);
    expect(await ok(admin.post('/key/block', { key }))).toMatchObject({ token, blocked: true });
    expect(await tools(key)).toBe(401);
    expect(await ok(admin.post('/key/unblock', { key: token }))).toMatchObject({ blocked: false });
    expect(await tools(key)).toEqual(['wiki-search']);
    expect(errorOf(await admin.post('/key/generate', { key_alias: 'temp' }))).toMatchObject({
      status: 400,
      param: 'key_alias',
    });
    expect(errorOf(await admin.post('/key/delete', { keys: [key, 'sk-unknown-unknown-unknown'] }))).toMatchObject({
      status: 404,
    });
    expect(await tools(key)).toEqual(['wiki-search']);
    expect(await ok(admin.post('/key/delete', { key_aliases: ['temp'] }))).toEqual({ deleted_keys: ['temp'] });
    expect(await tools(key)).toBe(401);
    expect(errorOf(await admin.get(`/key/info?key=${token}`))).toMatchObject({ status: 404, type: 'not_found_error' });
    expect(await ok(admin.get('/key/list?status=deleted&return_full_object=true'))).toMatchObject({
      keys: [{ token, key_alias: 'temp', deleted_by: 'master' }],
    });
    expect(errorOf(await admin.post('/key/generate', { key }))).toMatchObject({
      status: 400,
      type: 'bad_request_error',
      param: 'key',
      error_code: 'key/refused',
    });
    const again = await generate({ key_alias: 'temp' });
    expect(await ok(admin.post('/key/delete', { keys: [again.key] }))).toEqual({ deleted_keys: [again.token] });
  });

  test('opens the doors of its type and no others', async () => {
    const own = async (body: Body) => {
      const { key, ...made } = await generate({ object_permission: { mcp_servers: ['wiki'] }, ...body });
      const api = keyApi(gateway, key);
      return {
        made,
        mcp: (await rpc(`${gateway.url}/mcp`, 'tools/list', {}, { key })).status,
        info: (await api.get('/key/info')).status,
      };
    };
    expect(await own({})).toMatchObject({ made: { allowed_routes: [] }, mcp: 200, info: 200 });
    const tool = await own({ key_type: 'llm_api' });
    expect(tool).toMatchObject({
      made: { key_type: 'llm_api', allowed_routes: ['llm_api_routes'] },
      mcp: 200,
      info: 403,
    });
    expect(await own({ key_type: 'read_only' })).toMatchObject({
      made: { allowed_routes: ['info_routes'] },
      mcp: 403,
      info: 200,
    });
    expect(await own({ key_type: 'management' })).toMatchObject({
      made: { allowed_routes: ['management_routes'] },
      mcp: 403,
      info: 200,
    });
    expect(await own({ allowed_routes: ['/key/info'] })).toMatchObject({ mcp: 403, info: 200 });
  });

  test('makes a user of whom it names, when an admin names them; teams and organizations must be there', async () => {
    expect(await generate({ user_id: 'newcomer' })).toMatchObject({ user_id: 'newcomer' });
    expect(await database.query('SELECT role FROM user_account WHERE id = $1', ['newcomer'])).toEqual([
      { role: 'internal_user' },
    ]);
    for (const [field, value] of [
      ['team_id', 'ghosts'],
      ['organization_id', 'nowhere'],
    ] as const) {
      const refused = errorOf(await admin.post('/key/generate', { [field]: value }));
      expect(refused).toMatchObject({ status: 400, param: field, message: expect.stringContaining(value) as string });
    }
    expect(errorOf(await admin.post('/key/service-account/generate', {}))).toMatchObject({
      status: 400,
      param: 'team_id',
    });
  });

  test('never stands in the database, the audit or the log', async () => {
    const tables = await database.query(
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'`,
    );
    let dump = '';
    for (const { name } of tables) {
      const rows = await database.query(`SELECT row_to_json(t)::text AS row FROM "${String(name)}" t`);
      dump += rows.map(({ row }) => String(row)).join('\n');
    }
    expect(dump).toContain('"action":"rotated"');
    const everywhere = dump + gateway.logs();
    expect(shown.length).toBeGreaterThan(8);
    expect([...shown, TEST_MASTER_KEY].filter((key) => everywhere.includes(key))).toEqual([]);
  });
});
