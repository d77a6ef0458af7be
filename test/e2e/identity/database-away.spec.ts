import { changeRow, insertKey } from '../../factory/insert-key.js';
import { fakeUpstream } from '../../harness/fake-upstream.js';
import { testPostgres } from '../../harness/postgres.js';
import { clientHeaders, rpc } from '../../harness/rpc-over-http.js';
import { startGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

/** The shortest that is kept to. */
const STALE_SECONDS = 10;

test('while the database is away known keys are served for a while, others get 503, and then nobody is let in unchecked', async () => {
  const wiki = await fakeUpstream({ tools: [{ name: 'read', inputSchema: { type: 'object' } }] });
  const [database, admin] = [await testPostgres(), await testPostgres()];
  const url = database.url.reveal();
  const name = new URL(url).pathname.slice(1);
  const gateway = await startGateway({
    databaseUrl: url,
    config: {
      mcp_servers: { wiki: { url: wiki.url } },
      general_settings: { limits: { stale_seconds: STALE_SECONDS } },
    },
  });
  const status = async (key: string): Promise<number> =>
    (await rpc(`${gateway.url}/mcp`, 'tools/list', undefined, { key })).status;
  try {
    const known = await insertKey(url, { permission: { servers: ['wiki'] } });
    const cold = await insertKey(url, { permission: { servers: ['wiki'] } });
    const revoked = await insertKey(url, { permission: { servers: ['wiki'] } });
    const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
    const opened = await rpc(`${gateway.url}/mcp`, 'initialize', params, { key: known.key });
    const sessionId = opened.headers.get('mcp-session-id') ?? '';
    const stream = await fetch(`${gateway.url}/mcp`, {
      headers: { ...clientHeaders({ key: known.key, sessionId }), accept: 'text/event-stream' },
    });
    const ended = stream.text().then(
      () => true,
      () => true,
    );
    expect(await status(known.key)).toBe(200);
    expect(await status(revoked.key)).toBe(200);

    await admin.query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS false`);
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
    const since = performance.now();

    expect(await status(known.key)).toBe(200);
    expect(await status(cold.key)).toBe(503);
    expect(await status('sk-nobody-knows-this-key')).toBe(503);
    expect(await status(known.key)).toBe(200);

    await waitFor(async () => (await status(known.key)) === 503, { timeoutMs: 20_000, everyMs: 250 });
    expect(performance.now() - since).toBeGreaterThan(STALE_SECONDS * 500);
    expect(await ended).toBe(true);
    expect(await status(gateway.key)).toBe(200);

    await admin.query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS true`);
    await changeRow(url, 'key', revoked.id, 'UPDATE virtual_key SET blocked = true WHERE id = $1', [revoked.id]);
    await waitFor(async () => (await status(known.key)) === 200, { timeoutMs: 10_000 });
    expect(await status(cold.key)).toBe(200);
    await waitFor(async () => (await status(revoked.key)) === 401, { timeoutMs: 10_000 });
  } finally {
    await admin.query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS true`);
    await gateway.close();
    await wiki.close();
    await Promise.all([database.drop(), admin.drop()]);
  }
}, 60_000);
