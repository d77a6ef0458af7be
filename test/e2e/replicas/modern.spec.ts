import { fileURLToPath } from 'node:url';
import { Client, StreamableHTTPClientTransport, type ClientCapabilities } from '@modelcontextprotocol/client';
import { startFixture, type Fixture } from '../../conformance/fixture/start-fixture.js';
import { modernRpc, type ModernOptions } from '../../harness/modern-rpc.js';
import { roundRobin, type RoundRobin } from '../../harness/round-robin.js';
import { post, rpc, type RpcAnswer } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

type Json = Record<string, unknown>;

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const DECLARED = { extensions: { 'io.modelcontextprotocol/tasks': {} }, elicitation: { form: {} } };

function onPipes(era: string, more: Json = {}): Json {
  const main = `${ROOT}test/conformance/fixture/main.ts`;
  const args = ['--import', `${ROOT}scripts/load-typescript.mjs`, main, '--stdio', '--era', era];
  return { transport: 'stdio', command: process.execPath, args, ...more };
}

/** A client of the modern era has no session; what waits for it is in one process all the same. */
describe('a modern client whose requests go to two replicas in turn', () => {
  let legacy: Fixture;
  let modern: Fixture;
  let gateways: TestGateway[];
  let front: RoundRobin;

  beforeAll(async () => {
    [legacy, modern] = await Promise.all([startFixture({ era: 'legacy' }), startFixture({ era: 'modern' })]);
    const config = {
      mcp_servers: {
        legacy: { url: legacy.url, transport: 'http' },
        modern: { url: modern.url, transport: 'http' },
        legacy_pipes: onPipes('legacy'),
        modern_pipes: onPipes('modern'),
        own: {
          transport: 'stdio',
          command: process.execPath,
          args: [`${ROOT}test/harness/stdio-fixture/counting-server.mjs`],
          isolation: 'session',
        },
      },
    };
    const first = await startGateway({ config });
    gateways = [first, await startGateway({ config, databaseUrl: first.databaseUrl })];
    front = await roundRobin(gateways.map(({ url }) => url));
  }, 90_000);

  afterAll(async () => {
    await front.close();
    for (const gateway of gateways.reverse()) await gateway.close();
    await Promise.all([legacy.close(), modern.close()]);
  });

  const key = (): string => gateways[0]?.key ?? '';

  async function connect(path: string, capabilities: ClientCapabilities = {}): Promise<Client> {
    const identity = { name: 'gatehouse-test', version: '1.0.0' };
    const client = new Client(identity, { capabilities, versionNegotiation: { mode: 'auto' } });
    const headers = { 'x-litellm-api-key': `Bearer ${key()}` };
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`${front.url}${path}`), { requestInit: { headers } }),
    );
    expect(client.getProtocolEra()).toBe('modern');
    return client;
  }

  const ask = (server: string, method: string, params: Json, more: ModernOptions = {}): Promise<RpcAnswer> =>
    modernRpc(`${front.url}/mcp/${server}`, method, params, { key: key(), capabilities: DECLARED, ...more });

  it.each(['legacy', 'modern', 'legacy_pipes'])('answers what %s asks in the middle of calls', async (server) => {
    const client = await connect(`/mcp/${server}`, { elicitation: { form: {} }, sampling: {} });
    client.setRequestHandler('elicitation/create', () => ({
      action: 'accept',
      content: { username: 'ada', email: 'a@b.c', name: 'ada' },
    }));
    try {
      const tool = server === 'modern' ? 'test_input_required_result_elicitation' : 'test_elicitation';
      for (let call = 0; call < 4; call += 1) {
        const asked = await client.callTool({ name: tool, arguments: { message: 'Who?' } });
        expect(JSON.stringify(asked.content)).toContain('ada');
      }
    } finally {
      await client.close();
    }
  });

  it.each(['legacy', 'modern'])('hears at one replica what calls through the other change at %s', async (server) => {
    const client = await connect(`/mcp/${server}`);
    let heard = 0;
    client.setNotificationHandler('notifications/tools/list_changed', () => void (heard += 1));
    try {
      await client.listTools();
      const subscription = await client.listen({ toolsListChanged: true });
      for (let call = 0; call < 2; call += 1) {
        const before = heard;
        await client.callTool({ name: 'test_trigger_tool_change', arguments: {} });
        await waitFor(() => heard > before, { what: 'the notification' });
      }
      await subscription.close();
    } finally {
      await client.close();
    }
  });

  it.each([
    ['of the modern era', () => ask('own', 'tools/call', { name: 'count', arguments: {} })],
    ['without a session', () => rpc(`${front.url}/own/mcp`, 'tools/call', { name: 'count' }, { key: key() })],
    [
      'over REST',
      () =>
        post(`${front.url}/mcp-rest/tools/call`, JSON.stringify({ server_id: 'own', name: 'count' }), { key: key() }),
    ],
  ])('finds the child that is its own (%s)', async (_name, call) => {
    const said: string[] = [];
    for (let round = 0; round < 6; round += 1) said.push(/(\d+:\d+)/.exec((await call()).text)?.[1] ?? '');
    const [pid = '', first = ''] = said[0]?.split(':') ?? [];
    expect(said).toEqual(said.map((_, round) => `${pid}:${Number(first) + round}`));
  });

  it('does not run half a batch twice', async () => {
    const call = (id: number) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'count' } });
    const answers: string[] = [];
    for (let round = 0; round < 2; round += 1) {
      const headers = { 'mcp-protocol-version': '2025-03-26' };
      answers.push(
        (await post(`${front.url}/own/mcp`, JSON.stringify([call(1), call(2)]), { key: key(), headers })).text,
      );
    }
    expect(answers.filter((text) => text.includes('outside of batches'))).toHaveLength(1);
  });

  it.each(['legacy', 'modern', 'legacy_pipes', 'modern_pipes'])('finds its tasks of %s again', async (server) => {
    for (let round = 0; round < 2; round += 1) {
      const began = await ask(server, 'tools/call', { name: 'confirm_delete', arguments: { filename: 'a.txt' } });
      const { taskId } = began.message?.result as { taskId: string };
      // Once more, so that the rounds begin at different replicas.
      if (round === 1) await ask(server, 'tasks/get', { taskId });
      const asking = await waitFor(async () => {
        const { message } = await ask(server, 'tasks/get', { taskId });
        expect(message?.error).toBeUndefined();
        return message?.result?.['status'] === 'input_required' ? message.result : undefined;
      });
      const [name = ''] = Object.keys(asking['inputRequests'] as Json);
      const inputResponses = { [name]: { action: 'accept', content: { confirm: true } } };
      expect((await ask(server, 'tasks/update', { taskId, inputResponses })).message?.error).toBeUndefined();
      await waitFor(async () => {
        const { text } = await ask(server, 'tasks/get', { taskId });
        return text.includes('Deleted a.txt');
      });
    }
  });
});
