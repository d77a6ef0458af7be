import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

/** Routes that answer without a credential: discovery and signs of life (security page §1). Anything else must not. */
const PUBLIC_ROUTES: ReadonlySet<string> = new Set([
  'GET /health/liveliness',
  'GET /health/liveness',
  'GET /health/readiness',
  'GET /.well-known/oauth-protected-resource',
  'GET /.well-known/oauth-protected-resource/*path',
  'GET /public/mcp_hub',
  // 404 unless they are switched on.
  'GET /v1/mcp/registry.json',
  'GET /v0.1/servers',
  'GET /v0.1/servers/:name/versions',
  'GET /v0.1/servers/:name/versions/:version',
]);

/** Doors ahead of Nest, and paths that nobody serves. */
const OTHER_ROUTES = [
  'GET /mcp',
  'POST /mcp',
  'DELETE /mcp',
  'POST /mcp/',
  'POST /mcp/wiki',
  'POST /wiki/mcp',
  'POST /mcp/nobody',
  'POST /nobody/mcp',
  'POST /toolset/any/mcp',
  'GET /sse',
  'GET /wiki/sse',
  'POST /messages',
  'POST /wiki/messages?session_id=x',
  'GET /mcp-rest/tools/list',
  'POST /mcp-rest/tools/call',
  'GET /',
  'GET /nothing/here',
  'PUT /health',
  'POST /v1/mcp/server',
  'GET /openapi.json',
  'OPTIONS /metrics',
  // Defect 2: `.well-known` somewhere in the URL made a request anonymous.
  'POST /mcp?next=/.well-known/oauth-protected-resource',
  'POST /mcp/.well-known',
  'GET /metrics?x=.well-known',
  'GET /metrics/.well-known/oauth-protected-resource',
  'GET /health/..%2fmetrics',
  'GET //metrics',
];

const BAD_CREDENTIALS: Readonly<Record<string, Record<string, string>>> = {
  none: {},
  'a wrong key': { 'x-litellm-api-key': 'Bearer sk-wrong-wrong-wrong-wrong' },
  // Defect 1: an invalid bearer made the caller anonymous.
  'a wrong bearer': { authorization: 'Bearer sk-wrong-wrong-wrong-wrong' },
  'an empty bearer': { authorization: 'Bearer ' },
  'basic authentication': { authorization: `Basic ${Buffer.from('admin:admin').toString('base64')}` },
  'an empty key': { 'x-litellm-api-key': '' },
};

