import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

type Document = Readonly<Record<string, unknown>>;

async function read(url: string, headers: Record<string, string> = {}): Promise<Document> {
  const response = await fetch(url, { headers });
  expect([url, response.status]).toEqual([url, 200]);
  return (await response.json()) as Document;
}

/** Where clients find what, with and without a root path, and who is believed about the gateway's address. */
describe('discovery', () => {
  let gateway: TestGateway;
  const config = {
    mcp_servers: {
      wiki: { url: 'http://127.0.0.1:9/mcp' },
      github: { url: 'http://127.0.0.1:9/mcp', transport: 'http', auth_type: 'oauth2', scopes: ['repo'] },
    },
  } as const;

  beforeAll(async () => {
    gateway = await startGateway({ config });
  });

  afterAll(() => gateway.close());

  const resource = (path: string): Promise<Document> =>
    read(`${gateway.url}/.well-known/oauth-protected-resource${path}`);

  test('a resource is the very path that was asked for', async () => {
    for (const [path, address] of [
      ['', '/mcp'],
      ['/mcp', '/mcp'],
      ['/mcp/wiki', '/mcp/wiki'],
      ['/wiki/mcp', '/wiki/mcp'],
      ['/mcp/github', '/mcp/github'],
      ['/github/mcp', '/github/mcp'],
      ['/toolset/set/mcp', '/toolset/set/mcp'],
    ]) {
      expect((await resource(path ?? ''))['resource']).toBe(`${gateway.url}${address ?? ''}`);
    }
  });

  test('tokens for a server whose users sign in there are had from its own issuer, for others from the gateway', async () => {
    expect(await resource('/mcp/wiki')).toMatchObject({ authorization_servers: [gateway.url] });
    const { resource: _, ...wiki } = await resource('/mcp/wiki');
    const { resource: __, ...nobody } = await resource('/mcp/nobody');
    expect(nobody).toEqual(wiki);
    for (const path of ['/mcp/github', '/github/mcp']) {
      expect(await resource(path)).toMatchObject({
        authorization_servers: [`${gateway.url}/github`],
        scopes_supported: ['repo'],
      });
      expect(await resource(`${path}?identity=1`)).toMatchObject({ authorization_servers: [gateway.url] });
    }
  });

  test('who has no key at all is sent to the gateway itself, at every server', async () => {
    for (const [path, expected] of [
      ['/mcp', '/mcp'],
      ['/mcp/wiki', '/mcp/wiki'],
      ['/mcp/nobody', '/mcp/nobody'],
      ['/mcp/github', '/mcp/github?identity=1'],
      ['/github/mcp', '/github/mcp?identity=1'],
    ]) {
      const response = await fetch(`${gateway.url}${path ?? ''}`, { method: 'POST' });
      expect([response.status, response.headers.get('www-authenticate')]).toEqual([
        401,
        `Bearer resource_metadata="${gateway.url}/.well-known/oauth-protected-resource${expected ?? ''}"`,
      ]);
    }
  });

  test('an issuer’s document is at every path where clients look, and names exactly that issuer (defect 30)', async () => {
    for (const path of [
      '/.well-known/oauth-authorization-server',
      '/.well-known/openid-configuration',
      '/.well-known/oauth-authorization-server/wiki',
      '/.well-known/oauth-authorization-server/mcp/wiki',
      '/.well-known/oauth-authorization-server/nobody',
    ]) {
      expect(await read(`${gateway.url}${path}`)).toEqual({
        issuer: gateway.url,
        authorization_endpoint: `${gateway.url}/authorize`,
        token_endpoint: `${gateway.url}/token`,
        registration_endpoint: `${gateway.url}/register`,
        revocation_endpoint: `${gateway.url}/revoke`,
        response_types_supported: ['code'],
        response_modes_supported: ['query'],
        grant_types_supported: ['authorization_code', 'refresh_token'],
        code_challenge_methods_supported: ['S256'],
        token_endpoint_auth_methods_supported: ['none', 'client_secret_post', 'client_secret_basic'],
        revocation_endpoint_auth_methods_supported: ['none', 'client_secret_post', 'client_secret_basic'],
        scopes_supported: ['mcp'],
        authorization_response_iss_parameter_supported: true,
        client_id_metadata_document_supported: true,
      });
    }
    for (const path of [
      '/.well-known/oauth-authorization-server/github',
      '/.well-known/openid-configuration/github',
      '/github/.well-known/oauth-authorization-server',
      '/github/.well-known/openid-configuration',
      '/.well-known/oauth-authorization-server/mcp/github',
      '/.well-known/oauth-authorization-server/github/mcp',
    ]) {
      expect(await read(`${gateway.url}${path}`)).toMatchObject({
        issuer: `${gateway.url}/github`,
        authorization_endpoint: `${gateway.url}/github/authorize`,
        token_endpoint: `${gateway.url}/github/token`,
        scopes_supported: ['repo'],
      });
    }
  });

  test('pages of any origin may read it, and ask for tokens; nothing else is theirs', async () => {
    for (const path of ['/.well-known/oauth-authorization-server', '/token', '/register', '/revoke']) {
      const response = await fetch(`${gateway.url}${path}`, {
        method: 'OPTIONS',
        headers: {
          origin: 'https://inspector.example',
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'content-type, mcp-protocol-version',
        },
      });
      expect([path, response.status, response.headers.get('access-control-allow-origin')]).toEqual([path, 204, '*']);
      expect(response.headers.get('access-control-allow-headers')).toContain('mcp-protocol-version');
      expect(response.headers.get('access-control-allow-credentials')).toBeNull();
    }
    const page = await fetch(`${gateway.url}/login?next=/`, { headers: { origin: 'https://inspector.example' } });
    expect(page.headers.get('access-control-allow-origin')).toBeNull();
  });

  test('behind a root path and a proxy, every address is the one clients use', async () => {
    const proxied = await startGateway({
      config,
      env: { PROXY_BASE_URL: 'https://gate.example.org', SERVER_ROOT_PATH: '/tools' },
    });
    const base = 'https://gate.example.org/tools';
    for (const path of ['/tools/.well-known', '/.well-known']) {
      const resources = `${proxied.url}${path}/oauth-protected-resource`;
      expect(await read(`${resources}/tools/mcp/github`)).toMatchObject({
        resource: `${base}/mcp/github`,
        authorization_servers: [`${base}/github`],
      });
      const servers = `${proxied.url}${path}/oauth-authorization-server`;
      expect(await read(`${servers}/tools`)).toMatchObject({ issuer: base, token_endpoint: `${base}/token` });
      expect(await read(`${servers}/tools/github`)).toMatchObject({ issuer: `${base}/github` });
    }
    const response = await fetch(`${proxied.url}/tools/mcp/github`, { method: 'POST' });
    expect(response.headers.get('www-authenticate')).toContain(
      `resource_metadata="${base}/.well-known/oauth-protected-resource/mcp/github?identity=1"`,
    );
    await proxied.close();
  });

  test('a server that is not for the public is not there for who comes from outside', async () => {
    const filtered = await startGateway({
      config: {
        mcp_servers: {
          ...config.mcp_servers,
          github: { ...config.mcp_servers.github, available_on_public_internet: false },
        },
        general_settings: { use_x_forwarded_for: true, mcp_trusted_proxy_ranges: ['127.0.0.0/8'] },
      },
    });
    const outside = { 'x-forwarded-for': '203.0.113.9' };
    const at = (path: string): string => `${filtered.url}${path}`;
    const prm = '/.well-known/oauth-protected-resource/mcp';
    const { resource: _, ...nobody } = await read(at(`${prm}/nobody`), outside);
    const { resource: __, ...github } = await read(at(`${prm}/github`), outside);
    expect(github).toEqual(nobody);
    expect(await read(at('/.well-known/oauth-authorization-server/github'), outside)).toEqual(
      await read(at('/.well-known/oauth-authorization-server/nobody'), outside),
    );
    const answers = async (name: string) =>
      Promise.all(
        [`/${name}/authorize?client_id=${name}`, `/${name}/token`, `/${name}/register`].map(async (path) => {
          const method = path.includes('?') ? 'GET' : 'POST';
          const response = await fetch(at(path), { method, headers: outside });
          return [response.status, await response.text()];
        }),
      );
    expect(await answers('github')).toEqual(await answers('nobody'));
    const challenged = await fetch(at('/mcp/github'), { method: 'POST', headers: outside });
    expect(challenged.headers.get('www-authenticate')).not.toContain('identity=1');
    expect(await read(at(`${prm}/github`))).toMatchObject({ authorization_servers: [at('/github')] });
    await filtered.close();
  });

  test('forwarded headers count from a trusted proxy only (defect 28)', async () => {
    const spoofed = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' };
    const path = '/.well-known/oauth-authorization-server';
    expect(await read(`${gateway.url}${path}`, spoofed)).toMatchObject({ issuer: gateway.url });
    const trusting = await startGateway({
      config: { ...config, general_settings: { mcp_trusted_proxy_ranges: ['127.0.0.0/8'] } },
    });
    const headers = { 'x-forwarded-host': 'mcp.example.com', 'x-forwarded-proto': 'https' };
    expect(await read(`${trusting.url}${path}`, headers)).toMatchObject({ issuer: 'https://mcp.example.com' });
    const login = await fetch(`${trusting.url}/login?next=/`, { headers });
    expect(login.headers.getSetCookie()[0]).toMatch(
      /^__Host-gatehouse-browser=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
    );
    await trusting.close();
  });
});
