import { startFixture, type Fixture } from '../../conformance/fixture/start-fixture.js';
import { connectV1, connectV2 } from '../../harness/mcp-client.js';
import { clientHeaders, messagesOf, rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

const RESULT = 'The result came after the stream was closed.';

let server: Fixture;
let gateway: TestGateway;

beforeAll(async () => {
  server = await startFixture({ era: 'legacy' });
  gateway = await startGateway({ config: { mcp_servers: { up: { url: server.url, transport: 'http' } } } });
}, 60_000);

afterAll(async () => {
  await gateway.close();
  await server.close();
});

const url = (): string => `${gateway.url}/up/mcp`;

async function openSession(protocolVersion: string): Promise<string> {
  const params = { protocolVersion, capabilities: {}, clientInfo: { name: 'test', version: '1' } };
  const { headers } = await rpc(url(), 'initialize', params, { key: gateway.key });
  return headers.get('mcp-session-id') ?? '';
}

describe('a server that lets go of the stream of a call, to be polled for its reply', () => {
  it('has its client poll too: the stream says when, ends, and is resumed', async () => {
    const sessionId = await openSession('2025-11-25');
    const options = { key: gateway.key, sessionId };
    const call = await fetch(url(), {
      method: 'POST',
      headers: clientHeaders(options),
      body: JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'test_reconnection' } }),
    });
    const text = await call.text();
    const [prime] = text.split('\n\n');
    const eventId = /^id: (.+)$/m.exec(prime ?? '')?.[1] ?? '';
    expect(prime).toMatch(/^retry: \d+$/m);
    expect(messagesOf('text/event-stream', text)).toEqual([]);
    const rest = await fetch(url(), {
      headers: clientHeaders({ ...options, headers: { 'last-event-id': eventId } }),
    });
    expect(messagesOf('text/event-stream', await rest.text())).toEqual([
      expect.objectContaining({
        id: 7,
        result: expect.objectContaining({ content: [{ type: 'text', text: RESULT }] }),
      }),
    ]);
  });

  it('is waited for where the revision of the client knows no polling', async () => {
    const sessionId = await openSession('2025-06-18');
    const { message } = await rpc(url(), 'tools/call', { name: 'test_reconnection' }, { key: gateway.key, sessionId });
    expect(message?.result).toMatchObject({ content: [{ text: RESULT }] });
  });

  it.each([
    ['v1', connectV1],
    ['v2', connectV2],
  ])('is nothing that clients of SDK %s notice', async (_, connect) => {
    const client = await connect(url(), { key: gateway.key });
    expect(await client.callTool({ name: 'test_reconnection', arguments: {} })).toMatchObject({
      content: [{ text: RESULT }],
    });
    await client.close();
  });
});
