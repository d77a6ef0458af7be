import { insertKey } from '../../factory/insert-key.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { listenHttps } from '../../harness/https-listen.js';
import { OauthClient } from '../../harness/oauth-client.js';
import { OAUTH_CLIENT_KINDS } from '../../harness/oauth-connect.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { CALLBACK, newBrowser, Person } from './person.js';
import { authorizeUrl, pkce, visible } from './token-requests.js';

/** Clients that are named by the address of their metadata document (MCP authorization, "Client ID Metadata Documents"). */
describe('client metadata documents', () => {
  let upstream: FakeUpstream;
  let gateway: TestGateway;
  let strict: TestGateway;
  let host: Awaited<ReturnType<typeof listenHttps>>;
  let key: string;
  const asked: string[] = [];
  const documents = new Map<string, { body: unknown; status?: number; headers?: Record<string, string> }>();

  beforeAll(async () => {
    host = await listenHttps((request, response) => {
      const path = request.url ?? '';
      asked.push(path);
      const { body, status = 200, headers = {} } = documents.get(path) ?? { body: {}, status: 404 };
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
    upstream = await fakeUpstream({ tools: [{ name: 'echo', inputSchema: { type: 'object' } }] });
    const mcp_servers = { wiki: { url: upstream.url } };
    gateway = await startGateway({
      config: { mcp_servers, general_settings: { oauth: { client_metadata_hosts: ['127.0.0.1'] } } },
    });
    strict = await startGateway({ config: { mcp_servers }, databaseUrl: gateway.databaseUrl });
    key = (await insertKey(gateway.databaseUrl, { permission: { servers: ['wiki'] } })).key;
  });

  afterAll(async () => {
    await strict.close();
    await gateway.close();
    await Promise.all([upstream.close(), host.close()]);
  });

  /** Puts a document there and answers its address. */
  function publish(path: string, changes: object = {}, headers: Record<string, string> = {}): string {
    const address = `${host.origin}${path}`;
    const body = { client_id: address, client_name: 'Published', redirect_uris: [CALLBACK], ...changes };
    documents.set(path, { body, headers });
    return address;
  }

  const open = (clientId: string, at = gateway): URL =>
    authorizeUrl(at.url, {
      client_id: clientId,
      redirect_uri: CALLBACK,
      response_type: 'code',
      state: 's',
      code_challenge: pkce().challenge,
      code_challenge_method: 'S256',
    });

  test.each(OAUTH_CLIENT_KINDS.filter(({ name }) => name !== 'SDK v2, modern'))(
    '$name: uses its document by itself',
    async ({ name, connect }) => {
      const clientMetadataUrl = publish(`/${name.replaceAll(' ', '-')}`);
      const oauth = new OauthClient({ clientMetadataUrl });
      const person = new Person(key);
      const client = await connect(`${gateway.url}/mcp/wiki`, oauth, person.signIn);
      expect(await client.listTools()).toEqual(['echo']);
      expect(oauth.client?.client_id).toBe(clientMetadataUrl);
      const [page] = person.consents;
      expect(page === undefined ? '' : visible(page)).toContain(`Published (${new URL(host.origin).host})`);
      await client.close();
    },
  );

  test('are fetched once while they are fresh', async () => {
    const address = publish('/fresh', {}, { 'cache-control': 'max-age=3600' });
    for (let visit = 0; visit < 3; visit += 1) {
      expect((await new Person(key).consentPage(open(address))).text).toContain('Published');
    }
    expect(asked.filter((path) => path === '/fresh')).toHaveLength(1);
  });

  test('are not dialled in our own network unless an administrator named the host', async () => {
    const address = publish('/private');
    const before = asked.length;
    const page = await newBrowser().get(open(address, strict));
    expect([page.status, page.url.origin]).toEqual([400, strict.url]);
    expect(asked).toHaveLength(before);
  });

  test.each([
    ['names another client', '/other', { client_id: 'https://evil.example/client' }],
    ['names no address', '/none', { redirect_uris: [] }],
    ['names a script', '/script', { redirect_uris: ['javascript:alert(1)'] }],
    ['wants a secret', '/secret', { token_endpoint_auth_method: 'client_secret_post' }],
    ['has another address', '/elsewhere', { redirect_uris: ['https://app.example/cb'] }],
    ['is too long', '/long', { filler: 'x'.repeat(6_000) }],
  ])('one that %s is refused', async (_what, path, changes) => {
    const page = await newBrowser().get(open(publish(path, changes)));
    expect([page.status, page.url.origin]).toEqual([400, gateway.url]);
  });

  test('one that is somewhere else, or no JSON, is refused', async () => {
    const target = publish('/target');
    documents.set('/redirect', { body: '', status: 302, headers: { location: target } });
    documents.set('/text', { body: 'not json' });
    for (const path of ['/redirect', '/text', '/nothing']) {
      const page = await newBrowser().get(open(`${host.origin}${path}`));
      expect([path, page.status]).toEqual([path, 400]);
    }
    expect(asked).not.toContain('/target');
  });

  test('an address that could be written otherwise names nobody', async () => {
    publish('/plain');
    const before = asked.length;
    for (const id of [
      `${host.origin}/x/../plain`,
      `${host.origin}/plain#x`,
      host.origin,
      `${host.origin}/`,
      host.origin.replace('https', 'http'),
    ]) {
      expect([id, (await newBrowser().get(open(id))).status]).toEqual([id, 400]);
    }
    expect(asked).toHaveLength(before);
  });
});
