import { adminCaller, type AdminCaller } from '../../harness/admin-call.js';
import { canary, findLeaks } from '../../harness/canaries.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { tokenServer, type TokenServer } from '../../harness/token-server.js';

/** Servers with OAuth credentials by REST: contract §10, §11, reference §3.1. */
describe('oauth2 servers by REST', () => {
  const secret = canary('client-secret');
  let tokens: TokenServer;
  let upstream: FakeUpstream;
  let gateway: TestGateway;
  let admin: AdminCaller;

  beforeAll(async () => {
    tokens = await tokenServer({ clientSecret: secret });
    upstream = await fakeUpstream({ accepts: ({ authorization }) => tokens.accepts(authorization) });
    gateway = await startGateway({ config: { general_settings: { store_model_in_db: true } } });
    admin = adminCaller(gateway.url, gateway.key);
  });

  afterAll(async () => {
    await gateway.close();
    await upstream.close();
    await tokens.close();
  });

  const server = (fields: object = {}): object => ({
    server_name: 'machine',
    url: upstream.url,
    transport: 'http',
    auth_type: 'oauth2',
    token_url: tokens.tokenUrl,
    credentials: { client_id: 'machine', client_secret: secret, scopes: ['read'] },
    ...fields,
  });
  const call = async (): Promise<unknown> => {
    const headers = { 'x-litellm-api-key': gateway.key };
    const params = { name: 'echo', arguments: {} };
    const { message } = await rpc(`${gateway.url}/mcp/machine`, 'tools/call', params, { headers });
    return message?.result ?? message?.error?.message;
  };

  it('are tried before they are saved, and leave no token behind', async () => {
    const tried = await admin('POST', '/mcp-rest/test/tools/list', server());
    expect(tried.body).toMatchObject({ tools: [{ name: 'echo' }], error: null });
    expect(tokens.grants.map(({ form }) => form['scope'])).toEqual(['read']);
    const wrong = server({ credentials: { client_id: 'machine', client_secret: 'wrong' } });
    const { body } = await admin('POST', '/mcp-rest/test/connection', wrong);
    expect(body).toMatchObject({ status: 'error', code: 'upstream/token_failed' });
    expect(JSON.stringify(body)).toContain('answered 401 invalid_client');
  });

  it('are created with sealed credentials that no answer shows, and served at once', async () => {
    const created = await admin('POST', '/v1/mcp/server', server({ server_id: 'machine-1' }));
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({
      credentials: { client_id: '***', client_secret: '***', scopes: ['read'] },
      token_url: tokens.tokenUrl,
    });
    expect(await call()).toEqual({ content: [{ type: 'text', text: '{}' }] });
    const seen = [created, await admin('GET', '/v1/mcp/server/machine-1'), await admin('GET', '/audit')];
    expect(findLeaks(JSON.stringify(seen), [secret])).toEqual([]);
  });

  it('keep their secret when it comes back as it was shown, and take the new scopes', async () => {
    const credentials = { client_id: '***', client_secret: '***', scopes: ['write'] };
    const changed = await admin('PUT', '/v1/mcp/server', { server_id: 'machine-1', credentials });
    expect(changed.status).toBe(202);
    expect(await call()).toEqual({ content: [{ type: 'text', text: '{}' }] });
    expect(tokens.grants.at(-1)?.form).toMatchObject({ scope: 'write', client_id: 'machine' });
  });

  it('do not send a stored secret to another token_url: it is to be entered again', async () => {
    const elsewhere = await tokenServer();
    const body = { server_id: 'machine-1', token_url: elsewhere.tokenUrl };
    const refused = await admin('PUT', '/v1/mcp/server', body);
    expect(refused.status).toBeGreaterThanOrEqual(400);
    expect(JSON.stringify(refused.body)).toContain('client_secret');
    await call();
    expect(elsewhere.transcript()).toBe('');
    const again = { ...body, credentials: { client_id: 'machine', client_secret: 'machine-secret' } };
    expect((await admin('PUT', '/v1/mcp/server', again)).status).toBe(202);
    await call();
    expect(elsewhere.grants.map(({ client }) => client)).toEqual(['machine']);
    await elsewhere.close();
  });
});
