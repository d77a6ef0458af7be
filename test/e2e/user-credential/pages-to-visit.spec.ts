import { adminCaller, type AdminCaller } from '../../harness/admin-call.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { modernRpc } from '../../harness/modern-rpc.js';
import { rpc, type RpcAnswer } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

/** A server that wants a login is called before there is one (contract §11): what each kind of client is told. */
describe('a call that needs a login first', () => {
  let upstream: FakeUpstream;
  let gateway: TestGateway;
  let user: AdminCaller;
  let key: string;

  beforeAll(async () => {
    upstream = await fakeUpstream();
    gateway = await startGateway({
      config: {
        mcp_servers: {
          files: {
            url: upstream.url,
            auth_type: 'oauth2',
            client_id: 'gateway',
            authorization_url: 'http://127.0.0.1:9/auth',
            token_url: 'http://127.0.0.1:9/token',
            allow_all_keys: true,
          },
        },
      },
    });
    const made = await adminCaller(gateway.url, gateway.key)('POST', '/user/new', { user_id: 'ada' });
    ({ key } = made.body as { key: string });
    user = adminCaller(gateway.url, key);
  });

  afterEach(async () => {
    await user('DELETE', '/v1/mcp/server/files/oauth-user-credential');
    upstream.clearLog();
  });

  afterAll(async () => {
    await gateway.close();
    await upstream.close();
  });

  const connect = () => user('POST', '/v1/mcp/server/files/oauth-user-credential', { access_token: 'token-of-ada' });
  /** With the key in `x-litellm-api-key` a client of one server would be sent to OAuth of its own instead. */
  const bearer = () => ({ authorization: `Bearer ${key}` });
  const page = () => `${gateway.url}/connect/files`;
  const endpoint = () => `${gateway.url}/mcp/files`;
  const params = { name: 'echo', arguments: {} };
  const OPENS_PAGES = { elicitation: { url: {} } };

  /** A call on a session whose client declared this. */
  async function legacyCall(version: string, capabilities: object, method = 'tools/call'): Promise<RpcAnswer> {
    const clientInfo = { name: 'test', version: '1' };
    const opened = await rpc(
      endpoint(),
      'initialize',
      { protocolVersion: version, capabilities, clientInfo },
      { headers: bearer() },
    );
    const sessionId = opened.headers.get('mcp-session-id') ?? '';
    const headers = { ...bearer(), 'mcp-protocol-version': version };
    await rpc(endpoint(), 'notifications/initialized', undefined, { sessionId, headers, id: null });
    return rpc(endpoint(), method, method === 'tools/call' ? params : {}, { sessionId, headers });
  }

  test.each(['tools/call', 'tools/list'])(
    'a client of 2025-11-25 that opens pages is given the page as −32042 (%s)',
    async (method) => {
      const { message } = await legacyCall('2025-11-25', OPENS_PAGES, method);
      expect(message?.error).toMatchObject({
        code: -32_042,
        data: {
          server: 'files',
          elicitations: [{ mode: 'url', url: page(), elicitationId: expect.any(String), message: expect.any(String) }],
        },
      });
      expect(upstream.requests).toEqual([]);
      await connect();
      expect((await legacyCall('2025-11-25', OPENS_PAGES, method)).message?.result).toBeDefined();
    },
  );

  test.each([
    ['2025-11-25', {}],
    ['2025-11-25', { elicitation: {} }],
    ['2025-06-18', OPENS_PAGES],
  ])('a client of %s that declares %j is told the link', async (version, capabilities) => {
    const { error } = (await legacyCall(version, capabilities)).message ?? {};
    expect(error).toMatchObject({ code: -32_001, data: { url: page(), retryable: false } });
    expect(error?.data).not.toHaveProperty('elicitations');
  });

  test('a modern client that opens pages is asked to visit it, and its call made again succeeds', async () => {
    const options = { headers: bearer(), capabilities: OPENS_PAGES };
    const { status, message } = await modernRpc(endpoint(), 'tools/call', params, options);
    const { resultType, inputRequests, requestState } = message?.result ?? {};
    expect([status, resultType]).toEqual([200, 'input_required']);
    const requests = Object.entries(inputRequests as Record<string, unknown>);
    expect(requests).toEqual([
      [
        expect.any(String),
        { method: 'elicitation/create', params: expect.objectContaining({ mode: 'url', url: page() }) },
      ],
    ]);
    const answers = (action: string) => ({ inputResponses: { [requests[0]?.[0] ?? '']: { action } }, requestState });
    const refused = await modernRpc(endpoint(), 'tools/call', { ...params, ...answers('decline') }, options);
    expect(refused.message?.error?.data).toMatchObject({ url: page() });
    await connect();
    const done = await modernRpc(endpoint(), 'tools/call', { ...params, ...answers('accept') }, options);
    expect(done.message?.result).toMatchObject({ resultType: 'complete' });
    expect(upstream.seen('tools/call')[0]?.headers.authorization).toBe('Bearer token-of-ada');
  });

  test('a modern client whose user is still at the page waits, and its call goes on as soon as they are done', async () => {
    const options = { headers: bearer(), capabilities: OPENS_PAGES };
    const asked = await modernRpc(endpoint(), 'tools/call', params, options);
    const { inputRequests, requestState } = asked.message?.result ?? {};
    const [keyOfRequest = ''] = Object.keys(inputRequests as object);
    const inputResponses = { [keyOfRequest]: { action: 'accept' } };
    const waiting = modernRpc(endpoint(), 'tools/call', { ...params, inputResponses, requestState }, options);
    await connect();
    expect((await waiting).message?.result).toMatchObject({ resultType: 'complete' });
  });

  test('a session of 2025-11-25 hears that the page is done with, and that there is something to list', async () => {
    const clientInfo = { name: 'test', version: '1' };
    const initialize = { protocolVersion: '2025-11-25', capabilities: OPENS_PAGES, clientInfo };
    const opened = await rpc(endpoint(), 'initialize', initialize, { headers: bearer() });
    const sessionId = opened.headers.get('mcp-session-id') ?? '';
    const headers = { ...bearer(), 'mcp-protocol-version': '2025-11-25' };
    await rpc(endpoint(), 'notifications/initialized', undefined, { sessionId, headers, id: null });
    const ended = new AbortController();
    const stream = await fetch(endpoint(), {
      headers: { ...headers, 'mcp-session-id': sessionId, accept: 'text/event-stream' },
      signal: ended.signal,
    });
    let heard = '';
    const reading = (async () => {
      for await (const chunk of stream.body ?? []) heard += new TextDecoder().decode(chunk as Uint8Array);
    })().catch(() => undefined);
    const { error } = (await rpc(endpoint(), 'tools/call', params, { sessionId, headers })).message ?? {};
    const [{ elicitationId = '' } = {}] = error?.data?.['elicitations'] as { elicitationId?: string }[];
    await connect();
    await waitFor(() => heard.includes('notifications/elicitation/complete'), { what: 'the end of the visit' });
    expect(heard).toContain(elicitationId);
    await waitFor(() => heard.includes('notifications/tools/list_changed'), { what: 'a list to ask for again' });
    ended.abort();
    await reading;
  });

  test('a modern client that does not, and one that lists, is told the link', async () => {
    for (const [method, capabilities] of [
      ['tools/call', {}],
      ['tools/list', OPENS_PAGES],
    ] as const) {
      const { message } = await modernRpc(endpoint(), method, method === 'tools/call' ? params : {}, {
        headers: bearer(),
        capabilities,
      });
      expect([method, message?.error?.data?.['url']]).toEqual([method, page()]);
    }
  });

  test('a caller of the REST shortcut is told the link', async () => {
    const response = await fetch(`${gateway.url}/mcp-rest/tools/call`, {
      method: 'POST',
      headers: { 'x-litellm-api-key': key, 'content-type': 'application/json' },
      body: JSON.stringify({ server_id: 'files', ...params }),
    });
    expect(response.status).toBe(403);
    expect(await response.text()).toContain(page());
  });
});
