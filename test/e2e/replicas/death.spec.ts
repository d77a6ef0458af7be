import { setTimeout as delay } from 'node:timers/promises';
import { startFixture, type Fixture } from '../../conformance/fixture/start-fixture.js';
import { answeringClient } from '../../harness/answering-client.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { startGatewayProcess, type GatewayProcess } from '../../harness/gateway-process.js';
import { modernRpc } from '../../harness/modern-rpc.js';
import { testPostgres } from '../../harness/postgres.js';
import { everythingOverStdio } from '../../harness/real-servers.js';
import { roundRobin, type RoundRobin } from '../../harness/round-robin.js';
import { clientHeaders, rpc, type RpcAnswer } from '../../harness/rpc-over-http.js';
import { waitFor } from '../../harness/wait-for.js';

const WATCHED = 'test://watched-resource';

/** A replica dies without a word while clients are in the middle of things (security page §2). */
describe.each([
  ['one process each', []],
  ['two processes each', ['--workers', '2']],
] as const)('two replicas of %s, of which the first is killed', (_name, args) => {
  let fixture: Fixture;
  let upstream: FakeUpstream;
  let database: Awaited<ReturnType<typeof testPostgres>>;
  let first: GatewayProcess;
  let second: GatewayProcess;
  let front: RoundRobin;
  const sessions = new Map<string, string>();
  let running: Promise<RpcAnswer>;
  let streaming: Promise<string>;
  let slowCalls = 0;
  let watching: Awaited<ReturnType<typeof answeringClient>>;
  let parked: { requestState: string; key: string };

  const key = (): string => first.key;
  const url = (path: string): string => `${front.url}${path}`;

  async function open(path: string): Promise<void> {
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
    const { headers } = await rpc(url(path), 'initialize', params, { key: key() });
    sessions.set(path, headers.get('mcp-session-id') ?? '');
  }

  const onSession = (path: string, method: string, params: unknown, id = 1) =>
    rpc(url(path), method, params, { key: key(), sessionId: sessions.get(path) ?? '', id });

  const withoutSession = () =>
    rpc(url('/own/mcp'), 'tools/call', { name: 'echo', arguments: { message: 'hi' } }, { key: key() });

  const ask = (params: Record<string, unknown>) =>
    modernRpc(
      url('/mcp/fixture'),
      'tools/call',
      { name: 'test_elicitation', arguments: { message: 'Who?' }, ...params },
      { key: key(), capabilities: { elicitation: {} } },
    );

  beforeAll(async () => {
    [database, fixture] = await Promise.all([testPostgres(), startFixture({ era: 'legacy' })]);
    upstream = await fakeUpstream({
      stateful: true,
      tools: [
        { name: 'echo', inputSchema: { type: 'object' } },
        {
          name: 'slow',
          inputSchema: { type: 'object' },
          run: async ({ talks }, call) => {
            slowCalls += 1;
            if (talks === true) call.log('info', 'began');
            await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
            return 'done';
          },
        },
      ],
    });
    const options = {
      config: {
        mcp_servers: {
          fixture: { url: fixture.url, transport: 'http' },
          up: { url: upstream.url, transport: 'http' },
          own: { ...everythingOverStdio(), isolation: 'session' },
        },
      },
      args,
      databaseUrl: database.url.reveal(),
    };
    first = await startGatewayProcess(options);
    second = await startGatewayProcess(options);
    await waitFor(() => [first, second].every((gateway) => /\d of \d ready/.test(gateway.output())), {
      timeoutMs: 60_000,
    });
    front = await roundRobin([first.url, second.url]);
    front.prefer(0);
    watching = await answeringClient(url('/fixture/mcp'), { key: key() });
    await watching.subscribe(WATCHED);
    for (const path of ['/up/mcp', '/own/mcp']) await open(path);
    front.prefer(undefined);
    for (let call = 0; call < 4; call += 1) {
      expect((await onSession('/up/mcp', 'tools/call', { name: 'echo' })).status).toBe(200);
      expect(
        (await onSession('/own/mcp', 'tools/call', { name: 'echo', arguments: { message: 'hi' } })).text,
      ).toContain('hi');
    }
    front.prefer(0);
    expect((await withoutSession()).text).toContain('hi');
    const asked = (await ask({})).message?.result as { requestState: string; inputRequests: Record<string, unknown> };
    parked = { requestState: asked.requestState, key: Object.keys(asked.inputRequests)[0] ?? '' };
    // From now on everything comes to the second, which passes it on.
    front.prefer(1);
    running = onSession('/up/mcp', 'tools/call', { name: 'slow' }, 77);
    streaming = fetch(url('/up/mcp'), {
      method: 'POST',
      headers: clientHeaders({ key: key(), sessionId: sessions.get('/up/mcp') ?? '' }),
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 'streaming',
        method: 'tools/call',
        params: { name: 'slow', arguments: { talks: true } },
      }),
    }).then((response) => response.text());
    await waitFor(() => slowCalls === 2);
    await delay(100);
    first.kill('SIGKILL');
    for (const [, pid] of first.output().matchAll(/"workerPid":(\d+)/g)) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It went with its primary.
      }
    }
    await first.exited;
  }, 180_000);

  afterAll(async () => {
    await watching.close();
    await front.close();
    await second.close();
    await first.close();
    await upstream.close();
    await fixture.close();
    await database.drop();
  });

  test('a call that ran there ends in an error, and was made once', async () => {
    const answer = await running;
    expect(answer.message).toMatchObject({ id: 77, error: { code: -32603 } });
    expect(await streaming).toMatch(/"id":"streaming".*"error"|"error".*"id":"streaming"/);
    expect(slowCalls).toBe(2);
  });

  test('the same session goes on with tools', async () => {
    for (let call = 0; call < 3; call += 1) {
      const answer = await onSession('/up/mcp', 'tools/call', { name: 'echo', arguments: { call } });
      expect(answer.text).toContain(`{\\"call\\":${call}}`);
    }
  });

  test('what the client watched is watched again, and it is told what it may have missed', async () => {
    expect(await watching.toolNames()).toContain('test_simple_text');
    await waitFor(() => watching.told.some(({ params }) => params['uri'] === WATCHED), { timeoutMs: 20_000 });
    const before = watching.told.length;
    await watching.text('test_trigger_resource_update');
    await waitFor(() => watching.told.length > before);
  });

  test('a session that had a child of its own there is unknown: its client starts anew', async () => {
    const call = { name: 'echo', arguments: { message: 'hi' } };
    expect((await onSession('/own/mcp', 'tools/call', call)).status).toBe(404);
    await open('/own/mcp');
    expect((await onSession('/own/mcp', 'tools/call', call)).text).toContain('hi');
  });

  test('who calls without a session gets a new child', async () => {
    for (let call = 0; call < 2; call += 1) expect((await withoutSession()).text).toContain('hi');
  });

  test('a call that waited there for input is made anew', async () => {
    const inputResponses = { [parked.key]: { action: 'accept', content: { username: 'ada', email: 'a@b.c' } } };
    const answer = await ask({ requestState: parked.requestState, inputResponses });
    expect(answer.message?.error).toMatchObject({ code: -32602, message: expect.stringContaining('requestState') });
    expect((await ask({})).message?.result?.['resultType']).toBe('input_required');
  });

  test('an answer to what it asked is refused as of a session that is over', async () => {
    const foreign = `gatehouse-${'0'.repeat(16)}_0_00000000-1`;
    const body = JSON.stringify({ jsonrpc: '2.0', id: foreign, result: {} });
    const headers = clientHeaders({ key: key(), sessionId: sessions.get('/up/mcp') ?? '' });
    expect((await fetch(url('/up/mcp'), { method: 'POST', headers, body })).status).toBe(404);
  });
});
