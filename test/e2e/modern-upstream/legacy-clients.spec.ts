import { fileURLToPath } from 'node:url';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { createServer, type IncomingMessage } from 'node:http';
import { type Fixture, startFixture } from '../../conformance/fixture/start-fixture.js';
import { type AnsweringClient, type AnsweringOptions, answeringClient } from '../../harness/answering-client.js';
import { listen } from '../../harness/listen.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const clients: AnsweringClient[] = [];
const seen: string[] = [];
let fixture: Fixture;
let sdk: { origin: string; close(): Promise<void> };
let gateway: TestGateway;

/** A server on the v2 SDK as people write them; `pid` counts what reached it. */
async function startSdkServer(): Promise<typeof sdk> {
  const handler = createMcpHandler(
    () => {
      const server = new McpServer({ name: 'plain', version: '1.0.0' });
      server.registerTool('greet', { description: 'Greets' }, () => ({ content: [{ type: 'text', text: 'hello' }] }));
      return server;
    },
    { legacy: 'reject' },
  );
  const serve = toNodeHandler(handler);
  const server = createServer((request: IncomingMessage, response) => {
    seen.push(String(request.headers['mcp-method'] ?? request.method));
    void serve(request, response);
  });
  return await listen(server);
}

beforeAll(async () => {
  [fixture, sdk] = await Promise.all([startFixture({ era: 'modern' }), startSdkServer()]);
  gateway = await startGateway({
    config: {
      mcp_servers: {
        fixture_http: { url: fixture.url },
        plain: { url: `${sdk.origin}/mcp`, transport: 'http' },
        fixture_stdio: {
          transport: 'stdio',
          command: process.execPath,
          args: [
            '--import',
            `${ROOT}scripts/load-typescript.mjs`,
            `${ROOT}test/conformance/fixture/main.ts`,
            '--stdio',
            '--era',
            'modern',
          ],
        },
      },
    },
  });
}, 60_000);

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

afterAll(async () => {
  await gateway.close();
  await Promise.all([fixture.close(), sdk.close()]);
});

async function connect(path: string, options: Partial<AnsweringOptions> = {}): Promise<AnsweringClient> {
  const client = await answeringClient(`${gateway.url}${path}`, { key: gateway.key, ...options });
  clients.push(client);
  return client;
}

const CASES = (['v1', 'v2'] as const).flatMap((version) =>
  (['http', 'sse'] as const).flatMap((transport) =>
    (['http', 'stdio'] as const).map((upstream) => ({
      version,
      transport,
      path: `/fixture_${upstream}/${transport === 'sse' ? 'sse' : 'mcp'}`,
      title: `a legacy client (SDK ${version} over ${transport}) and a modern-only server over ${upstream}`,
    })),
  ),
);

describe.each(CASES)('$title', ({ version, transport, path }) => {
  test('the client is asked for what the server needs: model, user by form and by page, roots', async () => {
    const client = await connect(path, { sdk: version, transport });
    expect(await client.toolNames()).toContain('test_sampling');
    expect(await client.text('test_simple_text')).not.toBe('');
    expect(await client.text('test_sampling', { prompt: 'weather?' })).toContain('sunny');
    expect(await client.text('test_elicitation', { message: 'Who are you?' })).toContain('"username":"ada"');
    expect(client.asked.at(-1)).toMatchObject({ method: 'elicitation/create', params: { message: 'Who are you?' } });
    expect(await client.text('test_roots')).toContain('file:///home/someone');
    expect(await client.text('test_elicitation_url')).toContain('action=accept');
    expect(client.asked.at(-1)?.params).toMatchObject({ mode: 'url', elicitationId: expect.any(String) });
  });

  test('log lines reach it, as they would from a legacy server', async () => {
    const client = await connect(path, { sdk: version, transport });
    await client.text('test_tool_with_logging');
    await waitFor(() => client.told.some(({ method }) => method === 'notifications/message'));
  });

  test('it hears of a resource it subscribed to', async () => {
    const client = await connect(path, { sdk: version, transport });
    await client.subscribe('test://watched-resource');
    await waitFor(async () => {
      await client.text('test_trigger_resource_update').catch(() => undefined);
      return client.told.some(({ method }) => method === 'notifications/resources/updated');
    });
    expect(client.told.find(({ method }) => method === 'notifications/resources/updated')?.params).toMatchObject({
      uri: 'test://watched-resource',
    });
  });
});

test('a client that cannot be asked is told what is missing, not left waiting', async () => {
  const client = await connect('/fixture_http/mcp', { capabilities: {} });
  const outcome = await client.text('test_elicitation', { message: 'Who?' }).catch((error: unknown) => String(error));
  expect(outcome).toMatch(/elicitation|capabilit|support/i);
  expect(client.asked).toEqual([]);
});

test('a client is not asked for more than it declared, and told what is missing', async () => {
  for (const [capabilities, tool, missing] of [
    [{ elicitation: { url: {} } }, 'test_elicitation', 'elicitation'],
    [{ elicitation: { form: {} } }, 'test_elicitation_url', 'url'],
    [{ sampling: {} }, 'test_sampling_with_tools', 'tools'],
  ] as const) {
    const client = await connect('/fixture_http/mcp', { capabilities });
    const outcome = await client.text(tool, { message: 'm', prompt: 'p' }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(outcome).toMatchObject({ code: -32021 });
    expect(JSON.stringify((outcome as { data?: unknown }).data)).toContain(missing);
    expect(client.asked).toEqual([]);
  }
});

test('rounds and state of the server go through to the end', async () => {
  const client = await connect('/fixture_http/mcp');
  for (const tool of ['test_input_required_result_request_state', 'test_input_required_result_multi_round']) {
    expect(await client.text(tool)).not.toBe('');
  }
  const before = client.asked.length;
  const text = await client.text('test_input_required_result_multiple_inputs');
  expect(JSON.parse(text)).toMatchObject({
    user_name: { content: { name: 'Ada' } },
    greeting: { content: { text: 'sunny' } },
    client_roots: { roots: [{ uri: 'file:///home/someone' }] },
  });
  const methods = client.asked.slice(before).map(({ method }) => method);
  expect(methods.sort()).toEqual(['elicitation/create', 'roots/list', 'sampling/createMessage']);
});

test('aggregated with others under prefixed names, the name in the header goes with the one in the body', async () => {
  const client = await connect('/mcp');
  expect(await client.toolNames()).toEqual(expect.arrayContaining(['plain-greet', 'fixture_http-test_simple_text']));
  expect(await client.text('plain-greet')).toBe('hello');
});

test('a list that a server calls private is fetched for each principal by itself', async () => {
  const ask = async (key: string): Promise<string> => {
    const answer = await fetch(`${gateway.url}/plain/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-litellm-api-key': `Bearer ${key}` },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
    });
    return await answer.text();
  };
  const created = await fetch(`${gateway.url}/key/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${gateway.key}` },
    body: JSON.stringify({ object_permission: { mcp_servers: ['plain'] } }),
  });
  const { key } = (await created.json()) as { key: string };
  expect(await ask(gateway.key)).toContain('greet');
  const before = seen.filter((method) => method === 'tools/list').length;
  expect(await ask(key)).toContain('greet');
  const after = seen.filter((method) => method === 'tools/list').length;
  expect(after).toBeGreaterThan(before);
});
