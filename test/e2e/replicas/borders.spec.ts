import { createServer, request, type OutgoingHttpHeaders } from 'node:http';
import { changeRow, insertKey } from '../../factory/insert-key.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { listen } from '../../harness/listen.js';
import { clientHeaders, rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

const INSIDE = '127.0.0.2';
const PASS = 'x-gatehouse-peer';

/** What one replica passes to another one is no way around anything (contract §9, security page §1). */
describe('requests that replicas pass to each other', () => {
  let upstream: FakeUpstream;
  let home: TestGateway;
  let other: TestGateway;

  beforeAll(async () => {
    upstream = await fakeUpstream({
      tools: [
        { name: 'echo', inputSchema: { type: 'object' } },
        {
          name: 'chatty',
          inputSchema: { type: 'object' },
          run: async (_args, call) => {
            call.progress(1);
            await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
          },
        },
      ],
    });
    const config = {
      general_settings: { mcp_internal_ip_ranges: [`${INSIDE}/32`], limits: { request_body_bytes: 10_000 } },
      mcp_servers: {
        open: { url: upstream.url, transport: 'http' },
        inner: { url: upstream.url, transport: 'http', available_on_public_internet: false },
      },
    };
    home = await startGateway({ config });
    other = await startGateway({ config, databaseUrl: home.databaseUrl });
  }, 60_000);

  afterAll(async () => {
    await other.close();
    await home.close();
    await upstream.close();
  });

  /** From an address of the test's choosing. */
  function send(
    url: string,
    message: object,
    { from = '127.0.0.1', headers = {} }: { from?: string; headers?: OutgoingHttpHeaders } = {},
  ): Promise<{ status: number; headers: Record<string, unknown>; text: string }> {
    const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<typeof send>>>();
    const call = request(url, {
      method: 'POST',
      localAddress: from,
      agent: false,
      headers: { ...clientHeaders({ key: home.key }), ...headers },
    });
    call.on('error', reject);
    call.on('response', (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
    });
    call.end(JSON.stringify({ jsonrpc: '2.0', ...message }));
    return promise;
  }

  async function open(gateway: TestGateway, from?: string, key = home.key): Promise<string> {
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
    const options = { headers: clientHeaders({ key }), ...(from === undefined ? {} : { from }) };
    const { headers } = await send(`${gateway.url}/mcp`, { id: 1, method: 'initialize', params }, options);
    return String(headers['mcp-session-id']);
  }

  test('are seen as what they are: by the address of their client, and within the bounds', async () => {
    const sessionId = await open(home);
    const list = { id: 2, method: 'tools/list' };
    const headers = { 'mcp-session-id': sessionId };
    for (const gateway of [home, other]) {
      const outside = await send(`${gateway.url}/mcp`, list, { headers });
      expect([outside.text.includes('open-echo'), outside.text.includes('inner-echo')]).toEqual([true, false]);
      const inside = await send(`${gateway.url}/mcp`, list, { headers, from: INSIDE });
      expect(inside.text).toContain('inner-echo');
      const big = { id: 3, method: 'tools/call', params: { name: 'open-echo', arguments: { a: 'x'.repeat(20_000) } } };
      expect((await send(`${gateway.url}/mcp`, big, { headers })).status).toBe(413);
      expect(
        (await send(`${gateway.url}/mcp`, list, { headers: { ...headers, 'x-litellm-api-key': 'sk-no' } })).status,
      ).toBe(401);
      // What is between replicas stays there.
      expect(Object.keys(outside.headers).filter((name) => name.startsWith('x-gatehouse'))).toEqual([]);
    }
    const key = (await insertKey(home.databaseUrl)).key;
    const stolen = { ...clientHeaders({ key }), ...headers };
    expect((await send(`${other.url}/mcp`, list, { headers: stolen })).status).toBe(404);
  });

  test('a client cannot write the header that they travel under', async () => {
    for (const pass of ['', 'x', 'AAAA'.repeat(30)]) {
      const { status, text } = await send(
        `${home.url}/mcp`,
        { id: 1, method: 'tools/list' },
        { headers: { [PASS]: pass } },
      );
      expect([status, JSON.parse(text)]).toMatchObject([403, { error: { code: -32003 } }]);
    }
  });

  test('a header that was overheard is good for nothing else, and not for long', async () => {
    // Takes the place of the replica and hears what it is sent.
    const heard: { url: string | undefined; headers: OutgoingHttpHeaders; body: string }[] = [];
    const spy = createServer((passed, response) => {
      let body = '';
      passed.on('data', (chunk: Buffer) => (body += chunk.toString()));
      passed.on('end', () => {
        heard.push({ url: passed.url, headers: passed.headers, body });
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"taken":"over"}');
      });
    });
    const listening = await listen(spy);
    const spied = await startGateway({
      databaseUrl: home.databaseUrl,
      config: { general_settings: { replica_url: listening.origin }, mcp_servers: { open: { url: upstream.url } } },
    });
    const sessionId = await open(spied);
    const list = { id: 2, method: 'tools/list' };
    const answer = await send(`${other.url}/mcp`, list, { headers: { 'mcp-session-id': sessionId } });
    // Whoever is at the address of a replica without being one does not get to answer.
    expect(answer.text).not.toContain('taken');
    expect(answer.text).toContain('open-echo');
    expect(heard).toHaveLength(1);
    const headers = { ...heard[0]?.headers };
    for (const name of ['content-length', 'connection']) delete headers[name];
    // For the one it was meant for it is good as it is …
    expect((await send(`${spied.url}/mcp`, list, { headers })).status).toBe(200);
    // … but not for others, other paths, other sessions or other keys.
    expect((await send(`${home.url}/mcp`, list, { headers })).status).toBe(421);
    expect((await send(`${spied.url}/mcp/open`, list, { headers })).status).toBe(403);
    expect((await send(`${spied.url}/mcp`, list, { headers: { ...headers, 'mcp-session-id': 'x' } })).status).toBe(403);
    expect((await send(`${spied.url}/mcp`, list, { headers: { ...headers, 'x-api-key': 'x' } })).status).toBe(403);
    await spied.close();
    await listening.close();
  });

  test('end with the key that they were made with, within a second', async () => {
    const key = await insertKey(home.databaseUrl, { permission: { servers: ['open'] } });
    const sessionId = await open(home, undefined, key.key);
    const headers = clientHeaders({ key: key.key, sessionId });
    const stream = await fetch(`${other.url}/mcp`, { headers: { ...headers, accept: 'text/event-stream' } });
    expect(stream.status).toBe(200);
    const params = { name: 'open-chatty', arguments: {}, _meta: { progressToken: 1 } };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/call', params });
    const call = await fetch(`${other.url}/mcp`, { method: 'POST', headers, body });
    expect(call.headers.get('content-type')).toContain('text/event-stream');
    const ends = Promise.all([stream.text().catch(() => ''), call.text().catch(() => '')]);
    let ended: readonly string[] | undefined;
    void ends.then((texts) => (ended = texts));
    await changeRow(home.databaseUrl, 'key', key.id, 'UPDATE virtual_key SET blocked = true WHERE id = $1', [key.id]);
    await waitFor(() => ended !== undefined, { timeoutMs: 1_000 });
    expect(ended?.[1]).not.toContain('"result"');
    expect((await rpc(`${other.url}/mcp`, 'tools/list', {}, { key: key.key, sessionId })).status).toBe(401);
  });

  test('a session that its home cannot be reached for moves, and its home hears of it', async () => {
    const deaf = await startGateway({
      databaseUrl: home.databaseUrl,
      // Nobody listens there.
      config: {
        general_settings: { replica_url: 'http://127.0.0.1:9' },
        mcp_servers: { open: { url: upstream.url, transport: 'http' } },
      },
    });
    const sessionId = await open(deaf);
    const headers = clientHeaders({ key: home.key, sessionId });
    const stream = await fetch(`${deaf.url}/mcp`, { headers: { ...headers, accept: 'text/event-stream' } });
    const text = stream.text();
    expect((await rpc(`${other.url}/mcp`, 'tools/list', {}, { key: home.key, sessionId })).text).toContain('open-echo');
    expect(await text).toContain('retry:');
    const again = await fetch(`${deaf.url}/mcp`, { headers: { ...headers, accept: 'text/event-stream' } });
    expect(again.status).toBe(200);
    expect(await other.metrics()).toMatch(/^gatehouse_client_streams 1$/m);
    await again.body?.cancel();
    await deaf.close();
  }, 20_000);

  test('a replica that goes in order gives its streams back and its place up', async () => {
    const going = await startGateway({
      databaseUrl: home.databaseUrl,
      config: { mcp_servers: { open: { url: upstream.url } } },
    });
    const sessionId = await open(going);
    const headers = clientHeaders({ key: home.key, sessionId });
    const stream = await fetch(`${other.url}/mcp`, { headers: { ...headers, accept: 'text/event-stream' } });
    const text = stream.text();
    await going.close();
    expect(await text).toContain('retry:');
    expect((await rpc(`${other.url}/mcp`, 'tools/list', {}, { key: home.key, sessionId })).text).toContain('open-echo');
    // The first to notice goes on with it; the others send it there.
    expect((await rpc(`${home.url}/mcp`, 'tools/list', {}, { key: home.key, sessionId })).text).toContain('open-echo');
    const deleted = await fetch(`${home.url}/mcp`, { method: 'DELETE', headers });
    expect(deleted.status).toBe(200);
    for (const gateway of [home, other]) {
      expect((await rpc(`${gateway.url}/mcp`, 'tools/list', {}, { key: home.key, sessionId })).status).toBe(404);
    }
  });
});
