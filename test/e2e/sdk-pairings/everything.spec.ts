import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client';
import { everythingOverHttp, everythingOverStdio, type RealServer } from '../../harness/real-servers.js';
import { answeringClient } from '../../harness/answering-client.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

let http: RealServer;
let gateway: TestGateway;

beforeAll(async () => {
  http = await everythingOverHttp('streamableHttp');
  gateway = await startGateway({
    config: { mcp_servers: { stdio: everythingOverStdio(), http: { url: http.url, transport: 'http' } } },
  });
}, 60_000);

afterAll(async () => {
  await gateway.close();
  await http.close();
});

describe.each(['stdio', 'http'])('server-everything over %s', (server) => {
  const endpoint = (): string => `${gateway.url}/mcp/${server}`;

  describe('and a client of the modern era', () => {
    let client: ClientV2;

    beforeAll(async () => {
      client = new ClientV2(
        { name: 'gatehouse-test', version: '1.0.0' },
        {
          capabilities: { sampling: {}, elicitation: { form: {} }, roots: {} },
          versionNegotiation: { mode: 'auto' },
        },
      );
      client.setRequestHandler('elicitation/create', () => ({ action: 'accept', content: { name: 'Ada' } }));
      client.setRequestHandler('sampling/createMessage', () => ({
        role: 'assistant',
        model: 'm',
        content: { type: 'text', text: 'sunny' },
      }));
      client.setRequestHandler('roots/list', () => ({ roots: [{ uri: 'file:///home/someone', name: 'home' }] }));
      const headers = { 'x-litellm-api-key': `Bearer ${gateway.key}` };
      await client.connect(new TransportV2(new URL(endpoint()), { requestInit: { headers } }));
    });

    afterAll(() => client.close());

    const text = async (name: string, args: Record<string, unknown> = {}): Promise<string> =>
      JSON.stringify((await client.callTool({ name, arguments: args })).content);

    test('its model, its user and its roots are asked', async () => {
      expect(await text('trigger-sampling-request', { prompt: 'weather?', maxTokens: 10 })).toContain('sunny');
      expect(await text('trigger-elicitation-request')).toContain('Ada');
      expect(await text('get-roots-list')).toContain('file:///home/someone');
    });

    test('a long-running operation reports its progress', async () => {
      const steps: number[] = [];
      const params = { name: 'trigger-long-running-operation', arguments: { duration: 0.4, steps: 4 } };
      await client.callTool(params, { onprogress: ({ progress }) => void steps.push(progress) });
      expect(steps).toEqual([1, 2, 3, 4]);
    });
  });

  describe.each(['v1', 'v2'] as const)('and a client of the legacy era, SDK %s', (sdk) => {
    test('hears of a resource that it subscribed to', async () => {
      const client = await answeringClient(endpoint(), { key: gateway.key, sdk });
      const uri = 'demo://resource/dynamic/text/1';
      await client.subscribe(uri);
      await client.text('toggle-subscriber-updates');
      await waitFor(() => client.told.some(({ params }) => params['uri'] === uri), { what: 'the update' });
      await client.text('toggle-subscriber-updates');
      await client.close();
    });
  });
});
