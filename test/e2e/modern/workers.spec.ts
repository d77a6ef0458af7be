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
  const send = (method: string, params: Json): Promise<RpcAnswer> =>
    modernRpc(`${gateway.url}/mcp/up`, method, params, {
      key: gateway.key,
      capabilities: { elicitation: {}, extensions: { 'io.modelcontextprotocol/tasks': {} } },
      headers: { connection: 'close' },
    });

  const ask = (params: Json): Promise<RpcAnswer> =>
    send('tools/call', { name: 'test_elicitation', arguments: { message: 'Who?' }, ...params });

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

  test('and so do tasks that ask: each look and each answer reaches the process that was asked', async () => {
    for (let task = 0; task < 4; task += 1) {
      const begun = await send('tools/call', { name: 'confirm_delete', arguments: { filename: `${task}.txt` } });
      const { taskId } = begun.message?.result as { taskId: string };
      const look = async (): Promise<Json> => (await send('tasks/get', { taskId })).message?.result ?? {};
      const keys = new Set<string>();
      await waitFor(
        async () => {
          for (const key of Object.keys((await look())['inputRequests'] ?? {})) keys.add(key);
          return keys.size;
        },
        { everyMs: 50 },
      );
      for (let again = 0; again < 3; again += 1) {
        for (const key of Object.keys((await look())['inputRequests'] as Json)) keys.add(key);
      }
      expect(keys.size).toBe(1);
      const [key = ''] = keys;
      const inputResponses = { [key]: { action: 'accept', content: { confirm: true } } };
      expect((await send('tasks/update', { taskId, inputResponses })).message?.error).toBeUndefined();
      await waitFor(async () => (await look())['status'] === 'completed', { everyMs: 50 });
      expect(await look()).toMatchObject({ result: { content: [{ text: `Deleted ${task}.txt.` }] } });
    }
  }, 60_000);
});
