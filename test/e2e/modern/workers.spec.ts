import { startFixture, type Fixture } from '../../conformance/fixture/start-fixture.js';
import { startGatewayProcess, type GatewayProcess } from '../../harness/gateway-process.js';
import { modernRpc } from '../../harness/modern-rpc.js';
import { testPostgres } from '../../harness/postgres.js';
import type { RpcAnswer } from '../../harness/rpc-over-http.js';
import { waitFor } from '../../harness/wait-for.js';

type Json = Record<string, unknown>;

/** A parked call lives in one process; whoever holds its `requestState` may come to any (contract §5). */
describe('calls in rounds, with several processes behind one port', () => {
  let fixture: Fixture;
  let gateway: GatewayProcess;
  let database: Awaited<ReturnType<typeof testPostgres>>;

  beforeAll(async () => {
    database = await testPostgres();
    fixture = await startFixture({ era: 'legacy' });
    gateway = await startGatewayProcess({
      config: { mcp_servers: { up: { url: fixture.url, transport: 'http' } } },
      args: ['--workers', '2'],
      databaseUrl: database.url.reveal(),
    });
    await waitFor(() => /\d of \d ready/.test(gateway.output()), { timeoutMs: 30_000 });
  }, 90_000);

  afterAll(async () => {
    await gateway.close();
    await fixture.close();
    await database.drop();
  });

  /** Connections are dealt in turn, so fresh ones reach every worker. */
  const ask = (params: Json): Promise<RpcAnswer> =>
    modernRpc(
      `${gateway.url}/mcp/up`,
      'tools/call',
      { name: 'test_elicitation', arguments: { message: 'Who?' }, ...params },
      { key: gateway.key, capabilities: { elicitation: {} }, headers: { connection: 'close' } },
    );

  test('go on wherever the client comes back to', async () => {
    for (let call = 0; call < 8; call += 1) {
      const first = await ask({});
      const { requestState, inputRequests } = first.message?.result as { requestState: string; inputRequests: Json };
      const [key = ''] = Object.keys(inputRequests);
      // Now and then one more connection in between, so that both orders come up.
      if (call % 2 === 1) await fetch(`${gateway.url}/health/liveliness`, { headers: { connection: 'close' } });
      const content = { username: `user-${call}`, email: 'a@b.c' };
      const second = await ask({ requestState, inputResponses: { [key]: { action: 'accept', content } } });
      expect(second.text).toContain(`user-${call}`);
      expect(second.message?.result?.['resultType']).toBe('complete');
    }
  }, 60_000);
});
