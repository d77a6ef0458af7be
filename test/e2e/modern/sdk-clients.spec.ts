import { Client, StreamableHTTPClientTransport, type ClientCapabilities } from '@modelcontextprotocol/client';
import { startFixture, type Fixture } from '../../conformance/fixture/start-fixture.js';
import { everythingOverHttp, everythingOverStdio, type RealServer } from '../../harness/real-servers.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

type Mode = 'auto' | { readonly pin: '2026-07-28' };

const MODES: readonly (readonly [string, Mode])[] = [
  ['auto', 'auto'],
  ['pinned', { pin: '2026-07-28' }],
];

/** The official SDK's client of the modern era in front of real servers of the legacy era. */
describe('SDK v2, speaking the modern era', () => {
  let everything: RealServer;
  let fixture: Fixture;
  let gateway: TestGateway;

  beforeAll(async () => {
    everything = await everythingOverHttp('streamableHttp');
    fixture = await startFixture({ era: 'legacy' });
    gateway = await startGateway({
      config: {
        mcp_servers: {
          http: { url: everything.url, transport: 'http' },
          stdio: { ...everythingOverStdio() },
          fixture: { url: fixture.url, transport: 'http' },
        },
      },
    });
  }, 60_000);

  afterAll(async () => {
    await gateway.close();
    await everything.close();
    await fixture.close();
  });

  async function connect(path: string, mode: Mode, capabilities: ClientCapabilities = {}): Promise<Client> {
    const client = new Client(
      { name: 'gatehouse-test', version: '1.0.0' },
      { capabilities, versionNegotiation: { mode } },
    );
    const headers = { 'x-litellm-api-key': `Bearer ${gateway.key}` };
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`${gateway.url}${path}`), { requestInit: { headers } }),
    );
    return client;
  }

  describe.each(MODES)('%s', (_name, mode) => {
    it.each(['/mcp/http', '/mcp/stdio'])('lists, calls, reads and completes at %s', async (path) => {
      const client = await connect(path, mode);
      try {
        expect(client.getProtocolEra()).toBe('modern');
        const { tools } = await client.listTools();
        expect(tools.map(({ name }) => name)).toContain('echo');
        const echoed = await client.callTool({ name: 'echo', arguments: { message: 'hello' } });
        expect(JSON.stringify(echoed.content)).toContain('hello');
        const { resources } = await client.listResources();
        const uri = resources[0]?.uri ?? '';
        expect((await client.readResource({ uri })).contents[0]?.uri).toBe(uri);
        expect((await client.listResourceTemplates()).resourceTemplates.length).toBeGreaterThan(0);
        const { prompts } = await client.listPrompts();
        expect(prompts.length).toBeGreaterThan(0);
        await expect(client.callTool({ name: 'nothing', arguments: {} })).rejects.toMatchObject({ code: -32602 });
      } finally {
        await client.close();
      }
    });

    it('sees several servers under their prefixes', async () => {
      const client = await connect('/mcp', mode);
      try {
        const names = (await client.listTools()).tools.map(({ name }) => name);
        expect(names).toEqual(expect.arrayContaining(['http-echo', 'stdio-echo', 'fixture-test_simple_text']));
        const result = await client.callTool({ name: 'stdio-echo', arguments: { message: 'x' } });
        expect(result.isError).not.toBe(true);
      } finally {
        await client.close();
      }
    });
  });

  it('answers what the servers ask in the middle of a call, over HTTP', async () => {
    const client = await connect('/mcp/fixture', 'auto', { elicitation: { form: {} }, sampling: {} });
    client.setRequestHandler('elicitation/create', () => ({
      action: 'accept',
      content: { username: 'ada', email: 'a@b.c' },
    }));
    client.setRequestHandler('sampling/createMessage', () => ({
      role: 'assistant',
      model: 'm',
      content: { type: 'text', text: 'sunny' },
    }));
    try {
      const asked = await client.callTool({ name: 'test_elicitation', arguments: { message: 'Who?' } });
      expect(JSON.stringify(asked.content)).toContain('ada');
      const sampled = await client.callTool({ name: 'test_sampling', arguments: { prompt: 'weather' } });
      expect(JSON.stringify(sampled.content)).toContain('sunny');
    } finally {
      await client.close();
    }
  });

  it('is asked by a server on pipes as well', async () => {
    const client = await connect('/mcp/stdio', 'auto', { sampling: {}, elicitation: { form: {} }, roots: {} });
    client.setRequestHandler('sampling/createMessage', () => ({
      role: 'assistant',
      model: 'm',
      content: { type: 'text', text: 'sunny' },
    }));
    client.setRequestHandler('roots/list', () => ({ roots: [] }));
    try {
      const { tools } = await client.listTools();
      const name = tools.map((tool) => tool.name).find((tool) => /sampling/i.test(tool)) ?? '';
      const sampled = await client.callTool({ name, arguments: { prompt: 'weather', maxTokens: 10 } });
      expect(JSON.stringify(sampled.content)).toContain('sunny');
    } finally {
      await client.close();
    }
  });

  it('listens: a tool that appears is heard of', async () => {
    const client = await connect('/mcp/fixture', 'auto');
    let heard = 0;
    client.setNotificationHandler('notifications/tools/list_changed', () => {
      heard += 1;
    });
    try {
      await client.listTools();
      const subscription = await client.listen({ toolsListChanged: true });
      await client.callTool({ name: 'test_trigger_tool_change', arguments: {} });
      await waitFor(() => heard, { what: 'the notification' });
      await subscription.close();
    } finally {
      await client.close();
    }
  });

  it('hears progress, and log messages when it asks for them', async () => {
    const client = await connect('/mcp/fixture', 'auto');
    const steps: number[] = [];
    try {
      await client.callTool(
        { name: 'test_tool_with_progress', arguments: {} },
        { onprogress: ({ progress }) => void steps.push(progress) },
      );
      expect(steps).toEqual([0, 50, 100]);
    } finally {
      await client.close();
    }
  });
});
