import { startFixture, type Fixture } from '../../conformance/fixture/start-fixture.js';
import { startGatewayProcess, type GatewayProcess } from '../../harness/gateway-process.js';
import { testPostgres } from '../../harness/postgres.js';
import { clientHeaders, messagesOf, rpc } from '../../harness/rpc-over-http.js';
import { waitFor } from '../../harness/wait-for.js';

describe('several processes behind one port', () => {
  let fixture: Fixture;
  let gateway: GatewayProcess;
  let database: Awaited<ReturnType<typeof testPostgres>>;

  beforeAll(async () => {
    [database, fixture] = await Promise.all([testPostgres(), startFixture({ era: 'legacy' })]);
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

  /** On a connection of its own: connections are dealt in turn, so both workers get some. */
  const post = (sessionId: string, message: unknown) =>
    fetch(`${gateway.url}/up/mcp`, {
      method: 'POST',
      headers: clientHeaders({ key: gateway.key, sessionId, headers: { connection: 'close' } }),
      body: JSON.stringify({ jsonrpc: '2.0', ...(message as object) }),
    });

  test('an answer reaches the process that asked, whichever takes it in', async () => {
    const params = {
      protocolVersion: '2025-11-25',
      capabilities: { roots: {} },
      clientInfo: { name: 'test', version: '1' },
    };
    const { headers } = await rpc(`${gateway.url}/up/mcp`, 'initialize', params, { key: gateway.key });
    const sessionId = headers.get('mcp-session-id') ?? '';
    for (let round = 1; round <= 4; round += 1) {
      const call = { id: round, method: 'tools/call', params: { name: 'test_roots', arguments: {} } };
      const response = await post(sessionId, call);
      let text = '';
      let answered = false;
      for await (const chunk of response.body ?? []) {
        text += Buffer.from(chunk as Uint8Array).toString();
        const whole = text.slice(0, text.lastIndexOf('\n\n') + 2);
        const question = messagesOf('text/event-stream', whole).find(({ method }) => method === 'roots/list');
        if (question === undefined || answered) continue;
        answered = true;
        const roots = [{ uri: `file:///round-${round}` }];
        expect((await post(sessionId, { id: question.id, result: { roots } })).status).toBe(202);
      }
      expect(messagesOf('text/event-stream', text).at(-1)).toMatchObject({ id: round });
      expect(text).toContain(`file:///round-${round}`);
    }
  });

  test('an answer to a process that is gone lets the client start anew', async () => {
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
    const { headers } = await rpc(`${gateway.url}/up/mcp`, 'initialize', params, { key: gateway.key });
    const answer = await post(headers.get('mcp-session-id') ?? '', { id: 'gatehouse-elsewhere-1', result: {} });
    expect(answer.status).toBe(404);
  });
});
