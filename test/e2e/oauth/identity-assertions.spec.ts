import { randomUUID } from 'node:crypto';
import type { JWTPayload } from 'jose';
import { insertTeam, insertUser } from '../../factory/insert-key.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { tokenIssuer, type TokenIssuer, type TokenOptions } from '../../harness/token-issuer.js';
import { form, register, type TokenSet } from './token-requests.js';

/** Enterprise-managed authorization: the identity provider says who may use what (ID-JAG, RFC 7523). */
describe('identity assertions', () => {
  let upstream: FakeUpstream;
  let enterprise: TokenIssuer;
  let stranger: TokenIssuer;
  let gateway: TestGateway;
  let clientId: string;

  beforeAll(async () => {
    upstream = await fakeUpstream({ tools: [{ name: 'echo', inputSchema: { type: 'object' } }] });
    [enterprise, stranger] = [await tokenIssuer(), await tokenIssuer()];
    gateway = await startGateway({
      config: {
        mcp_servers: { wiki: { url: upstream.url } },
        general_settings: {
          oauth: { enterprise: { issuer: enterprise.issuer, jwks_uri: enterprise.jwksUri, team_id_claim: 'groups' } },
        },
      },
    });
    await insertUser(gateway.databaseUrl, { id: 'ada', permission: { servers: ['wiki'] } });
    clientId = String((await register(gateway.url)).body['client_id']);
  });

  afterAll(async () => {
    await gateway.close();
    await Promise.all([upstream.close(), enterprise.close(), stranger.close()]);
  });

  const assertion = (claims: JWTPayload = {}, options: TokenOptions = {}, by = enterprise): Promise<string> =>
    by.token(
      { sub: 'ada', client_id: clientId, jti: randomUUID(), resource: `${gateway.url}/mcp/wiki`, ...claims },
      { audience: gateway.url, type: 'oauth-id-jag+jwt', ...options },
    );
  const redeem = (text: string, more: Record<string, string> = {}) =>
    form<TokenSet & { error?: string }>(`${gateway.url}/token`, {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: text,
      client_id: clientId,
      ...more,
    });
  const list = (path: string, token: string): Promise<number> =>
    rpc(`${gateway.url}${path}`, 'tools/list', undefined, { headers: { authorization: `Bearer ${token}` } }).then(
      ({ status }) => status,
    );

  test('are advertised', async () => {
    const response = await fetch(`${gateway.url}/.well-known/oauth-authorization-server`);
    expect(((await response.json()) as { grant_types_supported: string[] }).grant_types_supported).toContain(
      'urn:ietf:params:oauth:grant-type:jwt-bearer',
    );
  });

  test('give a token for their person and their endpoint, and nothing to refresh', async () => {
    const { status, body } = await redeem(await assertion());
    expect(status).toBe(200);
    expect(body.refresh_token).toBeUndefined();
    expect([await list('/mcp/wiki', body.access_token), await list('/mcp', body.access_token)]).toEqual([200, 401]);
  });

  test('are good once', async () => {
    const text = await assertion();
    expect((await redeem(text)).status).toBe(200);
    expect((await redeem(text)).body.error).toBe('invalid_grant');
  });

  test('carry the rights of the teams they name, and none when no team counts', async () => {
    const team = await insertTeam(gateway.databaseUrl, { permission: { servers: ['wiki'] } });
    expect((await redeem(await assertion({ sub: 'somebody', groups: [team] }))).status).toBe(200);
    expect((await redeem(await assertion({ sub: 'somebody', groups: ['nobody'] }))).body.error).toBe('invalid_grant');
  });

  test('must be typed, for us, of the enterprise, for this client and endpoint, and not old', async () => {
    const now = Math.floor(Date.now() / 1_000);
    const refused: Record<string, string> = {
      'another type': await assertion({}, { type: 'JWT' }),
      'another audience': await assertion({}, { audience: 'https://other.example' }),
      'several audiences': await assertion({}, { audience: [gateway.url, 'https://other.example'] }),
      'another issuer': await assertion({}, {}, stranger),
      'the name of ours, signed by another': await assertion({}, { issuer: enterprise.issuer }, stranger),
      'another client': await assertion({ client_id: 'wiki' }),
      'no client': await assertion({ client_id: undefined }),
      'no id': await assertion({ jti: undefined }),
      'an end in the past': await assertion({}, { expiresAt: now - 60 }),
      'a long life': await assertion({}, { expiresAt: now + 86_400 }),
      'no assertion': 'nothing',
    };
    for (const [why, text] of Object.entries(refused)) {
      expect([why, (await redeem(text)).body.error]).toEqual([why, 'invalid_grant']);
    }
    expect((await redeem(await assertion({ resource: 'https://other.example/mcp' }))).body.error).toBe(
      'invalid_target',
    );
    const elsewhere = await redeem(await assertion(), { resource: `${gateway.url}/mcp` });
    expect(elsewhere.body.error).toBe('invalid_grant');
  });

  test('for another authorization server are not for us, whatever a request calls us', async () => {
    const trusting = await startGateway({
      config: {
        mcp_servers: { wiki: { url: upstream.url } },
        general_settings: {
          mcp_trusted_proxy_ranges: ['127.0.0.0/8'],
          oauth: { enterprise: { issuer: enterprise.issuer, jwks_uri: enterprise.jwksUri } },
        },
      },
    });
    await insertUser(trusting.databaseUrl, { id: 'ada', permission: { servers: ['wiki'] } });
    const stolen = await assertion({ client_id: 'other', resource: undefined }, { audience: 'https://other.example' });
    const response = await fetch(`${trusting.url}/token`, {
      method: 'POST',
      headers: { 'x-forwarded-host': 'other.example', 'x-forwarded-proto': 'https' },
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
        assertion: stolen,
        client_id: 'other',
      }),
    });
    expect(response.status).toBe(400);
    expect(await response.text()).not.toContain('access_token');
    await trusting.close();
  });
});
