import { changeRow, insertEndUser, insertKey, insertTeam } from '../../factory/insert-key.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

let wiki: FakeUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  wiki = await fakeUpstream({ tools: [{ name: 'read', inputSchema: { type: 'object' } }] });
  gateway = await startGateway({
    config: { mcp_servers: { wiki: { url: wiki.url } }, general_settings: { limits: { principals_cached: 100 } } },
  });
});

afterAll(async () => {
  await gateway.close();
  await wiki.close();
});

async function ping(key: string, headers: Record<string, string> = {}): Promise<number> {
  return (await rpc(`${gateway.url}/mcp`, 'ping', undefined, { key, headers })).status;
}

async function metric(name: string): Promise<number> {
  return Number(new RegExp(`^${name} (\\d+)`, 'm').exec(await gateway.metrics())?.[1]);
}

test('a flood of unknown keys costs a query for many of them, and keeps nobody else waiting', async () => {
  const { key } = await insertKey(gateway.databaseUrl);
  expect(await ping(key)).toBe(200);
  const before = await metric('gatehouse_identity_queries_total');
  const flood = Array.from({ length: 1_000 }, (_unused, index) => ping(`sk-guess-number-${index}`));
  const cold = await insertKey(gateway.databaseUrl);
  expect(await ping(key)).toBe(200);
  expect(await ping(cold.key)).toBe(200);
  expect(new Set(await Promise.all(flood))).toEqual(new Set([401]));
  expect((await metric('gatehouse_identity_queries_total')) - before).toBeLessThan(500);
});

test('asking for the same unknown key again costs no query', async () => {
  expect(await ping('sk-the-same-guess-again')).toBe(401);
  const before = await metric('gatehouse_identity_queries_total');
  for (let guess = 0; guess < 20; guess += 1) expect(await ping('sk-the-same-guess-again')).toBe(401);
  expect((await metric('gatehouse_identity_queries_total')) - before).toBeLessThanOrEqual(1);
});

test('a warm key costs no query, and what cannot be a key is not looked up at all', async () => {
  const { key } = await insertKey(gateway.databaseUrl);
  expect(await ping(key)).toBe(200);
  const before = await metric('gatehouse_identity_queries_total');
  for (let call = 0; call < 20; call += 1) expect(await ping(key)).toBe(200);
  expect(await ping('short')).toBe(401);
  expect(await ping(`sk-${'x'.repeat(600)}`)).toBe(401);
  expect(await metric('gatehouse_identity_queries_total')).toBe(before);
});

test('more keys than are kept are served all the same', async () => {
  const keys = await Promise.all(Array.from({ length: 130 }, () => insertKey(gateway.databaseUrl)));
  for (const round of [1, 2]) {
    const statuses = await Promise.all(keys.map(({ key }) => ping(key)));
    expect([round, new Set(statuses)]).toEqual([round, new Set([200])]);
  }
  expect(await metric('gatehouse_identities')).toBeLessThanOrEqual(110);
});

describe('an end user', () => {
  const tools = async (key: string, endUser: string): Promise<number> => {
    const headers = { 'x-litellm-end-user-id': endUser };
    const { message } = await rpc(`${gateway.url}/mcp`, 'tools/list', undefined, { key, headers });
    return (message?.result?.['tools'] as unknown[]).length;
  };

  test('narrows what the key may, changes nothing when unknown, and is refused when blocked', async () => {
    const url = gateway.databaseUrl;
    const { key } = await insertKey(url, { permission: { servers: ['wiki'] } });
    const bare = await insertKey(url);
    const none = await insertEndUser(url, { permission: { servers: [] } });
    const all = await insertEndUser(url, { permission: { servers: ['wiki'] } });
    const blocked = await insertEndUser(url, { blocked: true });
    expect(await tools(key, 'nobody-knows')).toBe(1);
    expect(await tools(key, none)).toBe(0);
    expect(await tools(key, all)).toBe(1);
    expect(await tools(bare.key, all)).toBe(0);
    expect(await ping(key, { 'x-litellm-end-user-id': blocked })).toBe(403);
    expect(await ping(gateway.key, { 'x-litellm-end-user-id': blocked })).toBe(403);
    expect(await ping(key, { 'x-litellm-end-user-id': 'x'.repeat(300) })).toBe(403);
    await changeRow(url, 'end_user', all, 'UPDATE end_user SET blocked = true WHERE id = $1', [all]);
    await waitFor(async () => (await ping(key, { 'x-litellm-end-user-id': all })) === 403, { timeoutMs: 1_000 });
  });

  test('has sessions of their own', async () => {
    const { key } = await insertKey(gateway.databaseUrl, { permission: { servers: ['wiki'] } });
    const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
    const headers = { 'x-litellm-end-user-id': 'first' };
    const opened = await rpc(`${gateway.url}/mcp`, 'initialize', params, { key, headers });
    const sessionId = opened.headers.get('mcp-session-id') ?? '';
    const ask = async (given: Record<string, string>) =>
      (await rpc(`${gateway.url}/mcp`, 'ping', undefined, { key, sessionId, headers: given })).status;
    expect(await ask(headers)).toBe(200);
    expect(await ask({ 'x-litellm-end-user-id': 'second' })).toBe(404);
    expect(await ask({})).toBe(404);
  });

  test('is blocked together with the key', async () => {
    const url = gateway.databaseUrl;
    const teamId = await insertTeam(url);
    const { key } = await insertKey(url, { teamId });
    const headers = { 'x-litellm-end-user-id': 'somebody' };
    expect(await ping(key, headers)).toBe(200);
    await changeRow(url, 'team', teamId, 'UPDATE team SET blocked = true WHERE id = $1', [teamId]);
    await waitFor(async () => (await ping(key, headers)) === 401, { timeoutMs: 1_000 });
  });

  test('is written down with the call, as are key, user, team and organization', async () => {
    const url = gateway.databaseUrl;
    const teamId = await insertTeam(url);
    const { key, id } = await insertKey(url, { teamId, permission: { servers: ['wiki'] } });
    await tools(key, 'ledger-customer');
    const prefix = `key:${id}`;
    await waitFor(async () => {
      const answer = await ledgerRow(url, prefix);
      return answer?.['key_id'] === id && answer['team_id'] === teamId && answer['end_user_id'] === 'ledger-customer';
    });
  });
});

async function ledgerRow(url: string, prefix: string): Promise<Record<string, unknown> | undefined> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const sql = 'SELECT * FROM call_ledger WHERE principal_id LIKE $1';
    return (await client.query<Record<string, unknown>>(sql, [`${prefix}%`])).rows[0];
  } finally {
    await client.end();
  }
}