describe('no route answers a stranger', () => {
  let gateway: TestGateway;
  let registered: readonly string[];

  beforeAll(async () => {
    gateway = await startGateway({ config: { mcp_servers: { wiki: { url: 'http://127.0.0.1:9/mcp' } } } });
    registered = [...gateway.logs().matchAll(/Mapped \{([^,]+), ([A-Z]+)\} route/g)].map(
      ([, path = '', method = '']) => `${method} ${path}`,
    );
  });

  afterAll(() => gateway.close());

  async function send(route: string, headers: Record<string, string>): Promise<Response> {
    const [method = 'GET', path = '/'] = route.split(' ');
    const body = method === 'POST' || method === 'PUT' ? { body: '{"method":"tools/list"}' } : {};
    return fetch(`${gateway.url}${path.replace('*path', 'mcp/wiki')}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...body,
    });
  }

  test.each(Object.entries(BAD_CREDENTIALS))('with %s everything is 401 with the challenge', async (_name, headers) => {
    expect(registered.length).toBeGreaterThan(5);
    const guarded = [...registered.filter((route) => !PUBLIC_ROUTES.has(route)), ...OTHER_ROUTES];
    for (const route of guarded) {
      const response = await send(route, headers);
      expect([route, response.status]).toEqual([route, 401]);
      expect(response.headers.get('www-authenticate')).toMatch(
        /^Bearer resource_metadata="http:\/\/127\.0\.0\.1:\d+\/\.well-known\/oauth-protected-resource/,
      );
      expect(await response.text()).not.toMatch(/wiki|stack|at /);
    }
  });

  test('the public ones say no more than they must, whatever the credential', async () => {
    for (const headers of Object.values(BAD_CREDENTIALS)) {
      expect(await (await send('GET /health/liveness', headers)).text()).toBe("I'm alive!");
      expect(await (await send('GET /health/readiness', headers)).json()).toEqual({ status: 'healthy' });
    }
  });

  test('with the key every registered route is served', async () => {
    for (const route of registered) {
      const response = await send(route, { 'x-api-key': gateway.key });
      const text = await response.text();
      // That there is no such thing as `:id`, or that something is not for administrators, is an answer of the route.
      const isServed =
        ![401, 500].includes(response.status) && !/"code":"(http\/not_found|auth\/forbidden)"/.test(text);
      expect([route, isServed]).toEqual([route, true]);
    }
    expect((await send('GET /nothing/here', { 'x-api-key': gateway.key })).status).toBe(404);
  });

  test('a stranger’s body is not read, and does not become the next request', async () => {
    const huge = 'x'.repeat(8 * 1024 * 1024);
    const response = await fetch(`${gateway.url}/mcp-rest/test/connection`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: huge,
    }).catch((error: unknown) => error);
    // Either the answer came, or the connection was cut while we were still sending.
    if (response instanceof Response) expect(response.status).toBe(401);
    expect((await send('GET /health/liveness', {})).status).toBe(200);
  });
});

describe('what the discovery document says', () => {
  test('is the same whether or not a server exists, and trusts no forwarded header (defect 28)', async () => {
    const gateway = await startGateway({ config: { mcp_servers: { wiki: { url: 'http://127.0.0.1:9/mcp' } } } });
    const read = async (path: string, headers: Record<string, string> = {}): Promise<unknown> =>
      (await fetch(`${gateway.url}/.well-known/oauth-protected-resource${path}`, { headers })).json();
    const expected = (path: string): unknown => ({
      resource: `${gateway.url}${path}`,
      resource_name: 'Gatehouse',
      bearer_methods_supported: ['header'],
    });
    const spoofed = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', 'x-forwarded-port': '444' };
    expect(await read('')).toEqual(expected('/mcp'));
    expect(await read('/mcp/wiki')).toEqual(expected('/mcp/wiki'));
    expect(await read('/mcp/nobody', spoofed)).toEqual(expected('/mcp/nobody'));
    expect(await read('/wiki/mcp', spoofed)).toEqual(expected('/wiki/mcp'));
    await gateway.close();
  });

  test('follows a trusted proxy, and PROXY_BASE_URL before everything', async () => {
    const proxied = await startGateway({ config: { general_settings: { mcp_trusted_proxy_ranges: ['127.0.0.0/8'] } } });
    const headers = { 'x-forwarded-host': 'mcp.example.com', 'x-forwarded-proto': 'https' };
    const read = async (url: string): Promise<unknown> =>
      (await fetch(`${url}/.well-known/oauth-protected-resource/mcp/a`, { headers })).json();
    expect(await read(proxied.url)).toMatchObject({ resource: 'https://mcp.example.com/mcp/a' });
    await proxied.close();

    const named = await startGateway({
      config: { general_settings: { mcp_trusted_proxy_ranges: ['127.0.0.0/8'] } },
      env: { PROXY_BASE_URL: 'https://gate.example.org', SERVER_ROOT_PATH: '/tools' },
    });
    expect(await read(`${named.url}/tools`)).toMatchObject({ resource: 'https://gate.example.org/tools/mcp/a' });
    expect((await fetch(`${named.url}/tools/health/liveness`)).status).toBe(200);
    expect((await fetch(`${named.url}/health/liveness`)).status).toBe(200);
    const refused = await fetch(`${named.url}/tools/metrics`);
    expect(refused.headers.get('www-authenticate')).toContain(
      '"https://gate.example.org/tools/.well-known/oauth-protected-resource"',
    );
    await named.close();
  });
});
