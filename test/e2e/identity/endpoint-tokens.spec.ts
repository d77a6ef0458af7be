import { insertTeam } from '../../factory/insert-key.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { AUDIENCE, tokenIssuer, type TokenIssuer } from '../../harness/token-issuer.js';

const BASE = 'https://gw.example.com/tools';

let wiki: FakeUpstream;
let company: TokenIssuer;
let gateway: TestGateway;
let team: string;

beforeAll(async () => {
  [wiki, company] = [await fakeUpstream(), await tokenIssuer()];
  gateway = await startGateway({
    config: {
      mcp_servers: { wiki: { url: wiki.url }, mail: { url: wiki.url } },
      general_settings: {
        jwt_auth: [
          {
            issuer: company.issuer,
            audience: AUDIENCE,
            resource_server: true,
            scopes: ['mcp.use'],
            team_id_claim: 'team',
          },
        ],
      },
    },
    env: { PROXY_BASE_URL: BASE, SERVER_ROOT_PATH: '/tools' },
  });
  team = await insertTeam(gateway.databaseUrl, { permission: { servers: ['wiki', 'mail'] } });
});

afterAll(async () => {
  await gateway.close();
  await Promise.all([wiki.close(), company.close()]);
});

async function statusAt(path: string, audience: string | string[]): Promise<number> {
  const token = await company.token({ sub: 'ada', team }, { audience });
  const headers = { authorization: `Bearer ${token}` };
  if (!path.endsWith('mcp') && !path.includes('/mcp/')) {
    return (await fetch(`${gateway.url}${path}`, { headers })).status;
  }
  return (await rpc(`${gateway.url}${path}`, 'tools/list', undefined, { headers })).status;
}

describe('a token that the company’s provider issued for one endpoint', () => {
  test.each([
    ['/mcp', ['/mcp']],
    ['/mcp/wiki', ['/mcp/wiki', '/wiki/mcp', '/mcp/wiki/']],
    ['/wiki/mcp', ['/mcp/wiki', '/wiki/mcp', '/mcp/wiki/']],
    ['/nowhere', []],
  ])('%s is good there alone', async (endpoint, good) => {
    const paths = [
      '/mcp',
      '/mcp/wiki',
      '/wiki/mcp',
      '/mcp/wiki/',
      '/mcp/mail',
      '/mcp/wiki,mail',
      '/key/list',
      '/mcp-rest/tools/list',
    ];
    const answers: Record<string, number> = {};
    for (const path of paths) answers[path] = await statusAt(`/tools${path}`, `${BASE}${endpoint}`);
    expect(answers).toEqual(Object.fromEntries(paths.map((path) => [path, good.includes(path) ? 200 : 401])));
  });

  test('is no token for several, and none for whoever has another base', async () => {
    expect(await statusAt('/tools/mcp/wiki', [`${BASE}/mcp/wiki`, `${BASE}/mcp/mail`])).toBe(401);
    expect(await statusAt('/tools/mcp/wiki', 'https://gw.example.com/mcp/wiki')).toBe(401);
    expect(await statusAt('/tools/mcp/wiki', AUDIENCE)).toBe(200);
  });

  test('clients without a key are sent to the provider, then to the gateway', async () => {
    const challenged = await rpc(`${gateway.url}/tools/mcp/wiki`, 'tools/list');
    expect(challenged.headers.get('www-authenticate')).toContain(
      `${BASE}/.well-known/oauth-protected-resource/mcp/wiki`,
    );
    const metadata = await fetch(`${gateway.url}/tools/.well-known/oauth-protected-resource/mcp/wiki`);
    expect(await metadata.json()).toMatchObject({
      resource: `${BASE}/mcp/wiki`,
      authorization_servers: [company.issuer, BASE],
      scopes_supported: ['mcp.use'],
    });
  });
});
