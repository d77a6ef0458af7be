import { insertKey, insertUser } from '../../factory/insert-key.js';
import { OauthClient } from '../../harness/oauth-client.js';
import { OAUTH_CLIENT_KINDS } from '../../harness/oauth-connect.js';
import { oauthProvider, type OauthProvider } from '../../harness/oauth-provider.js';
import { protectedServer, type ProtectedServer } from '../../harness/protected-server.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { Person } from './person.js';

/** A client that has nothing but the address of a server whose users sign in there: one way through the browser for both. */
describe('servers whose users sign in there', () => {
  let provider: OauthProvider;
  let guarded: ProtectedServer;
  let gateway: TestGateway;

  beforeAll(async () => {
    provider = await oauthProvider();
    guarded = await protectedServer({ provider });
    gateway = await startGateway({
      config: { mcp_servers: { files: { url: guarded.url, transport: 'http', auth_type: 'oauth2' } } },
    });
  });

  afterAll(async () => {
    await gateway.close();
    await Promise.all([guarded.close(), provider.close()]);
  });

  async function keyOf(id: string): Promise<string> {
    const userId = await insertUser(gateway.databaseUrl, { id });
    return (await insertKey(gateway.databaseUrl, { userId, permission: { servers: ['files'] } })).key;
  }

  test.each(OAUTH_CLIENT_KINDS)(
    '$name: signs in here, then there, and calls with the token of its user',
    async ({ name, connect }) => {
      const user = name.replace(/\W+/g, '-');
      provider.setUser(user);
      const person = new Person(await keyOf(user));
      const oauth = new OauthClient();
      const client = await connect(`${gateway.url}/mcp/files`, oauth, async (url) => {
        const connectPage = await person.answer(await person.consentPage(url), 'allow');
        expect(connectPage.url.pathname).toBe('/connect/files');
        const back = await person.browser.submit(connectPage, {}, 'do=connect');
        return back.url.searchParams;
      });
      expect(JSON.parse(await client.callTool('whoami'))).toMatchObject({ user });
      // What the client holds is of the gateway, and the server never sees it.
      expect(guarded.transcript()).not.toContain(oauth.saved?.access_token ?? 'no token');
      expect(oauth.saved?.access_token).toMatch(/^gha_/);
      await client.close();
    },
  );

  test('a user who is connected already goes straight back; one who will not, too', async () => {
    provider.setUser('zoe');
    const key = await keyOf('zoe');
    const [kind] = OAUTH_CLIENT_KINDS;
    if (kind === undefined) throw new Error('no client');
    const first = new Person(key);
    const later = await kind.connect(`${gateway.url}/mcp/files`, new OauthClient(), async (url) => {
      const page = await first.answer(await first.consentPage(url), 'allow');
      const link = /href="([^"]*authorize\/flow[^"]*)"/.exec(page.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
      return (await first.browser.get(link)).url.searchParams;
    });
    await later.close();
    const second = new Person(key);
    const connected = await kind.connect(`${gateway.url}/mcp/files`, new OauthClient(), async (url) => {
      const page = await second.answer(await second.consentPage(url), 'allow');
      return (await second.browser.submit(page, {}, 'do=connect')).url.searchParams;
    });
    await connected.close();
    const third = new Person(key);
    const client = await kind.connect(`${gateway.url}/mcp/files`, new OauthClient(), third.signIn);
    expect(JSON.parse(await client.callTool('whoami'))).toMatchObject({ user: 'zoe' });
    await client.close();
  });
});
