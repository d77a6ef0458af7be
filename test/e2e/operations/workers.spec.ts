import { existsSync } from 'node:fs';
import { connectV1 } from '../../harness/mcp-client.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { startGatewayProcess, type GatewayProcess } from '../../harness/gateway-process.js';
import { testPostgres } from '../../harness/postgres.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { waitFor } from '../../harness/wait-for.js';

const WORKERS = 2;

describe('several processes behind one port', () => {
  let upstream: FakeUpstream;
  let gateway: GatewayProcess;
  let database: Awaited<ReturnType<typeof testPostgres>>;

  beforeAll(async () => {
    database = await testPostgres();
    upstream = await fakeUpstream();
    gateway = await startGatewayProcess({
      // For callers from inside only: what one process relays to another still comes from where it came.
      config: { mcp_servers: { up: { url: upstream.url, transport: 'http', available_on_public_internet: false } } },
      args: ['--workers', String(WORKERS)],
      databaseUrl: database.url.reveal(),
      env: { LITELLM_MASTER_KEY: undefined },
    });
    await waitFor(() => /\d of \d ready/.test(gateway.output()), { timeoutMs: 30_000 });
  }, 90_000);

  afterAll(async () => {
    await gateway.close();
    await upstream.close();
    await database.drop();
  });

  const key = (): string => /master key +(sk-\S+)/.exec(gateway.output())?.[1] ?? '';

  /** Connections are dealt in turn, so fresh ones reach every worker. */
  const readiness = async (): Promise<{ pid?: number; worker: { index: number; count: number } }> => {
    const response = await fetch(`${gateway.url}/health/readiness`, {
      headers: { 'x-api-key': key(), connection: 'close' },
    });
    return (await response.json()) as { worker: { index: number; count: number } };
  };

  test('say hello once, with one key that all of them know', async () => {
    expect(gateway.output().match(/listens on/g)).toHaveLength(1);
    expect(gateway.output().match(/master key +sk-/g)).toHaveLength(1);
    const seen = new Set<number>();
    await waitFor(async () => {
      const { worker } = await readiness();
      expect(worker.count).toBe(WORKERS);
      seen.add(worker.index);
      return seen.size === WORKERS;
    });
  });

  test('serve one client session from any of them', async () => {
    const clients = await Promise.all(Array.from({ length: 4 }, () => connectV1(`${gateway.url}/mcp`, { key: key() })));
    for (const client of clients) {
      for (let call = 0; call < 5; call += 1) {
        expect((await client.callTool({ name: 'up-echo', arguments: { call } })).content).toEqual([
          { type: 'text', text: `{"call":${call}}` },
        ]);
      }
      await client.close();
    }
  });

  test('add their metrics up', async () => {
    const calls = async (): Promise<number> => {
      const response = await fetch(`${gateway.url}/metrics`, { headers: { 'x-api-key': key() } });
      const text = await response.text();
      return Number(/^gatehouse_calls_total\{method="ping",server="",outcome="ok"\} (\d+)$/m.exec(text)?.[1] ?? 0);
    };
    const before = await calls();
    for (let call = 0; call < 10; call += 1) {
      const { status } = await rpc(`${gateway.url}/mcp`, 'ping', {}, { key: key(), headers: { connection: 'close' } });
      expect(status).toBe(200);
    }
    await waitFor(async () => (await calls()) - before === 10, { what: 'ten more calls in the sum' });
  });

  test('one that is killed is started again, while the others serve', async () => {
    const pids = [...gateway.output().matchAll(/"workerPid":(\d+)/g)].map(([, pid]) => Number(pid));
    expect(pids).toHaveLength(WORKERS);
    process.kill(pids[0] ?? 0, 'SIGKILL');
    await waitFor(() => gateway.output().includes('a worker process died and is started again'));
    await waitFor(async () => (await rpc(`${gateway.url}/mcp`, 'ping', {}, { key: key() })).status === 200);
    const seen = new Set<number>();
    const both = async (): Promise<boolean> => {
      seen.add((await readiness()).worker.index);
      return seen.size === WORKERS;
    };
    // On a busy machine a process takes its time to start.
    await waitFor(both, { timeoutMs: 30_000 });
  }, 60_000);

  test('end together, and leave no process and no socket behind', async () => {
    const sockets = /"socketDir":"([^"]+)"/.exec(gateway.output())?.[1] ?? '';
    expect(existsSync(sockets)).toBe(true);
    const pids = [...gateway.output().matchAll(/"workerPid":(\d+)/g)].map(([, pid]) => Number(pid));
    gateway.kill('SIGTERM');
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
    expect(existsSync(sockets)).toBe(false);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
  });
});

test('what stops one of several workers from starting stops them all, with the reason', async () => {
  const database = await testPostgres();
  const [one, two] = [
    await startGatewayProcess({ config: {}, databaseUrl: database.url.reveal() }),
    await testPostgres(),
  ];
  const { port } = new URL(one.url);
  const second = await startGatewayProcess({
    config: {},
    args: ['--workers', '2'],
    port: Number(port),
    databaseUrl: two.url.reveal(),
    until: 'started',
    env: { LOG_LEVEL: 'warn' },
  });
  expect(await second.exited).toEqual({ code: 1, signal: null });
  expect(second.output()).toContain(`port ${port} on 127.0.0.1 is already in use`);
  await second.close();
  await one.close();
  await database.drop();
  await two.drop();
}, 90_000);
