import { fakeUpstream, type FakeUpstream, type SeenRequest } from '../../harness/fake-upstream.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

/** Which credential travels where: contract §8, §11; recorder upstreams see every header of every request. */
describe('upstream credentials', () => {
  let upstream: FakeUpstream;
  let other: FakeUpstream;
  let gateway: TestGateway | undefined;

  beforeAll(async () => {
    upstream = await fakeUpstream({ stateful: true });
    other = await fakeUpstream();
  });

  afterEach(async () => {
    await gateway?.close();
    upstream.clearLog();
    other.clearLog();
  });

  afterAll(async () => {
    await upstream.close();
    await other.close();
  });

  async function start(server: object, general: object = {}): Promise<void> {
    gateway = await startGateway({
      config: {
        general_settings: general,
        mcp_servers: {
          'up.one': { url: upstream.url, transport: 'http', ...server },
          other: { url: other.url, transport: 'http' },
        },
      },
    });
  }

  /** Lists and calls, and answers the requests that the upstream saw of it. */
  async function callWith(
    headers: Record<string, string>,
    path = '/mcp/up.one',
    tool = 'echo',
  ): Promise<readonly SeenRequest[]> {
    const answer = await rpc(
      `${gateway?.url ?? ''}${path}`,
      'tools/call',
      { name: tool, arguments: { a: 1 } },
      { headers },
    );
    expect(answer.message?.result).toBeDefined();
    return upstream.requests;
  }
  const withKey = (headers: Record<string, string> = {}): Record<string, string> => ({
    'x-litellm-api-key': `Bearer ${gateway?.key ?? ''}`,
    ...headers,
  });
  const sent = (requests: readonly SeenRequest[], header: string): unknown[] => [
    ...new Set(requests.map(({ headers }) => headers[header])),
  ];

  it.each<[string, object, string, string]>([
    ['api_key', { auth_type: 'api_key', auth_value: 'v' }, 'x-api-key', 'v'],
    ['bearer_token', { auth_type: 'bearer_token', auth_value: 'v' }, 'authorization', 'Bearer v'],
    ['token', { auth_type: 'token', auth_value: 'v' }, 'authorization', 'token v'],
    ['authorization', { auth_type: 'authorization', auth_value: 'Custom v' }, 'authorization', 'Custom v'],
    ['basic, plain', { auth_type: 'basic', auth_value: 'user:pass' }, 'authorization', 'Basic dXNlcjpwYXNz'],
    [
      'basic, encoded already',
      { auth_type: 'basic', auth_value: 'dXNlcjpwYXNz' },
      'authorization',
      'Basic dXNlcjpwYXNz',
    ],
    ['authentication_token', { auth_type: 'bearer_token', authentication_token: 'v' }, 'authorization', 'Bearer v'],
    ['static headers', { static_headers: { 'X-Tenant': 't' } }, 'x-tenant', 't'],
  ])('%s is sent with every request, and nothing of the client’s', async (_title, server, header, value) => {
    await start(server);
    const requests = await callWith({ authorization: `Bearer ${gateway?.key ?? ''}` });
    expect(sent(requests, header)).toEqual([value]);
    expect(upstream.transcript()).not.toContain(gateway?.key);
    if (header !== 'authorization') expect(sent(requests, 'authorization')).toEqual([undefined]);
  });

  it('x-mcp-{alias}-{header} replaces the server’s own credential, for that server only', async () => {
    await start({ auth_type: 'bearer_token', auth_value: 'own', alias: 'Up_One' });
    const requests = await callWith(
      withKey({ 'x-mcp-up_one-authorization': 'Bearer users', 'x-mcp-other-x-secret': 'for-other' }),
      '/mcp',
      'Up_One-echo',
    );
    const call = requests.find(({ rpc: seen }) => seen?.method === 'tools/call');
    expect(call?.headers.authorization).toBe('Bearer users');
    expect(upstream.transcript()).not.toContain('for-other');
    expect(other.transcript()).not.toContain('users');
  });

  it('static headers win over everything else', async () => {
    await start({
      auth_type: 'bearer_token',
      auth_value: 'own',
      static_headers: { Authorization: 'Static s' },
      extra_headers: ['x-tenant'],
    });
    const requests = await callWith(withKey({ 'x-mcp-up.one-authorization': 'Bearer users', 'x-tenant': 'mine' }));
    expect(sent(requests, 'authorization')).toEqual(['Static s']);
    expect(requests.find(({ rpc: seen }) => seen?.method === 'tools/call')?.headers['x-tenant']).toBe('mine');
  });

  it('Authorization goes upstream only where extra_headers names it, and only beside x-litellm-api-key', async () => {
    await start({ extra_headers: ['Authorization'] });
    const flow = await callWith(withKey({ authorization: 'Bearer oauth-token' }));
    expect(flow.find(({ rpc: seen }) => seen?.method === 'tools/call')?.headers.authorization).toBe(
      'Bearer oauth-token',
    );
    upstream.clearLog();
    await callWith({ authorization: `Bearer ${gateway?.key ?? ''}` });
    expect(upstream.transcript()).not.toContain(gateway?.key);
  });

  it('mcp_client_side_auth_header_name: authorization offers it to every server in scope', async () => {
    await start({ auth_type: 'bearer_token' }, { mcp_client_side_auth_header_name: 'authorization' });
    const requests = await callWith(withKey({ authorization: 'Bearer mine' }));
    expect(requests.find(({ rpc: seen }) => seen?.method === 'tools/call')?.headers.authorization).toBe('Bearer mine');
  });

  it('a gateway key never travels, by whatever header it was offered (defect 31)', async () => {
    await start({
      auth_type: 'bearer_token',
      extra_headers: ['Authorization', 'x-api-key', 'x-litellm-api-key', 'x-copy'],
    });
    const key = gateway?.key ?? '';
    const looksLikeOne = `sk-${'a'.repeat(22)}`;
    await callWith({
      'x-litellm-api-key': key,
      authorization: `Bearer ${key}`,
      'x-api-key': key,
      'x-copy': key,
      'x-mcp-auth': key,
      'x-mcp-up.one-authorization': `Bearer ${key}`,
      'x-mcp-up.one-x-other': looksLikeOne,
    });
    expect(upstream.transcript()).not.toContain(key);
    expect(upstream.transcript()).not.toContain(looksLikeOne);
  });

  it('nor as a part of a header: of a list, behind a tab, in a cookie, as a password; nor does our own cookie', async () => {
    await start({ auth_type: 'bearer_token', extra_headers: ['x-copy', 'cookie'] });
    const key = gateway?.key ?? '';
    const session = 'a-sign-in-at-our-own-pages';
    const password = Buffer.from(`me:${key}`).toString('base64');
    const [call] = (
      await callWith({
        'x-litellm-api-key': key,
        'x-copy': `${key}, something else`,
        cookie: `theme=dark; __Host-gatehouse-session=${session}; gatehouse-browser=${session}`,
        'x-mcp-up.one-x-tab': `Bearer\t${key}`,
        'x-mcp-up.one-x-pair': `token=${key}; a=b`,
        'x-mcp-up.one-x-quoted': `token="${key}"`,
        'x-mcp-up.one-x-basic': `Basic ${password}`,
        'x-mcp-up.one-x-fine': 'token=of-another; a=b',
      })
    ).filter(({ rpc: seen }) => seen?.method === 'tools/call');
    for (const secret of [key, password, session]) expect(upstream.transcript()).not.toContain(secret);
    expect(call?.headers).toMatchObject({ cookie: 'theme=dark', 'x-fine': 'token=of-another; a=b' });
  });

  it('lists under a client’s own credential are not shown to callers without it', async () => {
    await start({});
    const list = (headers: Record<string, string>): ReturnType<typeof rpc> =>
      rpc(`${gateway?.url ?? ''}/mcp/up.one`, 'tools/list', undefined, { headers });
    const before = upstream.seen('tools/list').length;
    await list(withKey({ 'x-mcp-up.one-authorization': 'Bearer a' }));
    await list(withKey({ 'x-mcp-up.one-authorization': 'Bearer a' }));
    await list(withKey({ 'x-mcp-up.one-authorization': 'Bearer b' }));
    await list(withKey());
    const asked = upstream.seen('tools/list').slice(before);
    expect(asked.map(({ headers }) => headers.authorization).filter((value) => value !== undefined)).toEqual([
      'Bearer a',
      'Bearer b',
    ]);
    const sessions = asked.map(({ headers }) => headers['mcp-session-id']);
    expect(new Set(sessions).size).toBe(sessions.length);
  });

  it('no secret of the configuration or of a caller is in the log, at debug level (defect 54)', async () => {
    await start({
      auth_type: 'bearer_token',
      auth_value: 'canary-own-credential',
      static_headers: { 'X-S': 'canary-static-header' },
    });
    await callWith(withKey({ 'x-mcp-other-authorization': 'Bearer canary-client-credential' }));
    upstream.setFailure(() => ({ status: 401, headers: { 'www-authenticate': 'Bearer' } }));
    await rpc(
      `${gateway?.url ?? ''}/mcp/up.one`,
      'tools/call',
      { name: 'echo', arguments: { secret: 'canary-argument' } },
      { headers: withKey() },
    );
    upstream.setFailure(undefined);
    const written = `${gateway?.logs() ?? ''}${await gateway?.metrics()}`;
    expect(written).not.toMatch(/canary-/);
    expect(written).not.toContain(gateway?.key);
  });
});
