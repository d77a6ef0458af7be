import { connect } from 'node:net';
import { once } from 'node:events';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { startGatewayProcess, type GatewayProcess } from '../../harness/gateway-process.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway } from '../../harness/start-gateway.js';
import { testPostgres } from '../../harness/postgres.js';
import { waitFor } from '../../harness/wait-for.js';

const SLOW_MS = 700;

function slowUpstream(): Promise<FakeUpstream> {
  return fakeUpstream({
    tools: [
      { name: 'quick', inputSchema: { type: 'object' } },
      {
        name: 'slow',
        inputSchema: { type: 'object' },
        run: async () => {
          await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
          return 'finished';
        },
      },
    ],
  });
}

/** Clients that call as fast as they can until nobody accepts their connection any more. */
function callers(
  url: string,
  key: string,
  count: number,
): { readonly answered: () => number; readonly failures: Promise<unknown[]> } {
  let answered = 0;
  const one = async (): Promise<unknown> => {
    for (;;) {
      try {
        const { status, message } = await rpc(`${url}/mcp`, 'tools/call', { name: 'up-quick', arguments: {} }, { key });
        if (status !== 200 || message?.result === undefined) return { status, message };
        answered += 1;
      } catch (error) {
        // Nothing was sent: whoever is refused has lost nothing and goes elsewhere.
        if (codeOf(error) === 'ECONNREFUSED') return undefined;
        return { code: codeOf(error), reason: String(error) };
      }
    }
  };
  const failures = Promise.all(Array.from({ length: count }, one)).then((all) =>
    all.filter((each) => each !== undefined),
  );
  return { answered: () => answered, failures };
}

/** `fetch` throws errors of another realm here, so `instanceof` would not know them. */
function codeOf(error: unknown): string | undefined {
  return (error as { cause?: { code?: string } }).cause?.code;
}

describe('SIGTERM', () => {
  let upstream: FakeUpstream;
  let gateway: GatewayProcess;
  let database: Awaited<ReturnType<typeof testPostgres>>;

  beforeEach(async () => {
    database = await testPostgres();
    upstream = await slowUpstream();
    gateway = await startGatewayProcess({
      config: { mcp_servers: { up: { url: upstream.url, transport: 'http' } } },
      databaseUrl: database.url.reveal(),
    });
    await rpc(`${gateway.url}/mcp`, 'tools/list', {}, { key: gateway.key });
  });

  afterEach(async () => {
    await gateway.close();
    await upstream.close();
    await database.drop();
  });

  test('under load fails no call, finishes running ones, writes the ledger and exits 0', async () => {
    const load = callers(gateway.url, gateway.key, 16);
    await waitFor(() => load.answered() > 100);
    const running = rpc(`${gateway.url}/mcp`, 'tools/call', { name: 'up-slow', arguments: {} }, { key: gateway.key });
    await waitFor(() => upstream.requests.some(({ bodyText }) => bodyText.includes('"slow"')));
    gateway.kill('SIGTERM');
    expect((await running).message?.result).toMatchObject({ content: [{ type: 'text', text: 'finished' }] });
    expect(await load.failures).toEqual([]);
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
    const [row] = await database.query(`SELECT count(*)::int AS calls FROM call_ledger WHERE method = 'tools/call'`);
    expect(row?.['calls']).toBeGreaterThanOrEqual(load.answered() + 1);
  });

  test('ends open streams with a hint when to come back', async () => {
    const { headers } = await rpc(
      `${gateway.url}/mcp`,
      'initialize',
      { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
      { key: gateway.key },
    );
    const stream = await fetch(`${gateway.url}/mcp`, {
      headers: {
        accept: 'text/event-stream',
        'x-litellm-api-key': gateway.key,
        'mcp-session-id': headers.get('mcp-session-id') ?? '',
      },
    });
    expect(stream.status).toBe(200);
    const text = stream.text();
    gateway.kill('SIGTERM');
    expect(await text).toMatch(/^retry: \d+$/m);
    expect(await gateway.exited).toEqual({ code: 0, signal: null });
  });

  test('a second signal does not wait, but an echo of the first is not a second', async () => {
    upstream.setFailure(({ method }) => (method === 'tools/call' ? 'hang' : undefined));
    const running = rpc(`${gateway.url}/mcp`, 'tools/call', { name: 'up-slow', arguments: {} }, { key: gateway.key });
    const failed = expect(running).rejects.toThrow();
    await waitFor(() => upstream.seen('tools/call').length > 0);
    gateway.kill('SIGINT');
    gateway.kill('SIGTERM');
    const refuses = (): Promise<boolean> =>
      fetch(`${gateway.url}/health/liveness`).then(
        () => false,
        () => true,
      );
    await waitFor(refuses);
    // The call holds it up: it is still there after the time of an echo.
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(() => process.kill(gateway.pid, 0)).not.toThrow();
    gateway.kill('SIGINT');
    expect(await gateway.exited).toEqual({ code: 1, signal: null });
    await failed;
  });
});

describe('closing', () => {
  test('is not held up by clients that keep connections open and silent, and cuts calls after the grace', async () => {
    const upstream = await fakeUpstream({ latencyMs: 0 });
    const gateway = await startGateway({
      config: { mcp_servers: { up: { url: upstream.url, transport: 'http' } } },
      settings: { limits: { shutdownGraceMs: 500 } },
    });
    const { port } = new URL(gateway.url);
    const silent = connect(Number(port), '127.0.0.1');
    await once(silent, 'connect');
    silent.resume();
    const silentClosed = once(silent, 'close');
    await rpc(`${gateway.url}/mcp`, 'tools/list', {}, { key: gateway.key });
    upstream.setFailure(() => 'hang');
    const hanging = rpc(`${gateway.url}/mcp`, 'tools/call', { name: 'up-echo', arguments: {} }, { key: gateway.key });
    const outcome = hanging.then(
      () => 'answered',
      () => 'cut',
    );
    await waitFor(() => upstream.seen('tools/call').length > 0);
    const startedAt = performance.now();
    await gateway.close();
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(['cut', 'answered']).toContain(await outcome);
    await silentClosed;
    await upstream.close();
  });
});
