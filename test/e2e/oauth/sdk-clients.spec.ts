import { insertKey, insertUser } from '../../factory/insert-key.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { OauthClient } from '../../harness/oauth-client.js';
import { OAUTH_CLIENT_KINDS } from '../../harness/oauth-connect.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';
import { Person } from './person.js';

/** Issue: a client without any header connects by OAuth alone. Contract §8, MCP authorization. */
describe('clients that have nothing but an address', () => {
  let upstream: FakeUpstream;
  let gateway: TestGateway;
  let key: string;

  beforeAll(async () => {
    upstream = await fakeUpstream({ tools: [{ name: 'echo', inputSchema: { type: 'object' } }] });
    gateway = await startGateway({
      config: {
        mcp_servers: { wiki: { url: upstream.url }, mail: { url: upstream.url } },
        general_settings: {
          oauth: {
            access_token_seconds: 2,
            clients: [
              { client_id: 'known', client_secret: 'known-secret-value', redirect_uris: ['http://127.0.0.1/callback'] },
            ],
          },
        },
      },
    });
    const userId = await insertUser(gateway.databaseUrl, { id: 'ada' });
    key = (await insertKey(gateway.databaseUrl, { userId, permission: { servers: ['wiki'] } })).key;
  });

  afterAll(async () => {
    await gateway.close();
    await upstream.close();
  });

  describe.each(OAUTH_CLIENT_KINDS)('$name', ({ connect }) => {
    test.each([
      ['/mcp', 'wiki-echo'],
      ['/mcp/wiki', 'echo'],
      ['/wiki/mcp', 'echo'],
    ])('registers, signs its user in, and uses %s', async (path, tool) => {
      const oauth = new OauthClient();
      const person = new Person(key);
      const client = await connect(`${gateway.url}${path}`, oauth, person.signIn);
      expect(person.consents).toHaveLength(1);
      expect(await client.listTools()).toEqual([tool]);
      await client.callTool(tool);
      expect(oauth.saved?.access_token).toMatch(/^gha_/);
      await client.close();
    });

    test('goes on when its access token is over', async () => {
      const oauth = new OauthClient();
      const client = await connect(`${gateway.url}/mcp`, oauth, new Person(key).signIn);
      const [first] = oauth.history;
      await waitFor(
        async () =>
          (
            await rpc(
              `${gateway.url}/mcp`,
              'ping',
              {},
              { headers: { authorization: `Bearer ${first?.access_token ?? ''}` } },
            )
          ).status === 401,
        { what: 'the access token to end', everyMs: 100 },
      );
      expect(await client.listTools()).toEqual(['wiki-echo']);
      expect(oauth.history.length).toBeGreaterThan(1);
      expect(oauth.saved?.refresh_token).not.toBe(first?.refresh_token);
      await client.close();
    });

    test('is one that the administrator knows, with a secret', async () => {
      const stored = { client_id: 'known', client_secret: 'known-secret-value' };
      const oauth = new OauthClient({ stored });
      const client = await connect(`${gateway.url}/mcp/wiki`, oauth, new Person(key).signIn);
      expect(await client.listTools()).toEqual(['echo']);
      await client.close();
    });

    test('has the name of a server as its id, and waits on this machine', async () => {
      const oauth = new OauthClient({ stored: { client_id: 'wiki' } });
      const client = await connect(`${gateway.url}/mcp/wiki`, oauth, new Person(key).signIn);
      expect(await client.listTools()).toEqual(['echo']);
      await client.close();
    });
  });
});

test.each(OAUTH_CLIENT_KINDS)('$name: finds its way below a root path', async ({ connect }) => {
  const upstream = await fakeUpstream({ tools: [{ name: 'echo', inputSchema: { type: 'object' } }] });
  const gateway = await startGateway({
    config: { mcp_servers: { wiki: { url: upstream.url } } },
    env: { SERVER_ROOT_PATH: '/tools' },
  });
  const { key } = await insertKey(gateway.databaseUrl, { permission: { servers: ['wiki'] } });
  for (const path of ['/mcp', '/mcp/wiki']) {
    const person = new Person(key);
    const client = await connect(`${gateway.url}/tools${path}`, new OauthClient(), person.signIn);
    expect(await client.listTools()).toHaveLength(1);
    expect(person.consents[0]?.url.pathname).toBe('/tools/authorize/flow');
    await client.close();
  }
  await gateway.close();
  await upstream.close();
});
