import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { EMPTY_OFFER } from '../../src/core/model/client-offer.js';
import type { ServerEntry } from '../../src/core/model/server-entry.js';
import { rawMember, requestText, type RpcMessage } from '../../src/core/protocol/rpc-message.js';
import type { UpstreamOwner, UpstreamRequest } from '../../src/engine/upstream/upstream.js';
import type { UpstreamPool } from '../../src/engine/upstream/upstream-pool.js';
import { makeServerEntry } from '../factory/make-server-entry.js';
import { listen } from '../harness/listen.js';
import { everythingOverHttp, everythingOverStdio } from '../harness/real-servers.js';
import { waitFor } from '../harness/wait-for.js';
import { autoEntry, httpEntry, makeOwner, Resources, startPool } from './upstream-http-fixture.js';

const resources = new Resources();
afterEach(() => resources.close());

const ALICE = makeOwner('principal:alice');
const BOB = makeOwner('principal:bob');

function caller(pool: UpstreamPool, entry: ServerEntry) {
  return (owner: UpstreamOwner, method: string, params?: object, overrides: Partial<UpstreamRequest> = {}) => {
    const id = pool.nextRequestId();
    const text = requestText(id, method, params === undefined ? undefined : JSON.stringify(withToken(params, id)));
    const request = { id, method, text, repeatable: false, ...overrides };
    return pool.request(entry, pool.resolveCredential(entry, EMPTY_OFFER), owner, request);
  };
}

function withToken(params: object, progressToken: number): object {
  return { ...params, _meta: { progressToken } };
}

function resultOf(message: RpcMessage): Record<string, unknown> {
  return JSON.parse(rawMember(message, 'result') ?? 'null') as Record<string, unknown>;
}

function sdkServer(): McpServer {
  const server = new McpServer({ name: 'sdk', version: '1' }, { instructions: 'from the SDK' });
  server.registerTool('hello', { description: 'Says hello' }, async (extra) => {
    const { progressToken } = extra._meta ?? {};
    if (progressToken !== undefined) {
      await extra.sendNotification({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
    }
    return { content: [{ type: 'text', text: 'hello' }] };
  });
  return server;
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString());
}

/** A server on the SDK's own transport, as its documentation writes it. */
async function sdkUpstream(
  mode: 'stateful' | 'stateless',
  enableJsonResponse: boolean,
): Promise<{ url: string; sessions: Map<string, StreamableHTTPServerTransport>; close(): Promise<void> }> {
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const server = createServer((request, response) => {
    void (async () => {
      const body = await readJson(request);
      const known = sessions.get(String(request.headers['mcp-session-id']));
      if (known !== undefined) return known.handleRequest(request, response, body);
      if (request.headers['mcp-session-id'] !== undefined) return void response.writeHead(404).end();
      const transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: mode === 'stateful' ? () => randomUUID() : undefined,
        enableJsonResponse,
        onsessioninitialized: (id) => void sessions.set(id, transport),
        onsessionclosed: (id) => void sessions.delete(id),
      });
      await sdkServer().connect(transport);
      return transport.handleRequest(request, response, body);
    })().catch(() => response.destroy());
  });
  const { origin, close } = await listen(server);
  return { url: `${origin}/mcp`, sessions, close };
}

describe.each([
  ['stateful', false],
  ['stateful', true],
  ['stateless', false],
  ['stateless', true],
] as const)('an SDK v1 server, %s, JSON responses %s', (mode, enableJsonResponse) => {
  test('lists, calls with progress, and ends', async () => {
    const server = resources.add(await sdkUpstream(mode, enableJsonResponse));
    const pool = startPool(resources);
    const entry = httpEntry('sdk', server.url);
    const call = caller(pool, entry);
    const progress: RpcMessage[] = [];
    expect((await pool.info(entry, pool.resolveCredential(entry, EMPTY_OFFER), ALICE)).instructions).toBe(
      'from the SDK',
    );
    expect(resultOf(await call(ALICE, 'tools/list'))['tools']).toMatchObject([{ name: 'hello' }]);
    const onMessage = (message: RpcMessage): void => void progress.push(message);
    const reply = await call(ALICE, 'tools/call', { name: 'hello', arguments: {} }, { onMessage });
    expect(resultOf(reply)['content']).toEqual([{ type: 'text', text: 'hello' }]);
    expect(progress).toHaveLength(enableJsonResponse ? 0 : 1);
    await call(BOB, 'ping');
    expect(server.sessions.size).toBe(mode === 'stateful' ? 2 : 0);
    await pool.onApplicationShutdown();
    expect(server.sessions.size).toBe(0);
  });
});

