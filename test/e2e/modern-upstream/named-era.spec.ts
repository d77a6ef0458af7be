import { fileURLToPath } from 'node:url';
import { createServer } from 'node:http';
import { type Fixture, startFixture } from '../../conformance/fixture/start-fixture.js';
import { adminCaller } from '../../harness/admin-call.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { listen } from '../../harness/listen.js';
import { rpc, type RpcAnswer } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

function onPipes(era: string, protocol_era: string): object {
  const main = `${ROOT}test/conformance/fixture/main.ts`;
  const args = ['--import', `${ROOT}scripts/load-typescript.mjs`, main, '--stdio', '--era', era];
  return { transport: 'stdio', command: process.execPath, args, protocol_era };
}

let dual: Fixture;
let plain: FakeUpstream;
let modernMethods: string[];
let modernOnly: Awaited<ReturnType<typeof listen>>;
let gateway: TestGateway;

beforeAll(async () => {
  dual = await startFixture({ era: 'dual' });
  plain = await fakeUpstream();
  modernMethods = [];
  // Keeps a record of how it is spoken to, and refuses whatever it is asked.
  modernOnly = await listen(
    createServer((request, response) => {
      request.resume();
      modernMethods.push(String(request.headers['mcp-method'] ?? 'initialize'));
      response.writeHead(404, { 'content-type': 'application/json' });
      response.end('{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"Method not found"}}');
    }),
  );
  gateway = await startGateway({
    config: {
      general_settings: { store_model_in_db: true },
      mcp_servers: {
        dual_legacy: { url: dual.url, transport: 'http', protocol_era: 'legacy' },
        dual_modern: { url: dual.url, protocol_era: 'modern' },
        plain: { url: plain.url, transport: 'http', protocol_era: 'legacy' },
        refusing: { url: `${modernOnly.origin}/mcp`, protocol_era: 'modern' },
        stdio_legacy: onPipes('legacy', 'legacy'),
        stdio_modern: onPipes('modern', 'modern'),
        stdio_not_legacy: onPipes('modern', 'legacy'),
        stdio_not_modern: onPipes('legacy', 'modern'),
      },
    },
  });
}, 60_000);

afterAll(async () => {
  await gateway.close();
  await Promise.all([dual.close(), plain.close(), modernOnly.close()]);
});

const ask = (server: string, method: string, params: object = {}): Promise<RpcAnswer> =>
  rpc(`${gateway.url}/mcp/${server}`, method, params, { key: gateway.key });

test('a server of both eras is spoken to in the one that its definition names', async () => {
  for (const [server, hasTasks] of [
    ['dual_legacy', true],
    ['dual_modern', false],
  ] as const) {
    const greeted = await ask(server, 'tools/call', { name: 'greet', arguments: { name: 'Ada' } });
    expect(greeted.text).toContain('Hello, Ada!');
    const init = await ask(server, 'initialize', {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 't', version: '1' },
    });
    const { capabilities } = init.message?.result as { capabilities: Record<string, unknown> };
    // Only its legacy half has the tasks of 2025-11-25.
    expect([server, 'tasks' in capabilities]).toEqual([server, hasTasks]);
  }
});

test('legacy: the server never sees a modern byte', async () => {
  expect((await ask('plain', 'tools/list')).text).toContain('echo');
  expect(plain.transcript()).not.toMatch(/server\/discover|2026-07-28|mcp-method/i);
});

test('modern: the server is never initialised, and the error says what is wrong', async () => {
  const { message } = await ask('refusing', 'tools/list');
  expect(message?.error?.data).toMatchObject({
    server: 'refusing',
    reason: expect.stringContaining('modern') as unknown,
  });
  expect(new Set(modernMethods)).toEqual(new Set(['server/discover']));
});

test('children are spoken to in the era that is named, and in no other', async () => {
  for (const server of ['stdio_legacy', 'stdio_modern']) {
    expect((await ask(server, 'tools/list')).text).toContain('greet');
  }
  for (const server of ['stdio_not_legacy', 'stdio_not_modern']) {
    expect((await ask(server, 'tools/list')).message?.error?.data).toMatchObject({ server });
  }
  const { message } = await ask('stdio_not_modern', 'tools/list');
  expect(message?.error?.data).toMatchObject({ reason: expect.stringContaining('modern') as unknown });
});

test('it is written and read over REST like any field; what cannot be is refused', async () => {
  const admin = adminCaller(gateway.url, gateway.key);
  const created = await admin('POST', '/v1/mcp/server', {
    server_name: 'by_rest',
    url: dual.url,
    transport: 'http',
    protocol_era: 'modern',
  });
  expect(created.status).toBe(201);
  expect(created.body).toMatchObject({ protocol_era: 'modern' });
  const { server_id } = created.body as { server_id: string };
  const changed = await admin('PUT', '/v1/mcp/server', { server_id, protocol_era: null });
  expect(changed.body).toMatchObject({ protocol_era: null });
  for (const body of [
    { server_name: 'wrong', url: dual.url, protocol_era: 'newest' },
    { server_name: 'wrong', url: dual.url, transport: 'sse', protocol_era: 'modern' },
  ]) {
    const refused = await admin('POST', '/v1/mcp/server', body);
    expect(refused.status).toBe(422);
    expect(JSON.stringify(refused.body)).toContain('protocol_era');
  }
});
