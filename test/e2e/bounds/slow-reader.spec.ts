import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { fakeUpstream } from '../../harness/fake-upstream.js';
import { startGatewayProcess, type GatewayProcess } from '../../harness/gateway-process.js';
import { listen } from '../../harness/listen.js';
import { testPostgres, type TestPostgres } from '../../harness/postgres.js';
import { clientHeaders, rpc } from '../../harness/rpc-over-http.js';
import { waitFor } from '../../harness/wait-for.js';

const MIB = 1024 * 1024;
const CHUNK = 'x'.repeat(64 * 1024);
/** 100 MB in all. */
const CHUNKS = 1_600;
/** What sockets, on both sides of the gateway, may hold by themselves. */
const IN_SOCKETS_MAX = 32 * MIB;
/** Of memory; a collector that has not run yet is no leak. */
const GROWTH_MAX = 64 * MIB;

interface Flood {
  readonly url: string;
  /** Bytes the gateway took. */
  sent(): number;
  close(): Promise<void>;
}

/** A server whose one tool sends progress as fast as it is taken. */
async function flood(): Promise<Flood> {
  let sent = 0;
  const reply = (response: ServerResponse, id: unknown, result: object): void => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
  };
  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { id, method, params } = JSON.parse((await text(incoming)) || '{}') as {
      id?: unknown;
      method?: string;
      params: { protocolVersion?: string; _meta?: { progressToken?: unknown } };
    };
    if (method === 'initialize') {
      const { protocolVersion } = params;
      return reply(response, id, {
        protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: 'f', version: '1' },
      });
    }
    if (method === 'tools/list')
      return reply(response, id, { tools: [{ name: 'flood', inputSchema: { type: 'object' } }] });
    if (method !== 'tools/call') return void response.writeHead(id === undefined ? 202 : 405).end();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (let progress = 0; progress < CHUNKS && !response.destroyed; progress += 1) {
      const { progressToken } = params._meta ?? {};
      const message = {
        jsonrpc: '2.0',
        method: 'notifications/progress',
        params: { progressToken, progress, message: CHUNK },
      };
      const event = `event: message\ndata: ${JSON.stringify(message)}\n\n`;
      sent += event.length;
      if (!response.write(event)) await drained(response);
    }
    response.end(`data: ${JSON.stringify({ jsonrpc: '2.0', id, result: { content: [] } })}\n\n`);
  };
  const server = createServer((incoming, response) => {
    handle(incoming, response).catch(() => response.destroy());
  });
  const { origin, close } = await listen(server);
  return { url: `${origin}/mcp`, sent: () => sent, close };
}

/** Resolves when there is room again, or nobody to write to. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.once('drain', done);
    response.once('close', done);
  });
}

/** Waits until a number has stopped moving. */
async function settled(read: () => number): Promise<number> {
  let [last, unchanged] = [Number.NaN, 0];
  await waitFor(
    () => {
      const now = read();
      unchanged = now === last ? unchanged + 1 : 0;
      last = now;
      return unchanged >= 40;
    },
    { what: 'it to stand still', timeoutMs: 30_000 },
  );
  return last;
}

/** Security page §3: backpressure end to end; a slow reader never makes us buffer. */
describe('a client that does not read', () => {
  let database: TestPostgres;
  let gateway: GatewayProcess;
  const closers: (() => Promise<void>)[] = [];

  async function start(url: string): Promise<void> {
    database = await testPostgres();
    gateway = await startGatewayProcess({
      config: { mcp_servers: { up: { url, transport: 'http' } } },
      databaseUrl: database.url.reveal(),
      env: { LOG_LEVEL: 'warn' },
    });
    closers.push(
      () => gateway.close(),
      () => database.drop(),
    );
    await rpc(`${gateway.url}/mcp`, 'tools/list', {}, { key: gateway.key });
  }
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  const memory = async (): Promise<number> => {
    const response = await fetch(`${gateway.url}/metrics`, { headers: { 'x-api-key': gateway.key } });
    return Number(/^process_resident_memory_bytes (\S+)$/m.exec(await response.text())?.[1]);
  };

  test('holds its server back, and gets everything when it reads on', async () => {
    const server = await flood();
    closers.push(server.close);
    await start(server.url);
    const before = await memory();
    const call = request(`${gateway.url}/mcp`, { method: 'POST', headers: clientHeaders({ key: gateway.key }) });
    const params = { name: 'up-flood', _meta: { progressToken: 'p' } };
    call.end(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }));
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    await waitFor(() => server.sent() > MIB, { what: 'the flood to begin' });
    expect(await settled(server.sent)).toBeLessThan(IN_SOCKETS_MAX);
    expect((await memory()) - before).toBeLessThan(GROWTH_MAX);
    // Others are served meanwhile.
    expect((await rpc(`${gateway.url}/mcp`, 'ping', {}, { key: gateway.key })).status).toBe(200);
    let read = 0;
    let end = '';
    for await (const chunk of response as AsyncIterable<Buffer>) {
      read += chunk.length;
      end = (end + chunk.toString('latin1')).slice(-200);
    }
    expect(read).toBeGreaterThan(CHUNKS * CHUNK.length);
    expect(end).toContain('"id":1,"result"');
  }, 90_000);

  test('of the old transport is refused further calls until it has read the answers it has', async () => {
    const large = 'y'.repeat(MIB);
    const upstream = await fakeUpstream({
      tools: [{ name: 'large', inputSchema: { type: 'object' }, run: () => large }],
    });
    closers.push(() => upstream.close());
    await start(upstream.url);
    const before = await memory();
    const opening = request(`${gateway.url}/sse`, {
      headers: { 'x-api-key': gateway.key, accept: 'text/event-stream' },
    });
    opening.end();
    const [stream] = (await once(opening, 'response')) as [IncomingMessage];
    let seen = '';
    let answers = 0;
    const count = (chunk: Buffer): void => {
      seen += chunk.toString('latin1');
      answers += seen.split('"result"').length - 1;
      // Only what could be the beginning of the word is kept.
      seen = /data: \S*messages\S*/.exec(seen)?.[0] ?? seen.slice(-7);
    };
    stream.on('data', count);
    const path = await waitFor(() => /data: (\S+)/.exec(seen)?.[1], { what: 'the endpoint' });
    seen = '';
    stream.pause();
    const send = async (id: number): Promise<Response> =>
      fetch(`${gateway.url}${path}`, {
        method: 'POST',
        headers: clientHeaders({ key: gateway.key }),
        body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'up-large' } }),
      });

    let accepted = 0;
    let refusal: Response | undefined;
    while (refusal === undefined && accepted < 300) {
      const response = await send(accepted);
      if (response.status === 202) accepted += 1;
      else refusal = response;
    }
    expect([refusal?.status, Number(refusal?.headers.get('retry-after'))]).toEqual([429, 1]);
    expect((await memory()) - before).toBeLessThan(GROWTH_MAX + IN_SOCKETS_MAX);
    stream.resume();
    await waitFor(() => answers === accepted, { what: 'the answers that were owed', timeoutMs: 20_000 });
    expect((await send(1_000)).status).toBe(202);
    await waitFor(() => answers === accepted + 1, { what: 'the answer after the pause' });
    opening.destroy();
  }, 90_000);
});
