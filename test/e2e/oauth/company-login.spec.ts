import { changePermission, insertUser } from '../../factory/insert-key.js';
import { adminCaller } from '../../harness/admin-call.js';
import { CookieBrowser, type Page } from '../../harness/cookie-browser.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { OauthClient } from '../../harness/oauth-client.js';
import { OAUTH_CLIENT_KINDS } from '../../harness/oauth-connect.js';
import { oauthProvider, type OauthProvider } from '../../harness/oauth-provider.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { freePort } from '../../harness/free-port.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';
import { CALLBACK, newBrowser } from './person.js';
import { authorizeUrl, pkce, register } from './token-requests.js';

/** People sign in at the company's OpenID provider; what they may do is what its claims say, as for its tokens. */
describe('signing in at the company’s provider', () => {
  let company: OauthProvider;
  let upstream: FakeUpstream;
  let gateway: TestGateway;

  beforeAll(async () => {
    upstream = await fakeUpstream({ tools: [{ name: 'echo', inputSchema: { type: 'object' } }] });
    const port = await freePort();
    company = await oauthProvider({
      clients: [
        {
          client_id: 'gatehouse',
          client_secret: 'gatehouse-secret',
          redirect_uris: [`http://127.0.0.1:${port}/login/callback`],
          grant_types: ['authorization_code'],
          response_types: ['code'],
        },
      ],
    });
    gateway = await startGateway({
      config: {
        mcp_servers: { wiki: { url: upstream.url } },
        general_settings: {
          oauth: {
            login: {
              key: false,
              oidc: {
                issuer: company.issuer,
                client_id: 'gatehouse',
                client_secret: 'gatehouse-secret',
                scopes: ['openid'],
                user_id_claim: 'sub',
                user_id_upsert: true,
              },
            },
          },
        },
      },
      settings: { listen: { port } },
    });
    await insertUser(gateway.databaseUrl, { id: 'alice', permission: { servers: ['wiki'] } });
  });

  afterAll(async () => {
    await gateway.close();
    await company.close();
    await upstream.close();
  });

  const companyLink = (page: Page): string =>
    (/<a class="button" href="([^"]+)"/.exec(page.text)?.[1] ?? '').replaceAll('&amp;', '&');

  /** From the address a client opened to the page that asks for consent. */
  async function throughCompany(browser: CookieBrowser, url: URL): Promise<Page> {
    const page = await browser.get(url);
    expect(page.text).not.toContain('name="key"');
    return browser.get(companyLink(page));
  }

  async function open(): Promise<URL> {
    const { body } = await register(gateway.url);
    return authorizeUrl(gateway.url, {
      client_id: String(body['client_id']),
      redirect_uri: CALLBACK,
      response_type: 'code',
      state: 's',
      code_challenge: pkce().challenge,
      code_challenge_method: 'S256',
    });
  }

  test.each(OAUTH_CLIENT_KINDS)('$name: connects its user, who has the rights of theirs', async ({ connect }) => {
    company.setUser('alice');
    const oauth = new OauthClient();
    const client = await connect(`${gateway.url}/mcp`, oauth, async (url) => {
      const browser = newBrowser();
      const page = await throughCompany(browser, url);
      expect(page.text).toContain('alice');
      return (await browser.submit(page, {}, 'decision=allow')).url.searchParams;
    });
    expect(await client.listTools()).toEqual(['wiki-echo']);
    await client.close();
  });

  test('makes users who are not known, and they have nothing until somebody gives it', async () => {
    company.setUser('newcomer');
    const oauth = new OauthClient();
    const [kind] = OAUTH_CLIENT_KINDS;
    const client = await kind?.connect(`${gateway.url}/mcp`, oauth, async (url) => {
      const browser = newBrowser();
      const page = await throughCompany(browser, url);
      return (await browser.submit(page, {}, 'decision=allow')).url.searchParams;
    });
    expect(await client?.listTools()).toEqual([]);
    await changePermission(gateway.databaseUrl, 'user', 'newcomer', { servers: ['wiki'] });
    await waitFor(async () => (await client?.listTools())?.length === 1, { timeoutMs: 2_000 });
    await client?.close();
  });

  test('dies with the user', async () => {
    const id = await insertUser(gateway.databaseUrl, { id: 'leaver', permission: { servers: ['wiki'] } });
    company.setUser(id);
    const oauth = new OauthClient();
    const [kind] = OAUTH_CLIENT_KINDS;
    const client = await kind?.connect(`${gateway.url}/mcp`, oauth, async (url) => {
      const browser = newBrowser();
      const page = await throughCompany(browser, url);
      return (await browser.submit(page, {}, 'decision=allow')).url.searchParams;
    });
    await client?.close();
    const list = (): Promise<number> =>
      rpc(`${gateway.url}/mcp`, 'tools/list', undefined, {
        headers: { authorization: `Bearer ${oauth.saved?.access_token ?? ''}` },
      }).then(({ status }) => status);
    expect(await list()).toBe(200);
    const response = await fetch(`${gateway.url}/user/delete`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-litellm-api-key': gateway.key },
      body: JSON.stringify({ user_ids: [id] }),
    });
    expect(response.status).toBe(200);
    await waitFor(async () => (await list()) === 401, { timeoutMs: 1_000 });
    const grants = await adminCaller(gateway.url, gateway.key)('GET', `/v1/oauth/grants?user_id=${id}`);
    expect(grants.body).toMatchObject({ grants: [], total: 0 });
  });

  test('takes no answer of another browser, none twice, and none that was changed', async () => {
    company.setUser('alice');
    // Stops before the answer reaches the gateway.
    const waiting = new CookieBrowser((url) => url.pathname === '/login/callback');
    const answer = await throughCompany(waiting, await open());
    expect(answer.url.pathname).toBe('/login/callback');

    const other = newBrowser();
    await other.get(await open());
    expect((await other.get(answer.url)).status).toBe(403);

    for (const [parameter, value] of [
      ['state', 'A'.repeat(43)],
      ['iss', 'https://evil.example'],
    ] as const) {
      const changed = new URL(answer.url);
      changed.searchParams.set(parameter, value);
      const browser = new CookieBrowser((url) => url.pathname === '/login/callback');
      const own = parameter === 'iss' ? await throughCompany(browser, await open()) : answer;
      const target = parameter === 'iss' ? new URL(own.url) : changed;
      target.searchParams.set(parameter, value);
      const cookies = [...(parameter === 'iss' ? browser : waiting).cookies(gateway.url)];
      const response = await fetch(target, {
        redirect: 'manual',
        headers: { cookie: cookies.map(([name, text]) => `${name}=${text}`).join('; ') },
      });
      expect([parameter, response.status]).toEqual([parameter, 403]);
    }

    const cookie = [...waiting.cookies(gateway.url)].map(([name, text]) => `${name}=${text}`).join('; ');
    const first = await fetch(answer.url, { redirect: 'manual', headers: { cookie } });
    expect([first.status, first.headers.get('location')?.startsWith(`${gateway.url}/authorize/flow`)]).toEqual([
      303,
      true,
    ]);
    expect((await fetch(answer.url, { redirect: 'manual', headers: { cookie } })).status).toBe(403);
  });

  test('says so when the provider cannot be reached', async () => {
    const port = company.port;
    const lone = await startGateway({
      config: {
        general_settings: {
          oauth: { login: { oidc: { issuer: `http://127.0.0.1:${await freePort()}`, client_id: 'gatehouse' } } },
        },
      },
    });
    const page = await newBrowser().get(`${lone.url}/login/company?next=/login`);
    expect([page.status, page.text.includes('cannot be reached')]).toEqual([503, true]);
    expect(page.text).not.toContain(String(port));
    await lone.close();
  });
});
