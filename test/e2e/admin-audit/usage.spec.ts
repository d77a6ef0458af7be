import { insertKey, insertUser, type InsertedKey } from '../../factory/insert-key.js';
import { adminCaller, type AdminCaller } from '../../harness/admin-call.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

interface Row {
  readonly call_type: string;
  readonly user: string;
  readonly request_id: string;
}

/** The ledger as people read it: reference §3.10, App. H.6. */
describe('what was called', () => {
  let gateway: TestGateway;
  let upstream: FakeUpstream;
  let admin: AdminCaller;
  let teamId: string;
  let ofTeam: InsertedKey;
  let alone: InsertedKey;
  let boss: AdminCaller;
  let bossId: string;
  const today = new Date().toISOString().slice(0, 10);

  beforeAll(async () => {
    upstream = await fakeUpstream({
      tools: ['search', 'fetch'].map((name) => ({ name, inputSchema: { type: 'object' } })),
    });
    gateway = await startGateway({ config: { mcp_servers: { wiki: { url: upstream.url, allow_all_keys: true } } } });
    admin = adminCaller(gateway.url, gateway.key);
    teamId = ((await admin('POST', '/team/new', {})).body as { team_id: string }).team_id;
    bossId = await insertUser(gateway.databaseUrl);
    const bossKey = await insertKey(gateway.databaseUrl, { userId: bossId });
    boss = adminCaller(gateway.url, bossKey.key);
    await admin('POST', '/team/member_add', { team_id: teamId, member: { user_id: bossId, role: 'admin' } });
    ofTeam = await insertKey(gateway.databaseUrl, { teamId, alias: 'team key' });
    alone = await insertKey(gateway.databaseUrl, { userId: await insertUser(gateway.databaseUrl, { id: 'loner' }) });
    const call = async (key: string, name: string) => {
      const body = { server_id: 'wiki', name, arguments: {} };
      return (await adminCaller(gateway.url, key)('POST', '/mcp-rest/tools/call', body)).status;
    };
    expect(await call(ofTeam.key, 'search')).toBe(200);
    expect(await call(ofTeam.key, 'fetch')).toBe(200);
    expect(await call(alone.key, 'search')).toBe(200);
    await waitFor(async () => ((await admin('GET', '/spend/logs')).body as Row[]).length >= 3);
  });

  afterAll(async () => {
    await gateway.close();
    await upstream.close();
  });

  const rowsOf = async (call: AdminCaller, query = ''): Promise<readonly Row[]> => {
    const { status, body } = await call('GET', `/spend/logs?${query}`);
    expect(status).toBe(200);
    return (body as readonly Row[]).filter(({ call_type }) => call_type === 'call_mcp_tool');
  };

  test('a call is shown as the incumbent shows it', async () => {
    const [row] = await rowsOf(admin, `api_key=${alone.hash}`);
    expect(row).toMatchObject({
      call_type: 'call_mcp_tool',
      model: 'MCP: wiki-search',
      spend: 0,
      api_key: alone.hash,
      user: 'loner',
      team_id: null,
      status: 'success',
      mcp_namespaced_tool_name: 'wiki/search',
      metadata: { mcp_tool_call_metadata: { name: 'search', mcp_server_name: 'wiki' } },
    });
    expect(await rowsOf(admin, `request_id=${row?.request_id ?? ''}`)).toEqual([row]);
    expect(await rowsOf(admin, `api_key=${alone.key}`)).toEqual([row]);
  });

  test('everybody sees their own calls and those of the teams they administer', async () => {
    expect(await rowsOf(admin)).toHaveLength(3);
    expect(await rowsOf(boss)).toHaveLength(2);
    expect(await rowsOf(adminCaller(gateway.url, ofTeam.key))).toHaveLength(2);
    const own = await rowsOf(adminCaller(gateway.url, alone.key));
    expect(own.map(({ user }) => user)).toEqual(['loner']);
    expect(await rowsOf(adminCaller(gateway.url, alone.key), `team_id=${teamId}`)).toEqual([]);
    expect(await rowsOf(boss, `user_id=loner`)).toEqual([]);
  });

  test('calls are filtered, paged and counted within a range that is bounded', async () => {
    expect(await rowsOf(admin, `team_id=${teamId}&mcp_server=wiki&status_filter=success`)).toHaveLength(2);
    expect(await rowsOf(admin, 'status_filter=failure')).toEqual([]);
    expect(await rowsOf(admin, `start_date=${today}&end_date=${today}`)).toHaveLength(3);
    expect(await rowsOf(admin, 'start_date=2020-01-01&end_date=2020-01-02')).toEqual([]);
    expect(await admin('GET', `/spend/logs/v2?team_id=${teamId}&page_size=1`)).toMatchObject({
      body: { total: 2, page: 1, page_size: 1, total_pages: 2, data: [{ team_id: teamId }] },
    });
    expect(await admin('GET', `/spend/logs?start_date=2020-01-01&end_date=${today}`)).toMatchObject({ status: 400 });
    expect(await admin('GET', '/spend/logs?start_date=soon')).toMatchObject({ status: 422 });
  });

  test('activity by day holds the tools, keys and teams it is made of', async () => {
    const answer = await boss('GET', `/team/daily/activity?team_ids=${teamId}&start_date=${today}&end_date=${today}`);
    expect(answer).toMatchObject({
      status: 200,
      body: {
        results: [
          {
            date: today,
            metrics: { api_requests: 2, successful_requests: 2, failed_requests: 0, spend: 0 },
            breakdown: {
              mcp_servers: {
                'wiki/search': { metrics: { api_requests: 1 } },
                'wiki/fetch': { metrics: { api_requests: 1 } },
              },
              api_keys: { [ofTeam.hash]: { metrics: { api_requests: 2 }, metadata: { key_alias: 'team key' } } },
              entities: { [teamId]: { metrics: { api_requests: 2 } } },
            },
          },
        ],
        metadata: { total_api_requests: 2, page: 1, total_pages: 1, has_more: false },
      },
    });
    const others = await adminCaller(gateway.url, alone.key)('GET', `/team/daily/activity?team_ids=${teamId}`);
    expect(others).toMatchObject({ status: 200, body: { results: [] } });
    for (const path of ['/user/daily/activity', '/user/daily/activity/aggregated']) {
      expect(await admin('GET', `${path}?user_id=loner`)).toMatchObject({
        body: { results: [{ breakdown: { entities: { loner: { metrics: { api_requests: 1 } } } } }] },
      });
    }
    expect(await admin('GET', '/organization/daily/activity?organization_ids=x,y')).toMatchObject({
      body: { results: [], metadata: { total_api_requests: 0 } },
    });
    expect(await admin('GET', '/customer/daily/activity')).toMatchObject({ status: 200 });
  });

  test.each([
    ['server', { server: 'wiki', api_requests: 3 }],
    ['tool', { tool: 'wiki/search', api_requests: 2 }],
    ['user', { user: 'loner', api_requests: 1 }],
  ])('the summary by %s adds up', async (group, expected) => {
    const { status, body } = await admin('GET', `/global/activity?group_by=${group}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ sum_api_requests: 3, daily_data: [{ date: today, api_requests: 3 }] });
    expect((body as { groups: object[] }).groups).toContainEqual(expect.objectContaining(expected));
  });
});
