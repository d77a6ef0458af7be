import { connect } from 'node:net';
import { fakeUpstream } from '../../harness/fake-upstream.js';
import { startGatewayProcess, type GatewayProcess } from '../../harness/gateway-process.js';
import { testPostgres } from '../../harness/postgres.js';
import { clientHeaders, rpc } from '../../harness/rpc-over-http.js';
import { waitFor } from '../../harness/wait-for.js';

const SESSIONS = 10_000;
/** `limits.sessions_per_key`, as it is by default. */
const HELD_MAX = 100;
const AT_ONCE = 25;
const MIB = 1024 * 1024;

/** Security page §3: sessions, and what hangs on them, have a bound. */
describe('sessions that are opened and abandoned', () => {
  async function gauge(gateway: GatewayProcess, name: string): Promise<number> {
    const response = await fetch(`${gateway.url}/metrics`, { headers: { 'x-api-key': gateway.key } });
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(await response.text())?.[1]);
  }

  test(`${SESSIONS} of them leave ${HELD_MAX} in memory, their upstream sessions end, and every id stays good`, async () => {
    const database = await testPostgres();
    const upstream = await fakeUpstream({ stateful: true });
    const gateway = await startGatewayProcess({
      config: { mcp_servers: { up: { url: upstream.url, transport: 'http' } } },
      databaseUrl: database.url.reveal(),
      env: { LOG_LEVEL: 'warn' },
    });
    try {
      const mcp = `${gateway.url}/mcp`;
      const ids: string[] = [];
      const open = async (): Promise<void> => {
        const answer = await rpc(
          mcp,
          'initialize',
          { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } },
          { key: gateway.key },
        );
        const sessionId = answer.headers.get('mcp-session-id') ?? '';
        // Some had begun to work: they have a session upstream as well.
        if (ids.push(sessionId) % 20 === 0) {
          const called = await rpc(mcp, 'tools/call', { name: 'up-echo' }, { key: gateway.key, sessionId });
          expect(called.message?.result).toBeDefined();
        }
      };
      const openMany = async (count: number): Promise<void> => {
        let left = count;
        const one = async (): Promise<void> => {
          while (left > 0) {
            left -= 1;
            await open();
          }
        };
        await Promise.all(Array.from({ length: AT_ONCE }, one));
      };

      await openMany(SESSIONS / 5);
      const before = await gauge(gateway, 'process_resident_memory_bytes');
      await openMany(SESSIONS - SESSIONS / 5);
      expect(new Set(ids).size).toBe(SESSIONS);
      expect(await gauge(gateway, 'gatehouse_client_sessions')).toBeLessThanOrEqual(HELD_MAX);
      await waitFor(() => upstream.sessions.size <= HELD_MAX + 5, { what: 'the upstream sessions to be ended' });
      expect(await gauge(gateway, 'gatehouse_upstream_connections')).toBeLessThanOrEqual(HELD_MAX + 5);
      // A collector that has not run is no leak: generous.
      expect((await gauge(gateway, 'process_resident_memory_bytes')) - before).toBeLessThan(96 * MIB);
      expect((await rpc(mcp, 'ping', {}, { key: gateway.key, sessionId: ids[0] ?? '' })).message?.result).toEqual({});
    } finally {
      await gateway.close();
      await upstream.close();
      await database.drop();
    }
  }, 120_000);

  test('streams whose clients vanish are forgotten, and make room for others', async () => {
    const database = await testPostgres();
    const gateway = await startGatewayProcess({ config: {}, databaseUrl: database.url.reveal() });
    try {
      const { port } = new URL(gateway.url);
      for (let index = 0; index < 200; index += 1) {
        const opened = await rpc(
          `${gateway.url}/mcp`,
          'initialize',
          { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } },
          { key: gateway.key },
        );
        const sessionId = opened.headers.get('mcp-session-id') ?? '';
        const headers = Object.entries(clientHeaders({ key: gateway.key, sessionId }))
          .map(([name, value]) => `${name}: ${value}\r\n`)
          .join('');
        const status = await new Promise<string>((resolve, reject) => {
          const socket = connect(Number(port), '127.0.0.1');
          socket.once('error', reject);
          socket.once('data', (head: Buffer) => {
            socket.resetAndDestroy();
            resolve(head.toString('latin1').slice(9, 12));
          });
          socket.write(`GET /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n`);
        });
        // The bound is 20: far more streams than that in a row only when the dead ones go.
        expect(['200', '429']).toContain(status);
        if (status === '429') await waitFor(async () => (await gauge(gateway, 'gatehouse_client_streams')) === 0);
      }
      await waitFor(async () => (await gauge(gateway, 'gatehouse_client_streams')) === 0);
    } finally {
      await gateway.close();
      await database.drop();
    }
  }, 60_000);
});
