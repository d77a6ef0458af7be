import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { envelope, mirrored, MODERN, modernRpc, type ModernOptions } from '../../harness/modern-rpc.js';
import { post, rpc, type RpcAnswer } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

/** What a request of 2026-07-28 must look like, and what is said to one that does not: protocol page §1.3. */
describe('a request of the modern era', () => {
  let upstream: FakeUpstream;
  let gateway: TestGateway;
  let mcp: string;

  beforeAll(async () => {
    upstream = await fakeUpstream({
      instructions: 'Ask before you echo.',
      prompts: [{ name: 'hello' }],
      resources: [{ uri: 'test://a', name: 'a' }],
    });
    gateway = await startGateway({ config: { mcp_servers: { up: { url: upstream.url, transport: 'http' } } } });
    mcp = `${gateway.url}/mcp`;
  });

  afterAll(async () => {
    await gateway.close();
    await upstream.close();
  });

  const ask = (method: string, params: Record<string, unknown> = {}, more: ModernOptions = {}): Promise<RpcAnswer> =>
    modernRpc(mcp, method, params, { key: gateway.key, ...more });

  const raw = (body: unknown, headers: Record<string, string>): Promise<RpcAnswer> =>
    post(mcp, JSON.stringify(body), { key: gateway.key, headers });

  describe('server/discover ("Discovery")', () => {
    it('names the modern revisions only, what is offered, instructions, and that nothing may be shared', async () => {
      const { status, headers, message } = await ask('server/discover');
      expect(status).toBe(200);
      expect(headers.get('mcp-session-id')).toBeNull();
      expect(message?.result).toEqual({
        resultType: 'complete',
        supportedVersions: [MODERN],
        capabilities: {
          tools: { listChanged: true },
          prompts: { listChanged: true },
          resources: expect.objectContaining({ listChanged: true }) as unknown,
          logging: {},
        },
        instructions: expect.stringContaining('Ask before you echo.') as unknown,
        ttlMs: 0,
        cacheScope: 'private',
        _meta: {
          'io.modelcontextprotocol/serverInfo': { name: 'gatehouse', title: 'Gatehouse', version: expect.anything() },
        },
      });
    });

    it.each(['/mcp', '/mcp/', '/mcp/up', '/up/mcp'])('is served at %s', async (path) => {
      const { message } = await modernRpc(`${gateway.url}${path}`, 'server/discover', {}, { key: gateway.key });
      expect(message?.result?.['supportedVersions']).toEqual([MODERN]);
    });

    it('is not told to strangers, and hides what they may not see', async () => {
      const stranger = await modernRpc(mcp, 'server/discover');
      expect(stranger.status).toBe(401);
      expect(stranger.headers.get('www-authenticate')).toContain('resource_metadata=');
      const unknown = await modernRpc(`${gateway.url}/mcp/nothing`, 'server/discover', {}, { key: gateway.key });
      expect(unknown.status).toBe(404);
    });
  });

  describe('the envelope ("_meta")', () => {
    it.each([
      ['no params', undefined],
      ['no _meta', {}],
      ['no version', { _meta: { ...envelope(), 'io.modelcontextprotocol/protocolVersion': undefined } }],
      ['no capabilities', { _meta: { ...envelope(), 'io.modelcontextprotocol/clientCapabilities': undefined } }],
    ])('%s: 400 and −32602 under the id of the request', async (_what, params) => {
      const { status, message } = await raw(
        { jsonrpc: '2.0', id: 'x', method: 'tools/list', params },
        mirrored('tools/list'),
      );
      expect(status).toBe(400);
      expect(message).toMatchObject({ id: 'x', error: { code: -32602 } });
    });

    it('may do without clientInfo', async () => {
      const meta = { ...envelope(), 'io.modelcontextprotocol/clientInfo': undefined };
      const { status } = await raw(
        { jsonrpc: '2.0', id: 1, method: 'tools/list', params: { _meta: meta } },
        mirrored('tools/list'),
      );
      expect(status).toBe(200);
    });

    it('that names a revision nobody speaks: 400, −32022, what is supported and what was asked', async () => {
      const meta = { ...envelope(), 'io.modelcontextprotocol/protocolVersion': 'v999.0.0' };
      const { status, message } = await raw(
        { jsonrpc: '2.0', id: 7, method: 'tools/list', params: { _meta: meta } },
        { ...mirrored('tools/list'), 'mcp-protocol-version': 'v999.0.0' },
      );
      expect(status).toBe(400);
      expect(message).toMatchObject({
        id: 7,
        error: { code: -32022, data: { supported: [MODERN], requested: 'v999.0.0' } },
      });
    });
  });

  describe('the headers ("Standard Request Headers")', () => {
    it.each<[string, Record<string, string>]>([
      ['another version', { 'mcp-protocol-version': '2025-11-25' }],
      ['another method', { 'mcp-method': 'tools/list' }],
      ['a method in another case', { 'mcp-method': 'TOOLS/CALL' }],
      ['another name', { 'mcp-name': 'up-other' }],
      ['broken base64', { 'mcp-name': '=?base64?dXAtZWNobw?=' }],
      ['no name', { 'mcp-name': '' }],
    ])('%s: 400 and −32020', async (_what, headers) => {
      const answer = await ask('tools/call', { name: 'up-echo', arguments: {} }, { id: 5, headers });
      expect(answer.status).toBe(400);
      expect(answer.message).toMatchObject({ id: 5, error: { code: -32020 } });
    });

    it('none at all on a request whose body is modern: 400 and −32020', async () => {
      const { status, message } = await raw(
        { jsonrpc: '2.0', id: 1, method: 'tools/list', params: { _meta: envelope() } },
        {},
      );
      expect([status, message?.error?.code]).toEqual([400, -32020]);
    });

    it.each([
      ['padded', '  up-echo\t'],
      ['in base64', '=?base64?dXAtZWNobw==?='],
    ])('a name may be %s', async (_what, name) => {
      const { status } = await ask('tools/call', { name: 'up-echo', arguments: {} }, { headers: { 'mcp-name': name } });
      expect(status).toBe(200);
    });
  });

  describe('methods and messages', () => {
    it.each([
      'initialize',
      'ping',
      'logging/setLevel',
      'resources/subscribe',
      'resources/unsubscribe',
      'tasks/list',
      'no/such',
    ])('%s is not of this revision: 404 and −32601', async (method) => {
      const { status, message } = await ask(method, {}, { id: 9 });
      expect(status).toBe(404);
      expect(message).toMatchObject({ id: 9, error: { code: -32601 } });
    });

    it('notifications are accepted; batches, responses and another jsonrpc are not', async () => {
      const headers = mirrored('tools/list');
      const notice = await raw({ jsonrpc: '2.0', method: 'notifications/anything' }, headers);
      expect([notice.status, notice.text]).toEqual([202, '']);
      const request = { jsonrpc: '2.0', id: 1, method: 'tools/list', params: { _meta: envelope() } };
      const refused = [
        await raw([request], headers),
        await raw([request], { 'mcp-protocol-version': '2025-03-26' }),
        await raw({ jsonrpc: '2.0', id: 1, result: {} }, headers),
        await raw({ ...request, jsonrpc: '1.0' }, headers),
      ];
      expect(refused.map(({ status, message }) => [status, message?.error?.code])).toEqual(
        Array.from({ length: 4 }, () => [400, -32600]),
      );
    });

    it.each(['GET', 'DELETE', 'PUT'])('%s on the endpoint: 405', async (method) => {
      const response = await fetch(mcp, {
        method,
        headers: { 'x-litellm-api-key': gateway.key, 'mcp-protocol-version': MODERN, accept: 'text/event-stream' },
      });
      expect(response.status).toBe(405);
      expect(response.headers.get('allow')).toBe('POST');
    });

    it('sessions and Last-Event-ID mean nothing', async () => {
      const { status } = await ask('tools/list', {}, { sessionId: 'nobody', headers: { 'last-event-id': '7' } });
      expect(status).toBe(200);
    });

    it('an id comes back as it was written', async () => {
      const body =
        `{"jsonrpc":"2.0","id":98765432109876543210,"method":"tools/list","params":{"_meta":` +
        `${JSON.stringify(envelope())}}}`;
      const { text } = await post(mcp, body, { key: gateway.key, headers: mirrored('tools/list') });
      expect(text).toContain('"id":98765432109876543210');
    });
  });

  describe('both eras on one path (protocol page §1.4)', () => {
    it('what carries no modern claim is served as ever', async () => {
      const answer = await rpc(mcp, 'initialize', { protocolVersion: '2025-11-25', capabilities: {} }, gateway);
      expect(answer.message?.result?.['protocolVersion']).toBe('2025-11-25');
      expect(answer.headers.get('mcp-session-id')).not.toBeNull();
      const list = await rpc(mcp, 'tools/list', undefined, gateway);
      expect(list.message?.result).not.toHaveProperty('resultType');
    });

    it('a legacy request under a version that nobody knows is still the error that makes clients initialize', async () => {
      const answer = await rpc(
        mcp,
        'tools/list',
        {},
        { ...gateway, headers: { 'mcp-protocol-version': '2099-01-01' } },
      );
      expect([answer.status, answer.message?.error?.code]).toEqual([400, -32000]);
    });
  });
});
