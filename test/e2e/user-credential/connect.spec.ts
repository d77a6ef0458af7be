import { adminCaller, type AdminCaller } from '../../harness/admin-call.js';
import { canary, findLeaks } from '../../harness/canaries.js';
import { CookieBrowser, type Page } from '../../harness/cookie-browser.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { oauthProvider, type OauthProvider } from '../../harness/oauth-provider.js';
import { protectedServer, type ProtectedServer } from '../../harness/protected-server.js';
import { rpc, type RpcAnswer } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

/** Pages where users log in to servers themselves, or keep keys and values: a real provider, real forms. */
describe('the page of a server for its users', () => {
  let provider: OauthProvider;
  let guarded: ProtectedServer;
  let upstream: FakeUpstream;
  let gateway: TestGateway;
  let admin: AdminCaller;
  const keys: Record<string, string> = {};

  beforeAll(async () => {
    provider = await oauthProvider();
    guarded = await protectedServer({ provider });
    upstream = await fakeUpstream();
    gateway = await startGateway({
      config: {
        mcp_servers: {
          files: { url: guarded.url, auth_type: 'oauth2', allow_all_keys: true },
          wiki: {
            url: upstream.url,
            auth_type: 'api_key',
            is_byok: true,
            byok_description: ['Ask the <wiki> team'],
            byok_api_key_help_url: 'https://wiki.example.com/keys',
            header_variables: [{ name: 'X-Workspace', scope: 'per_user', description: 'Where you work' }],
            allow_all_keys: true,
          },
          plain: { url: upstream.url, allow_all_keys: true },
          hidden: { url: guarded.url, auth_type: 'oauth2' },
        },
      },
    });
    admin = adminCaller(gateway.url, gateway.key);
    for (const user_id of ['alice', 'bob']) {
      keys[user_id] = ((await admin('POST', '/user/new', { user_id })).body as { key: string }).key;
    }
    keys['nobody'] = ((await admin('POST', '/key/generate', {})).body as { key: string }).key;
  });

  beforeEach(() => upstream.clearLog());

  afterAll(async () => {
    await gateway.close();
    await guarded.close();
    await upstream.close();
    await provider.close();
  });

  const page = (server = 'files'): string => `${gateway.url}/connect/${server}`;
  const newBrowser = (): CookieBrowser => new CookieBrowser();

  /** Opens it, and signs in at the gateway if asked. */
  async function open(browser: CookieBrowser, user: string, url = page()): Promise<Page> {
    const shown = await browser.get(url);
    if (!shown.text.includes('name="key"') || shown.text.includes('Your own key')) return shown;
    return browser.submit(shown, { key: keys[user] ?? '' });
  }

  const call = (user: string, server = 'files', tool = 'whoami'): Promise<RpcAnswer> =>
    rpc(
      `${gateway.url}/mcp/${server}`,
      'tools/call',
      { name: tool, arguments: {} },
      { headers: { authorization: `Bearer ${keys[user] ?? ''}` } },
    );
  const kept = async (user: string) =>
    (await admin('GET', `/v1/mcp/user-credentials?user_id=${user}`)).body as Record<string, unknown>[];

  test('a user opens the link of the error, signs in, connects, and the call succeeds with their token', async () => {
    const { error } = (await call('alice')).message ?? {};
    expect(error?.data?.['url']).toBe(page());
    const browser = newBrowser();
    const shown = await open(browser, 'alice', String(error?.data?.['url']));
    expect(shown.text).toContain('Signed in as');
    expect(shown.text).toContain('alice');
    expect(shown.text).toContain(new URL(provider.issuer).host);
    expect(shown.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(provider.seen('/auth')).toEqual([]);
    const done = await browser.submit(shown, {}, 'do=connect');
    expect([done.status, done.text]).toEqual([200, expect.stringContaining('files is connected')]);
    const { result } = (await call('alice')).message ?? {};
    expect(JSON.stringify(result)).toContain('alice');
    expect((await call('bob')).message?.error?.data).toMatchObject({ url: page() });
    expect(await kept('alice')).toMatchObject([{ server_name: 'files', credential_type: 'oauth2', status: 'active' }]);
    expect((await browser.get(page())).text).toContain('Connect again');
  });

  test('a right that is missing is asked for together with those that were given', async () => {
    const { error } = (await call('alice', 'files', 'write')).message ?? {};
    expect(error?.data).toMatchObject({ scope: 'mcp:write', url: `${page()}?scope=mcp%3Awrite` });
    const browser = newBrowser();
    const shown = await open(browser, 'alice', String(error?.data?.['url']));
    expect(shown.text).toContain('mcp:write');
    provider.clearLog();
    await browser.submit(shown, {}, 'do=connect');
    const asked = provider.seen('/auth')[0]?.query.get('scope')?.split(' ');
    expect(asked).toEqual(expect.arrayContaining(['mcp:read', 'mcp:write']));
    expect((await call('alice', 'files', 'write')).message?.result).toBeDefined();
  });

  test('what is dropped is revoked at the provider', async () => {
    const browser = newBrowser();
    const shown = await open(browser, 'alice');
    provider.clearLog();
    const after = await browser.submit(shown, {}, 'do=drop');
    expect(after.text).toContain('You are disconnected');
    expect(provider.seen('/token/revocation').length).toBeGreaterThan(0);
    expect(await kept('alice')).toEqual([]);
    expect((await call('alice')).message?.error).toBeDefined();
  });

  test('nobody’s login becomes anybody else’s: the way back is good in the browser and for the user that began', async () => {
    let stops = true;
    const alices = new CookieBrowser((url) => stops && url.pathname === '/callback');
    const back = (await alices.submit(await open(alices, 'alice'), {}, 'do=connect')).url;
    expect(back.pathname).toBe('/callback');

    const bobs = newBrowser();
    await open(bobs, 'bob');
    const stolen = await bobs.get(back);
    expect([stolen.status, stolen.text]).toEqual([400, expect.stringContaining('Authentication incomplete')]);

    // The same browser, but by now somebody else is signed in.
    const login = await alices.get(`${gateway.url}/login?next=/connect/files`);
    await alices.submit(login, { key: keys['bob'] ?? '' });
    stops = false;
    const refused = await alices.get(back);
    expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('Somebody else is signed in')]);
    expect((await alices.get(back)).status).toBe(400);
    expect([...(await kept('alice')), ...(await kept('bob'))]).toEqual([]);
  });

  test('a form that the page did not show does nothing', async () => {
    const browser = newBrowser();
    const shown = await open(browser, 'alice');
    provider.clearLog();
    const csrf = /name="csrf" value="([^"]+)"/.exec(shown.text)?.[1] ?? '';
    const tries = [
      await browser.post(page(), { do: 'connect' }),
      await browser.post(page(), { do: 'connect', csrf: `${csrf}x` }),
      await browser.post(page('wiki'), { do: 'save', key: 'planted', csrf }),
      await newBrowser().post(page(), { do: 'connect', csrf }),
    ];
    expect(tries.map(({ status }) => status)).toEqual([403, 403, 403, 403]);
    expect((await browser.post(page(), { do: 'connect', csrf, next: 'https://evil.example/' })).status).toBe(400);
    expect((await browser.get(`${page()}?next=//evil.example`)).status).toBe(400);
    expect(provider.seen('/auth')).toEqual([]);
  });

  test('a key without a user has nothing to connect; a server one may not see is as absent', async () => {
    expect((await open(newBrowser(), 'nobody')).status).toBe(403);
    const browser = newBrowser();
    await open(browser, 'alice');
    const [denied, absent, plain] = [
      await browser.get(page('hidden')),
      await browser.get(page('nothere')),
      await browser.get(page('plain')),
    ];
    expect([denied.status, absent.status, plain.status]).toEqual([404, 404, 404]);
    expect([denied.text, plain.text]).toEqual([absent.text, absent.text]);
  });

  test('keys and values are entered there too, and never shown', async () => {
    const secrets = [canary('key'), canary('space')] as const;
    expect((await call('bob', 'wiki', 'echo')).message?.error?.data).toMatchObject({ url: page('wiki') });
    const browser = newBrowser();
    const shown = await open(browser, 'bob', page('wiki'));
    expect(shown.text).toContain('Ask the &lt;wiki&gt; team');
    expect(shown.text).toContain('https://wiki.example.com/keys');
    const empty = await browser.submit(shown, {}, 'do=save');
    expect(empty.text).toContain('Nothing was entered');
    const done = await browser.submit(empty, { key: secrets[0], 'value:X-Workspace': secrets[1] }, 'do=save');
    expect(done.text).toContain('wiki is connected');
    expect((await call('bob', 'wiki', 'echo')).message?.result).toBeDefined();
    const [{ headers } = { headers: {} }] = upstream.seen('tools/call');
    expect(headers).toMatchObject({ 'x-api-key': secrets[0], 'x-workspace': secrets[1] });
    const again = await browser.get(page('wiki'));
    expect(again.text).toContain('is set');
    expect(findLeaks([done.text, again.text, gateway.logs()].join('\n'), secrets)).toEqual([]);
  });

  test('a page that was come from elsewhere is gone on to', async () => {
    const browser = newBrowser();
    const shown = await open(browser, 'alice', `${page()}?next=/connect/wiki`);
    expect(shown.text).toContain('Not now');
    const done = await browser.submit(shown, {}, 'do=connect');
    expect([done.url.pathname, done.text]).toEqual(['/connect/wiki', expect.stringContaining('Connect wiki')]);
  });
});
