import { request } from 'node:http';
import { connect } from 'node:net';
import { once } from 'node:events';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { clientHeaders, rpc, type RpcAnswer } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

/** Contract §12: over a limit there is a clear error, never a hang, never a crash. */
describe('limits', () => {
  let upstream: FakeUpstream;
  let gateway: TestGateway;
  let mcp: string;
  const waiting: (() => void)[] = [];

  beforeAll(async () => {
    upstream = await fakeUpstream({
      tools: [
        { name: 'echo', inputSchema: { type: 'object' } },
        {
          name: 'wait',
          inputSchema: { type: 'object' },
          run: () => new Promise((resolve) => waiting.push(() => resolve('ok'))),
        },
        { name: 'silent', inputSchema: { type: 'object' }, run: () => new Promise(() => undefined) },
        {
          name: 'flood',
          inputSchema: { type: 'object' },
          run: async (_args, call) => {
            const chunk = 'x'.repeat(64 * 1024);
            for (let index = 0; index < 800 && !call.signal.aborted; index += 1) {
              call.progress(index, 800, chunk);
              await new Promise((resolve) => setImmediate(resolve));
            }
            return 'flooded';
          },
        },
      ],
    });
    gateway = await startGateway({
      config: {
        general_settings: { limits: { sessions_per_key: 3, streams_per_key: 2, calls_per_key: 4 } },
        mcp_servers: {
          up: { url: upstream.url, transport: 'http' },
          slow: { url: upstream.url, transport: 'http', timeout: 1 },
        },
      },
    });
    mcp = `${gateway.url}/mcp`;
  });

  afterAll(async () => {
    await gateway.close();
    await upstream.close();
  });

  const ask = (method: string, params?: unknown, more: object = {}): Promise<RpcAnswer> =>
    rpc(mcp, method, params, { key: gateway.key, ...more });
  const initialize = async (): Promise<string> =>
    (
      await ask('initialize', {
        protocolVersion: '2025-11-25',
        capabilities: {},
        clientInfo: { name: 't', version: '1' },
      })
    ).headers.get('mcp-session-id') ?? '';
  const openStream = (sessionId: string, signal: AbortSignal): Promise<Response> =>
    fetch(mcp, { headers: { ...clientHeaders({ key: gateway.key, sessionId }), accept: 'text/event-stream' }, signal });

  it('abandoned sessions take no more memory than the bound, and their ids stay good (defect 37)', async () => {
    const ids: string[] = [];
    for (let index = 0; index < 50; index += 1) ids.push(await initialize());
    const held = Number(/gatehouse_client_sessions (\d+)/.exec(await authorizedMetrics())?.[1]);
    expect(held).toBeLessThanOrEqual(3);
    expect((await ask('ping', undefined, { sessionId: ids[0] ?? '' })).message?.result).toEqual({});
  });

  it('streams beyond the bound are 429 with Retry-After, and sessions that are live are not thrown away for new ones', async () => {
    const abort = new AbortController();
    const streams = [];
    for (let index = 0; index < 2; index += 1) streams.push(await openStream(await initialize(), abort.signal));
    expect(streams.map(({ status }) => status)).toEqual([200, 200]);
    const third = await openStream(await initialize(), abort.signal);
    expect([third.status, third.headers.get('retry-after')]).toEqual([429, '5']);
    abort.abort();
    await waitFor(async () => (await authorizedMetrics()).includes('gatehouse_client_streams 0'), {
      what: 'the streams to be forgotten',
    });
  });

  it('calls beyond the bound are 429 with Retry-After; those that run are not disturbed', async () => {
    const running = Array.from({ length: 4 }, () => ask('tools/call', { name: 'up-wait' }));
    await waitFor(() => waiting.length === 4, { what: 'four running calls' });
    const fifth = await ask('tools/call', { name: 'up-echo' });
    expect([fifth.status, fifth.headers.get('retry-after'), fifth.message?.error?.message]).toEqual([
      429,
      '1',
      expect.stringContaining('calls_per_key'),
    ]);
    for (const release of waiting.splice(0)) release();
    for (const { message } of await Promise.all(running)) expect(message?.result).toBeDefined();
    expect((await ask('tools/call', { name: 'up-echo' })).message?.result).toBeDefined();
  });

  it('a call without a byte ends after the server’s timeout, with the server and whether to retry', async () => {
    const { message } = await ask('tools/call', { name: 'slow-silent' });
    expect(message?.error).toMatchObject({ code: -32603, data: { server: 'slow', retryable: true } });
  });

  it('an overlong header block is 431, a request that never ends is closed, pipelined garbage is 400', async () => {
    const { port } = new URL(gateway.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(`GET /mcp HTTP/1.1\r\nHost: localhost\r\nX-Big: ${'x'.repeat(20_000)}\r\n\r\n`);
    const [head] = (await once(socket, 'data')) as [Buffer];
    expect(head.toString()).toContain('431');
    socket.destroy();
    const garbage = connect(Number(port), '127.0.0.1');
    garbage.write('NONSENSE\r\n\r\n');
    const [answer] = (await once(garbage, 'data')) as [Buffer];
    expect(answer.toString()).toContain('400');
    garbage.destroy();
  });

  it('a slow reader holds the upstream back instead of filling our memory', async () => {
    const before = process.memoryUsage().rss;
    const call = request(mcp, { method: 'POST', headers: clientHeaders({ key: gateway.key }) });
    call.end(
      JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'up-flood', _meta: { progressToken: 1 } },
      }),
    );
    const [response] = (await once(call, 'response')) as [NodeJS.ReadableStream];
    let read = 0;
    let peak = 0;
    for await (const chunk of response) {
      read += (chunk as Buffer).length;
      peak = Math.max(peak, process.memoryUsage().rss - before);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(read).toBeGreaterThan(50_000_000);
    // Upstream, gateway and reader share this process; without backpressure the whole 52 MB would be held, several times.
    expect(peak).toBeLessThan(150 * 1024 * 1024);
  });

  async function authorizedMetrics(): Promise<string> {
    return await (await fetch(`${gateway.url}/metrics`, { headers: { 'x-litellm-api-key': gateway.key } })).text();
  }
});