describe('server-everything over streamable HTTP', () => {
  test('is found without naming its transport, streams progress, and survives its restart', async () => {
    const first = await everythingOverHttp('streamableHttp');
    resources.defer(() => first.close());
    const call = caller(startPool(resources), autoEntry('everything', first.url));
    const echo = await call(ALICE, 'tools/call', { name: 'echo', arguments: { message: 'hi' } });
    expect(JSON.stringify(resultOf(echo))).toContain('hi');

    const messages: RpcMessage[] = [];
    await call(
      ALICE,
      'tools/call',
      { name: 'trigger-long-running-operation', arguments: { duration: 0.3, steps: 3 } },
      { onMessage: (message) => void messages.push(message) },
    );
    expect(messages.filter(({ value }) => value['method'] === 'notifications/progress').length).toBeGreaterThan(0);

    await first.close();
    const second = await everythingOverHttp('streamableHttp', first.port);
    resources.defer(() => second.close());
    const tools = await call(ALICE, 'tools/list', undefined, { repeatable: true });
    expect(resultOf(tools)['tools']).not.toHaveLength(0);
  });
});

describe('server-everything over HTTP+SSE', () => {
  test.each(['auto', 'sse'] as const)('transport %s', async (transport) => {
    const server = await everythingOverHttp('sse');
    resources.defer(() => server.close());
    const entry = makeServerEntry('everything', { endpoint: { kind: 'http', transport, url: server.url } });
    const call = caller(startPool(resources), entry);
    const echo = await call(ALICE, 'tools/call', { name: 'echo', arguments: { message: 'hi' } });
    expect(JSON.stringify(resultOf(echo))).toContain('hi');
  });
});

describe('server-everything as children', () => {
  function stdioEntry(isolation: 'server' | 'session'): ServerEntry {
    const { command, args } = everythingOverStdio();
    return makeServerEntry('everything', {
      endpoint: { kind: 'stdio', command, args, env: {}, cwd: undefined, isolation },
    });
  }

  test('one serves all callers unless each session is to have its own (contract §5)', async () => {
    for (const isolation of ['server', 'session'] as const) {
      const pool = startPool(resources);
      const call = caller(pool, stdioEntry(isolation));
      await Promise.all([call(ALICE, 'ping'), call(BOB, 'ping')]);
      await call(ALICE, 'ping');
      expect(pool.gauges().stdioChildren).toBe(isolation === 'server' ? 1 : 2);
      await pool.onApplicationShutdown();
      expect(pool.gauges().stdioChildren).toBe(0);
    }
  });

  test('are bounded in number: the one idle for longest makes room', async () => {
    const pool = startPool(resources, { stdio: { maxChildren: 1 } });
    const call = caller(pool, stdioEntry('session'));
    await call(ALICE, 'ping');
    await call(BOB, 'ping');
    expect(pool.gauges().stdioChildren).toBe(1);
    expect(pool.connectedServers(ALICE.key)).toEqual([]);
  });

  test('end when nobody calls them', async () => {
    const pool = startPool(resources, { stdio: { idleMs: 400 } });
    const call = caller(pool, stdioEntry('server'));
    pool.setListening(ALICE, true);
    await call(ALICE, 'ping');
    await waitFor(() => pool.gauges().stdioChildren === 0);
    await call(ALICE, 'ping');
  });
});
