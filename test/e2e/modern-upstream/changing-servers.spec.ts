import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, fromJsonSchema, McpServer } from '@modelcontextprotocol/server';
import { createServer, request as httpRequest } from 'node:http';
import { type Fixture, startFixture } from '../../conformance/fixture/start-fixture.js';
import { listen } from '../../harness/listen.js';
import { modernRpc } from '../../harness/modern-rpc.js';
import { rpc, type RpcAnswer } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

interface Changing {
  readonly origin: string;
  close(): Promise<void>;
}

/** A server whose tool repeats its argument in a header of the name that `header` says now, and says nothing of a change. */
async function startMirroring(header: () => string, seen: (value: unknown) => void): Promise<Changing> {
  const handler = createMcpHandler(
    () => {
      const server = new McpServer(
        { name: 'mirroring', version: '1.0.0' },
        { cacheHints: { 'tools/list': { ttlMs: 600_000, cacheScope: 'public' } } },
      );
      const properties = { region: { type: 'string', 'x-mcp-header': header() } };
      const inputSchema = fromJsonSchema({ type: 'object', properties });
      server.registerTool('where', { inputSchema }, () => ({ content: [{ type: 'text', text: header() }] }));
      return server;
    },
    { legacy: 'reject' },
  );
  const serve = toNodeHandler(handler);
  return await listen(
    createServer((request, response) => {
      if (request.headers['mcp-method'] === 'tools/call') seen(request.headers);
      void serve(request, response);
    }),
  );
}

/** One address with a server behind it that is replaced by another one without notice. */
async function startPlace(target: () => string): Promise<Changing> {
  return await listen(
    createServer((request, response) => {
      const { hostname, port } = new URL(target());
      const onward = httpRequest({
        hostname,
        port,
        path: request.url,
        method: request.method,
        headers: request.headers,
      });
      onward.on('response', (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      onward.on('error', () => response.destroy());
      response.once('close', () => onward.destroy());
      request.pipe(onward);
    }),
  );
}

const ERAS = ['legacy', 'modern'] as const;

let legacy: Fixture;
let modern: Fixture;
let place: Changing;
let mirroring: Changing;
let gateway: TestGateway;
let current: Fixture;
let header = 'Region';
const calls: Record<string, unknown>[] = [];

beforeAll(async () => {
  [legacy, modern] = await Promise.all([startFixture({ era: 'legacy' }), startFixture({ era: 'modern' })]);
  current = legacy;
  place = await startPlace(() => current.url);
  mirroring = await startMirroring(
    () => header,
    (headers) => calls.push(headers as Record<string, unknown>),
  );
  gateway = await startGateway({
    config: {
      mcp_servers: {
        place: { url: `${place.origin}/mcp`, transport: 'http' },
        ...Object.fromEntries(
          ERAS.map((era) => [`mirroring_${era}`, { url: `${mirroring.origin}/mcp`, transport: 'http' }]),
        ),
      },
    },
  });
}, 60_000);

afterAll(async () => {
  await gateway.close();
  await Promise.all([legacy.close(), modern.close(), place.close(), mirroring.close()]);
});

function call(era: 'legacy' | 'modern', server: string, params: object, mirrored = {}): Promise<RpcAnswer> {
  const url = `${gateway.url}/mcp/${server}`;
  return era === 'legacy'
    ? rpc(url, 'tools/call', params, { key: gateway.key })
    : modernRpc(url, 'tools/call', params as Record<string, unknown>, { key: gateway.key, headers: mirrored });
}

test.each(ERAS)(
  'a server that mirrors another header by now is asked for its tools and called again, for a %s client',
  async (era) => {
    header = 'Region';
    const params = { name: 'where', arguments: { region: 'eu' } };
    const server = `mirroring_${era}`;
    const before = await call(era, server, params, { 'mcp-param-region': 'eu' });
    expect(before.text).toContain('Region');
    header = 'Zone';
    calls.length = 0;
    const after = await call(era, server, params, { 'mcp-param-region': 'eu' });
    expect(after.message?.error).toBeUndefined();
    expect(after.text).toContain('Zone');
    expect(calls.map((headers) => headers['mcp-param-zone'])).toEqual([undefined, 'eu']);
    calls.length = 0;
    await call(era, server, params, { 'mcp-param-zone': 'eu' });
    expect(calls.map((headers) => headers['mcp-param-zone'])).toEqual(['eu']);
  },
);

test('a server that refuses headers for another reason is not asked for ever', async () => {
  calls.length = 0;
  const stubborn = await listen(
    createServer((request, response) => {
      request.resume();
      if (request.headers['mcp-method'] !== 'tools/call') {
        const { hostname, port } = new URL(mirroring.origin);
        const onward = httpRequest({ hostname, port, path: '/mcp', method: 'POST', headers: request.headers });
        onward.on('response', (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        });
        request.pipe(onward);
        return;
      }
      calls.push(request.headers);
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end('{"jsonrpc":"2.0","id":null,"error":{"code":-32020,"message":"Header mismatch"}}');
    }),
  );
  try {
    await gateway.writeConfig({
      mcp_servers: {
        place: { url: `${place.origin}/mcp`, transport: 'http' },
        stubborn: { url: `${stubborn.origin}/mcp`, transport: 'http' },
      },
    });
    const answer = await waitFor(async () => {
      const tried = await call('legacy', 'stubborn', { name: 'where', arguments: { region: 'eu' } });
      return tried.status === 200 ? tried : undefined;
    });
    expect(answer.message?.error?.code).toBe(-32020);
    expect(calls).toHaveLength(1);
  } finally {
    await stubborn.close();
  }
});

describe.each(ERAS)('for a %s client', (era) => {
  test.each([
    ['legacy', 'modern'],
    ['modern', 'legacy'],
  ] as const)('a server of the %s era that becomes one of the %s era goes on being served', async (from, to) => {
    const fixtures = { legacy, modern };
    current = fixtures[from];
    const greet = (name: string): Promise<RpcAnswer> => call(era, 'place', { name: 'greet', arguments: { name } });
    await waitFor(async () => (await greet('Ada')).text.includes('Hello, Ada!'), { everyMs: 50 });
    expect((await greet('Bob')).text).toContain('Hello, Bob!');
    current = fixtures[to];
    const answers: RpcAnswer[] = [];
    await waitFor(
      async () => {
        const answer = await greet('Eve');
        answers.push(answer);
        return answer.text.includes('Hello, Eve!');
      },
      { everyMs: 50 },
    );
    // A call that may have effects is not repeated: the one that met the change may fail, and says why.
    expect(answers.length).toBeLessThanOrEqual(2);
    expect((await greet('Zoe')).text).toContain('Hello, Zoe!');
    const list = await rpc(`${gateway.url}/mcp/place`, 'tools/list', {}, { key: gateway.key });
    expect(list.text).toContain('greet');
  });
});
