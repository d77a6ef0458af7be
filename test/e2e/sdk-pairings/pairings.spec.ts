import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { SDK_SERVERS, startSdkServer, type SdkServer, type SdkServerKind } from './sdk-servers.js';

const INFO = { name: 'gatehouse-test', version: '1.0.0' };
const CAPABILITIES = { elicitation: { form: {} } };
const ACCEPT = { action: 'accept' as const, content: { name: 'Ada' } };

/** What the tests need of a client; every SDK and era has it. */
interface PlainClient {
  names(): Promise<readonly string[]>;
  call(name: string, args?: Record<string, unknown>, onprogress?: (at: { progress: number }) => void): Promise<unknown>;
  read(uri: string): Promise<unknown>;
  prompt(name: string): Promise<unknown>;
  close(): Promise<void>;
}

type Connect = (url: URL, headers: Record<string, string>) => Promise<PlainClient>;

const connectV1: Connect = async (url, headers) => {
  const client = new ClientV1(INFO, { capabilities: CAPABILITIES });
  client.setRequestHandler(ElicitRequestSchema, () => ACCEPT);
  await client.connect(new TransportV1(url, { requestInit: { headers } }));
  return {
    names: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: (name, args = {}, onprogress = () => undefined) =>
      client.callTool({ name, arguments: args }, undefined, { onprogress }),
    read: (uri) => client.readResource({ uri }),
    prompt: (name) => client.getPrompt({ name }),
    close: () => client.close(),
  };
};

const connectV2 =
  (mode: 'legacy' | 'auto'): Connect =>
  async (url, headers) => {
    const client = new ClientV2(INFO, { capabilities: CAPABILITIES, versionNegotiation: { mode } });
    client.setRequestHandler('elicitation/create', () => ACCEPT);
    await client.connect(new TransportV2(url, { requestInit: { headers } }));
    return {
      names: async () => (await client.listTools()).tools.map(({ name }) => name),
      call: (name, args = {}, onprogress = () => undefined) =>
        client.callTool({ name, arguments: args }, { onprogress }),
      read: (uri) => client.readResource({ uri }),
      prompt: (name) => client.getPrompt({ name }),
      close: () => client.close(),
    };
  };

const CLIENTS = {
  v1: connectV1,
  'v2 of the legacy era': connectV2('legacy'),
  'v2 of the modern era': connectV2('auto'),
};

/** A server without sessions has no way to ask in the legacy era. */
const MUTE: readonly SdkServerKind[] = ['v1 without sessions'];

const PAIRS = Object.keys(CLIENTS).flatMap((client) =>
  SDK_SERVERS.map((server) => ({ client: client as keyof typeof CLIENTS, server })),
);

const nameOf = (kind: SdkServerKind): string => kind.replaceAll(' ', '_');

let servers: readonly { readonly kind: SdkServerKind; readonly server: SdkServer }[];
let gateway: TestGateway;

beforeAll(async () => {
  servers = await Promise.all(SDK_SERVERS.map(async (kind) => ({ kind, server: await startSdkServer(kind) })));
  const entries = servers.map(({ kind, server }) => [nameOf(kind), { url: server.url, transport: 'http' }]);
  gateway = await startGateway({ config: { mcp_servers: Object.fromEntries(entries) as object } });
}, 60_000);

afterAll(async () => {
  await gateway.close();
  await Promise.all(servers.map(({ server }) => server.close()));
});

describe.each(PAIRS)('client of SDK $client, server of SDK $server', ({ client: clientKind, server }) => {
  let client: PlainClient;

  beforeAll(async () => {
    const url = new URL(`${gateway.url}/mcp/${nameOf(server)}`);
    client = await CLIENTS[clientKind](url, { 'x-litellm-api-key': `Bearer ${gateway.key}` });
  });

  afterAll(() => client.close());

  test('tools, resources and prompts are used as if they met directly', async () => {
    expect([...(await client.names())].sort()).toEqual(['add', 'ask', 'count']);
    expect(await client.call('add', { a: 2, b: 3 })).toMatchObject({ structuredContent: { sum: 5 } });
    expect(await client.read('note://one')).toMatchObject({ contents: [{ uri: 'note://one', text: 'a note' }] });
    expect(await client.prompt('hello')).toMatchObject({ messages: [{ content: { text: 'hi' } }] });
  });

  test('progress of a call reaches it', async () => {
    const heard: number[] = [];
    const result = await client.call('count', {}, ({ progress }) => heard.push(progress));
    expect(result).toMatchObject({ content: [{ text: 'counted' }] });
    expect(heard).toEqual(server === 'v1 without sessions' ? [] : [1, 2]);
  });

  if (MUTE.includes(server)) return;

  test('its user is asked, and the answer arrives', async () => {
    expect(await client.call('ask')).toMatchObject({ content: [{ text: 'Hello, Ada!' }] });
  });
});
