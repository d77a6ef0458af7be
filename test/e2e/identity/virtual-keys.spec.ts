import {
  changePermission,
  changeRow,
  insertKey,
  insertOrganization,
  insertTeam,
  insertUser,
} from '../../factory/insert-key.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

let wiki: FakeUpstream;
let mail: FakeUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  const tool = (name: string) => ({ name, inputSchema: { type: 'object' } });
  wiki = await fakeUpstream({ tools: [tool('read'), tool('write')] });
  mail = await fakeUpstream({ tools: [tool('send')] });
  gateway = await startGateway({
    config: { mcp_servers: { wiki: { url: wiki.url }, mail: { url: mail.url } } },
  });
});

afterAll(async () => {
  await gateway.close();
  await Promise.all([wiki.close(), mail.close()]);
});

async function tools(key: string, headers: Record<string, string> = {}): Promise<readonly string[]> {
  const answer = await rpc(`${gateway.url}/mcp`, 'tools/list', undefined, { key, headers });
  if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text}`);
  return (answer.message?.result?.['tools'] as { name: string }[]).map(({ name }) => name);
}

async function status(key: string, headers: Record<string, string> = {}): Promise<number> {
  return (await rpc(`${gateway.url}/mcp`, 'tools/list', undefined, { key, headers })).status;
}

describe('a virtual key', () => {
  test('lists and calls what it is granted, and nothing else', async () => {
    const { key } = await insertKey(gateway.databaseUrl, { permission: { servers: ['wiki'] } });
    expect(await tools(key)).toEqual(['wiki-read', 'wiki-write']);
    const called = await rpc(`${gateway.url}/mcp`, 'tools/call', { name: 'wiki-read', arguments: {} }, { key });
    expect(called.message?.result).toMatchObject({ content: [{ type: 'text', text: '{}' }] });
    const denied = await rpc(`${gateway.url}/mcp`, 'tools/call', { name: 'mail-send', arguments: {} }, { key });
    expect(denied.message?.error).toMatchObject({ code: -32602 });
  });

  test('without any permission behind it reaches nothing', async () => {
    const { key } = await insertKey(gateway.databaseUrl);
    expect(await tools(key)).toEqual([]);
  });

  test('is narrowed by its team, organization and user', async () => {
    const url = gateway.databaseUrl;
    const organizationId = await insertOrganization(url, { permission: { servers: ['wiki', 'mail'] } });
    const teamId = await insertTeam(url, {
      organizationId,
      permission: { toolPermissions: { wiki: ['read'], mail: ['send'] } },
    });
    const userId = await insertUser(url, { permission: { servers: ['wiki'] } });
    expect(await tools((await insertKey(url, { teamId })).key)).toEqual(['mail-send', 'wiki-read']);
    expect(await tools((await insertKey(url, { teamId, userId })).key)).toEqual(['wiki-read']);
    expect(await tools((await insertKey(url, { teamId, permission: { servers: [] } })).key)).toEqual([]);
  });

  test('blocked, deleted, expired, or of a blocked or deleted team is answered like one nobody knows', async () => {
    const url = gateway.databaseUrl;
    const past = new Date(Date.now() - 1_000);
    const unknown = await rpc(`${gateway.url}/mcp`, 'tools/list', undefined, { key: 'sk-nobody-knows-this-key' });
    expect(unknown.status).toBe(401);
    const refused = [
      await insertKey(url, { blocked: true }),
      await insertKey(url, { deletedAt: past }),
      await insertKey(url, { expiresAt: past }),
      await insertKey(url, { teamId: await insertTeam(url, { blocked: true }) }),
      await insertKey(url, { teamId: await insertTeam(url, { deletedAt: past }) }),
    ];
    for (const { key } of refused) {
      const answer = await rpc(`${gateway.url}/mcp`, 'tools/list', undefined, { key });
      expect([answer.status, answer.text]).toEqual([401, unknown.text]);
      expect(answer.headers.get('www-authenticate')).toContain('resource_metadata');
    }
    for (const reason of ['unknown_key', 'key_blocked', 'key_deleted', 'key_expired', 'team_blocked', 'team_deleted']) {
      expect(gateway.logs()).toContain(reason);
    }
  });

  test('ends at its expiry, and not because somebody asks', async () => {
    const { key } = await insertKey(gateway.databaseUrl, { expiresAt: new Date(Date.now() + 1_500) });
    expect(await status(key)).toBe(200);
    await waitFor(async () => (await status(key)) === 401);
  });

  test('keeps its former secret through the grace period only', async () => {
    const url = gateway.databaseUrl;
    const former = await insertKey(url, { permission: { servers: ['wiki'] } });
    const next = 'sk-the-next-secret-of-it';
    await changeRow(
      url,
      'key',
      former.id,
      `WITH old AS (INSERT INTO retired_key SELECT token_hash, id, now() + interval '2 seconds' FROM virtual_key WHERE id = $1)
       UPDATE virtual_key SET token_hash = encode(sha256($2::bytea), 'hex') WHERE id = $1`,
      [former.id, next],
    );
    expect(await status(next)).toBe(200);
    expect(await status(former.key)).toBe(200);
    await waitFor(async () => (await status(former.key)) === 401);
    expect(await status(next)).toBe(200);
  });

  test('made for the control plane only does not reach servers', async () => {
    const url = gateway.databaseUrl;
    const allowed = [
      await insertKey(url, { keyType: 'llm_api' }),
      await insertKey(url, { allowedRoutes: ['mcp_routes'] }),
      await insertKey(url, { allowedRoutes: ['/mcp*'] }),
    ];
    const barred = [
      await insertKey(url, { keyType: 'management' }),
      await insertKey(url, { keyType: 'read_only' }),
      await insertKey(url, { allowedRoutes: ['info_routes'] }),
      await insertKey(url, { allowedRoutes: ['/mcp/other'] }),
    ];
    for (const { key } of allowed) expect(await status(key)).toBe(200);
    for (const { key } of barred) expect(await status(key)).toBe(403);
  });

  test('learns of every change behind it within a second', async () => {
    const url = gateway.databaseUrl;
    const teamId = await insertTeam(url, { permission: { servers: ['wiki', 'mail'] } });
    const { key, id } = await insertKey(url, { teamId, permission: { servers: ['wiki', 'mail'] } });
    expect(await tools(key)).toHaveLength(3);
    const soon = { timeoutMs: 1_000 };
    await changePermission(url, 'team', teamId, { servers: ['wiki'] });
    await waitFor(async () => (await tools(key)).length === 2, soon);
    await changePermission(url, 'key', id, { servers: [] });
    await waitFor(async () => (await tools(key)).length === 0, soon);
    await changeRow(url, 'team', teamId, 'UPDATE team SET blocked = true WHERE id = $1', [teamId]);
    await waitFor(async () => (await status(key)) === 401, soon);
    await changeRow(url, 'team', teamId, 'UPDATE team SET blocked = false WHERE id = $1', [teamId]);
    await waitFor(async () => (await status(key)) === 200, soon);
  });

  test('that was refused a moment ago works as soon as it exists', async () => {
    const key = 'sk-chosen-by-its-owner';
    expect(await status(key)).toBe(401);
    await insertKey(gateway.databaseUrl, { key });
    await waitFor(async () => (await status(key)) === 200, { timeoutMs: 1_000 });
  });

  test('opens the control-plane routes that its type and allowed_routes name, and no others', async () => {
    const url = gateway.databaseUrl;
    const statuses = async ({ key }: { key: string }): Promise<Record<string, number>> => {
      const ask = async (method: string, path: string): Promise<number> => {
        const headers = { 'x-litellm-api-key': key, 'content-type': 'application/json' };
        return (await fetch(`${gateway.url}${path}`, { method, headers, ...(method === 'GET' ? {} : { body: '{}' }) }))
          .status;
      };
      return {
        read: await ask('GET', '/key/info'),
        write: await ask('POST', '/key/generate'),
        servers: await ask('GET', '/v1/mcp/server'),
        liveness: await ask('GET', '/health/liveliness'),
      };
    };
    const userId = await insertUser(url, { role: 'proxy_admin' });
    const open = { read: 200, write: 200, servers: 200, liveness: 200 };
    expect(await statuses(await insertKey(url, { userId }))).toEqual(open);
    expect(await statuses(await insertKey(url, { userId, keyType: 'management' }))).toEqual(open);
    expect(await statuses(await insertKey(url, { userId, keyType: 'llm_api' }))).toEqual({
      ...open,
      read: 403,
      write: 403,
    });
    expect(await statuses(await insertKey(url, { userId, keyType: 'read_only' }))).toEqual({ ...open, write: 403 });
    expect(await statuses(await insertKey(url, { userId, allowedRoutes: ['/key/info'] }))).toEqual({
      ...open,
      write: 403,
      servers: 403,
    });
  });
});
