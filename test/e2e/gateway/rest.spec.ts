import { fakeUpstream, RawResult, type FakeUpstream } from '../../harness/fake-upstream.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

/** `/mcp-rest/tools/*`: reference §2.4 with real statuses. */
describe('the REST shortcut', () => {
  let wiki: FakeUpstream;
  let chat: FakeUpstream;
  let gateway: TestGateway;

  beforeAll(async () => {
    wiki = await fakeUpstream({
      tools: [
        {
          name: 'search',
          description: 'Finds',
          inputSchema: { type: 'object' },
          run: () => new RawResult('{"content":[],"structuredContent":{"n":12345678901234567890},"isError":false}'),
        },
        { name: 'delete', inputSchema: { type: 'object' } },
        { name: 'post', inputSchema: { type: 'object' }, run: () => 'wiki' },
      ],
    });
    chat = await fakeUpstream({ tools: [{ name: 'post', inputSchema: { type: 'object' }, run: () => 'chat' }] });
    gateway = await startGateway({
      config: {
        mcp_servers: {
          wiki: {
            url: wiki.url,
            transport: 'http',
            disallowed_tools: ['delete'],
            mcp_info: { logo_url: 'https://x.example/l.png' },
          },
          chat: { url: chat.url, transport: 'http' },
        },
      },
    });
  });

  afterAll(async () => {
    await gateway.close();
    await wiki.close();
    await chat.close();
  });

  async function call(
    path: string,
    init: RequestInit = {},
  ): Promise<{ status: number; text: string; body: Record<string, unknown> }> {
    const response = await fetch(`${gateway.url}/mcp-rest/tools/${path}`, {
      ...init,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${gateway.key}` },
    });
    const text = await response.text();
    return { status: response.status, text, body: JSON.parse(text) as Record<string, unknown> };
  }
  const post = (body: object): ReturnType<typeof call> => call('call', { method: 'POST', body: JSON.stringify(body) });

  it('lists bare names with the server’s mcp_info, disallowed_tools applied (defect 18)', async () => {
    const { status, body } = await call('list');
    expect([status, body['error'], body['message']]).toEqual([200, null, 'Successfully retrieved tools']);
    expect(body['tools']).toEqual([
      { name: 'post', inputSchema: { type: 'object' }, mcp_info: { server_name: 'chat' } },
      {
        name: 'search',
        description: 'Finds',
        inputSchema: { type: 'object' },
        mcp_info: { server_name: 'wiki', logo_url: 'https://x.example/l.png' },
      },
      {
        name: 'post',
        inputSchema: { type: 'object' },
        mcp_info: { server_name: 'wiki', logo_url: 'https://x.example/l.png' },
      },
    ]);
  });

  it('lists one server by name, and answers 404, not 200, for an unknown one (defect 19)', async () => {
    expect(((await call('list?server_id=chat')).body['tools'] as unknown[]).length).toBe(1);
    const { status, body } = await call('list?server_id=nobody');
    expect([status, body]).toEqual([404, { detail: { error: 'server_not_found', message: 'Unknown server: nobody' } }]);
  });

  it('calls by server_id or by an unambiguous name, and passes the result as it came', async () => {
    expect((await post({ server_id: 'wiki', name: 'search', arguments: { q: 'x' } })).text).toBe(
      '{"content":[],"structuredContent":{"n":12345678901234567890},"isError":false}',
    );
    expect((await post({ name: 'search' })).status).toBe(200);
    expect((await post({ name: 'wiki-search' })).status).toBe(200);
    expect((await post({ server_id: 'chat', name: 'post' })).text).toContain('chat');
    expect((await post({ server_id: 'wiki', name: 'post' })).text).toContain('wiki');
  });

  it('ties the tool to the server that was named (defect 20), and refuses with real statuses', async () => {
    expect((await post({ server_id: 'chat', name: 'search' })).status).toBe(404);
    expect((await post({ server_id: 'wiki', name: 'delete' })).status).toBe(404);
    expect((await post({ server_id: 'nobody', name: 'post' })).status).toBe(404);
    expect((await post({ name: 'post' })).status).toBe(400);
    expect((await post({ server_id: 'wiki' })).body).toEqual({
      detail: { error: 'missing_parameter', message: 'Invalid params: name is required in request body' },
    });
    expect((await call('call')).status).toBe(405);
  });
});
