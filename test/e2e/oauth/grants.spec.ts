import { changeRow, insertKey, insertUser, type InsertedKey } from '../../factory/insert-key.js';
import { adminCaller } from '../../harness/admin-call.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';
import { tokensFor } from './token-requests.js';

interface GrantBody {
  readonly id: string;
  readonly status: string;
  readonly user_id: string | null;
  readonly endpoint: string;
  readonly client_name: string;
}

/** What people allowed, who sees it, and how it ends. */
describe('grants', () => {
  let upstream: FakeUpstream;
  let gateway: TestGateway;
  let replica: TestGateway;
  let ada: InsertedKey;
  let bob: InsertedKey;

  beforeAll(async () => {
    upstream = await fakeUpstream({ tools: [{ name: 'echo', inputSchema: { type: 'object' } }] });
    const config = { mcp_servers: { wiki: { url: upstream.url } } };
    gateway = await startGateway({ config });
    replica = await startGateway({ config, databaseUrl: gateway.databaseUrl });
    const url = gateway.databaseUrl;
    const permission = { servers: ['wiki'] };
    ada = await insertKey(url, { userId: await insertUser(url, { id: 'ada' }), permission });
    bob = await insertKey(url, { userId: await insertUser(url, { id: 'bob' }), permission });
  });

  afterAll(async () => {
    await replica.close();
    await gateway.close();
    await upstream.close();
  });

  const list = (token: string, at = gateway): Promise<number> =>
    rpc(`${at.url}/mcp`, 'tools/list', undefined, { headers: { authorization: `Bearer ${token}` } }).then(
      ({ status }) => status,
    );
  const grantsOf = async (key: string, query = ''): Promise<readonly GrantBody[]> => {
    const { status, body } = await adminCaller(gateway.url, key)('GET', `/v1/oauth/grants${query}`);
    expect(status).toBe(200);
    return (body as { grants: GrantBody[] }).grants;
  };

  test('are seen and taken back by who gave them and by administrators, on every replica, and by nobody else', async () => {
    const { access_token: token } = await tokensFor(gateway.url, ada.key);
    expect([await list(token), await list(token, replica)]).toEqual([200, 200]);
    const [grant] = await grantsOf(ada.key, '?status=active');
    expect(grant).toMatchObject({ user_id: 'ada', endpoint: '/mcp', client_name: 'test client', status: 'active' });
    expect(await grantsOf(bob.key)).toEqual([]);
    expect((await grantsOf(gateway.key, '?user_id=ada')).map(({ id }) => id)).toContain(grant?.id);
    const path = `/v1/oauth/grants/${grant?.id ?? ''}`;
    expect((await adminCaller(gateway.url, bob.key)('DELETE', path)).status).toBe(404);
    expect((await adminCaller(gateway.url, ada.key)('DELETE', path)).body).toMatchObject({ status: 'over' });
    expect(await list(token)).toBe(401);
    await waitFor(async () => (await list(token, replica)) === 401, { timeoutMs: 1_000 });
    const { body } = await adminCaller(gateway.url, gateway.key)('GET', '/audit?object_kind=oauth_grant');
    expect(JSON.stringify(body)).toContain('"action":"revoked"');
    expect(JSON.stringify(body)).not.toContain('gha_');
  });

  test('end with the key they were given with, open streams included', async () => {
    const { access_token: token } = await tokensFor(gateway.url, bob.key);
    const stream = await fetch(`${gateway.url}/sse`, { headers: { authorization: `Bearer ${token}` } });
    expect(stream.status).toBe(200);
    const ended = stream.text().catch(() => 'broken off');
    await changeRow(gateway.databaseUrl, 'key', bob.id, 'UPDATE virtual_key SET blocked = true WHERE id = $1', [
      bob.id,
    ]);
    await ended;
    await waitFor(async () => (await list(token)) === 401, { timeoutMs: 1_000 });
    await waitFor(async () => (await list(token, replica)) === 401, { timeoutMs: 1_000 });
  });
});
