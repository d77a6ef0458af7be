import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { startGatewayProcess } from '../../harness/gateway-process.js';
import { testPostgres } from '../../harness/postgres.js';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectV1 } from '../../harness/mcp-client.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

const CALLS = 300;

/** Security page §2: database down after start. */
describe('while the database is away', () => {
  let upstream: FakeUpstream;
  beforeAll(async () => {
    upstream = await fakeUpstream();
  });
  afterAll(() => upstream.close());

  test('known callers are served, strangers are not let in, readiness is lost, and every call is in the ledger afterwards', async () => {
    const database = await testPostgres();
    const admin = await testPostgres();
    const name = new URL(database.url.reveal()).pathname.slice(1);
    const gateway = await startGateway({
      config: { mcp_servers: { up: { url: upstream.url, transport: 'http' } } },
      databaseUrl: database.url.reveal(),
    });
    const readiness = async (): Promise<number> => (await fetch(`${gateway.url}/health/readiness`)).status;
    const gauge = async (metric: string): Promise<number> =>
      Number(new RegExp(`^${metric} (\\S+)$`, 'm').exec(await gateway.metrics())?.[1]);
    try {
      const before = await connectV1(`${gateway.url}/mcp`, { key: gateway.key });
      await before.callTool({ name: 'up-echo', arguments: {} });
      await waitFor(async () => (await gauge('gatehouse_ledger_rows_waiting')) === 0);
      const written = await gauge('gatehouse_ledger_rows_written_total');

      await admin.query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS false`);
      await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
      await waitFor(async () => (await readiness()) === 503, { what: 'readiness to be lost' });

      for (let call = 0; call < CALLS; call += 1) {
        const { content } = await before.callTool({ name: 'up-echo', arguments: { call } });
        expect(content).toEqual([{ type: 'text', text: JSON.stringify({ call }) }]);
      }
      // New sessions and lists too: nothing on the way of a call asks the database.
      const during = await connectV1(`${gateway.url}/mcp`, { key: gateway.key });
      expect((await during.listTools()).tools.map((tool) => tool.name)).toEqual(['up-echo']);
      await during.close();
      expect((await rpc(`${gateway.url}/mcp`, 'ping', {}, { key: 'sk-nobody' })).status).not.toBe(200);
      expect(await gauge('gatehouse_ledger_rows_waiting')).toBeGreaterThanOrEqual(CALLS);
      expect(await gauge('gatehouse_ledger_rows_dropped_total')).toBe(0);
      expect((await fetch(`${gateway.url}/health/liveliness`)).status).toBe(200);

      await admin.query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS true`);
      await waitFor(async () => (await readiness()) === 200, { what: 'readiness to be back', timeoutMs: 20_000 });
      await waitFor(async () => (await gauge('gatehouse_ledger_rows_waiting')) === 0, { timeoutMs: 30_000 });
      expect(await gauge('gatehouse_ledger_rows_written_total')).toBeGreaterThanOrEqual(written + CALLS);
      const rows = await database.query(
        "SELECT count(DISTINCT call_id)::int AS count FROM call_ledger WHERE method = 'tools/call' AND outcome = 'ok'",
      );
      expect(rows).toEqual([{ count: CALLS + 1 }]);
      await before.close();
    } finally {
      await admin.query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS true`);
      await gateway.close();
      await database.drop();
      await admin.drop();
    }
  }, 90_000);

  test('because the embedded Postgres was killed, no call fails, and no row is lost when it is back', async () => {
    const gateway = await startGatewayProcess({
      config: { mcp_servers: { up: { url: upstream.url, transport: 'http' } } },
    });
    const gauge = async (metric: string): Promise<number> => {
      const response = await fetch(`${gateway.url}/metrics`, { headers: { 'x-api-key': gateway.key } });
      return Number(new RegExp(`^${metric} (\\S+)$`, 'm').exec(await response.text())?.[1]);
    };
    try {
      const call = async (index: number): Promise<void> => {
        const params = { name: 'up-echo', arguments: { index } };
        const { message } = await rpc(`${gateway.url}/mcp`, 'tools/call', params, { key: gateway.key });
        expect(message?.result).toBeDefined();
      };
      const postmaster = join(gateway.folder.path, 'data/postgres/postmaster.pid');
      const pid = async (): Promise<number> => Number((await readFile(postmaster, 'utf8')).split('\n')[0]);
      const killed = await pid();
      for (let index = 0; index < CALLS; index += 1) {
        if (index === CALLS / 3) process.kill(killed, 'SIGKILL');
        await call(index);
      }
      await waitFor(async () => (await pid()) !== killed, { what: 'another Postgres', timeoutMs: 30_000 });
      await waitFor(async () => (await fetch(`${gateway.url}/health/readiness`)).ok, { timeoutMs: 30_000 });
      await waitFor(async () => (await gauge('gatehouse_ledger_rows_waiting')) === 0, { timeoutMs: 30_000 });
      expect(await gauge('gatehouse_ledger_rows_dropped_total')).toBe(0);
      expect(await gauge('gatehouse_ledger_rows_written_total')).toBeGreaterThanOrEqual(CALLS);
    } finally {
      await gateway.close();
    }
  }, 120_000);
});
