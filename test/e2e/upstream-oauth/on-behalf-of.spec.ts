import { generateKeyPairSync } from 'node:crypto';
import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT, type JWTPayload } from 'jose';
import { adminCaller } from '../../harness/admin-call.js';
import type { ConfigContent } from '../../harness/config-file.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc, type RpcReply } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { AUDIENCE, tokenIssuer, type TokenIssuer } from '../../harness/token-issuer.js';
import { claimsOf, tokenServer, type SeenGrant, type TokenServer } from '../../harness/token-server.js';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const ID_JAG = 'urn:ietf:params:oauth:token-type:id-jag';

/** Tokens exchanged for those of callers: reference §5.8, protocol page §4 (enterprise-managed authorization). */
describe('on behalf of the caller', () => {
  /** Whose tokens let callers in. */
  let company: TokenIssuer;
  /** The exchange endpoint: checks subject tokens with the company's keys. */
  let exchange: TokenServer;
  let upstream: FakeUpstream;
  let gateway: TestGateway | undefined;

  const subjectOf = async (token: string | undefined): Promise<JWTPayload> => {
    const keys = (await (await fetch(company.jwksUri)).json()) as Parameters<typeof createLocalJWKSet>[0];
    return (await jwtVerify(token ?? '', createLocalJWKSet(keys), { issuer: company.issuer })).payload;
  };
  const issue = async ({ form }: SeenGrant, count: number): Promise<string> => {
    if (form['grant_type'] === 'client_credentials') return `own-${count}`;
    return `for-${(await subjectOf(form['subject_token'] ?? form['assertion'])).sub}-${count}`;
  };

  beforeEach(async () => {
    company = await tokenIssuer();
    exchange = await tokenServer({ issue });
    upstream = await fakeUpstream({ accepts: ({ authorization }) => exchange.accepts(authorization) });
  });

  afterEach(async () => {
    await gateway?.close();
    await Promise.all([company.close(), exchange.close(), upstream.close()]);
  });

  async function start(server: object): Promise<void> {
    const config: ConfigContent = {
      general_settings: {
        jwt_auth: [
          { issuer: company.issuer, audience: AUDIENCE, roles_claim: 'role', role_map: { admin: 'proxy_admin' } },
        ],
      },
      mcp_servers: {
        obo: {
          url: upstream.url,
          transport: 'http',
          auth_type: 'oauth2_token_exchange',
          token_exchange_endpoint: exchange.tokenUrl,
          client_id: 'machine',
          client_secret: 'machine-secret',
          ...server,
        },
      },
    };
    gateway = await startGateway({ config });
  }
  const call = async (headers: Record<string, string>): Promise<RpcReply> => {
    const params = { name: 'echo', arguments: {} };
    const { message } = await rpc(`${gateway?.url ?? ''}/mcp/obo`, 'tools/call', params, { headers });
    if (message === undefined) throw new Error('no message');
    return message;
  };
  const person = (sub: string): Promise<string> => company.token({ sub, role: 'admin' });
  const bearers = (): unknown[] => [...new Set(upstream.requests.map(({ headers }) => headers.authorization))];

  it('each caller’s token is exchanged once and goes to the exchange endpoint only (RFC 8693)', async () => {
    await start({ audience: 'api://downstream', scopes: ['read'] });
    const [ann, bob] = [await person('ann'), await person('bob')];
    for (const token of [ann, bob, ann, bob]) {
      expect((await call({ authorization: `Bearer ${token}` })).result).toBeDefined();
    }
    expect(exchange.grants.map(({ form }) => form)).toEqual(
      [ann, bob].map((token) => ({
        grant_type: EXCHANGE,
        subject_token: token,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        audience: 'api://downstream',
        scope: 'read',
        client_id: 'machine',
        client_secret: 'machine-secret',
      })),
    );
    expect(bearers()).toEqual(['Bearer for-ann-1', 'Bearer for-bob-2']);
    expect(upstream.transcript()).not.toContain(ann);
    expect(upstream.transcript()).not.toContain(bob);
    expect(gateway?.logs()).not.toContain(ann);
  });

  it('the on-behalf-of form of Entra', async () => {
    await start({ token_exchange_profile: 'entra_obo', audience: 'api://downstream' });
    const ann = await person('ann');
    expect((await call({ authorization: `Bearer ${ann}` })).result).toBeDefined();
    expect(exchange.grants.map(({ form }) => form)).toEqual([
      {
        grant_type: JWT_BEARER,
        assertion: ann,
        requested_token_use: 'on_behalf_of',
        scope: 'api://downstream/.default',
        client_id: 'machine',
        client_secret: 'machine-secret',
      },
    ]);
  });

  it('a token beside a gateway key is the subject; its gateway key never travels', async () => {
    await start({});
    const key = gateway?.key ?? '';
    const ann = await person('ann');
    expect((await call({ 'x-litellm-api-key': key, authorization: `Bearer ${ann}` })).result).toBeDefined();
    expect(bearers()).toEqual(['Bearer for-ann-1']);
    expect(`${exchange.transcript()}${upstream.transcript()}`).not.toContain(key);
  });

  it('a caller with a key alone is refused with what to bring, and nothing is sent', async () => {
    await start({});
    const { error } = await call({ 'x-litellm-api-key': gateway?.key ?? '' });
    expect(error).toMatchObject({ code: -32001, data: { server: 'obo', retryable: false } });
    expect(error?.message).toContain('Authorization beside the key in x-litellm-api-key');
    expect(upstream.requests).toEqual([]);
    expect(exchange.transcript()).toBe('');
  });

  it('a server does not say where callers’ tokens are exchanged: what it names never sees one', async () => {
    const server = await fakeUpstream({
      accepts: ({ authorization }) => exchange.accepts(authorization),
      documents: {
        '/.well-known/oauth-protected-resource/mcp': (origin) => ({
          resource: `${origin}/mcp`,
          authorization_servers: [exchange.origin],
        }),
      },
    });
    await start({ url: server.url, token_exchange_endpoint: undefined });
    const ann = await person('ann');
    const { status } = await rpc(`${gateway?.url ?? ''}/mcp/obo`, 'tools/list', undefined, {
      headers: { authorization: `Bearer ${ann}` },
    });
    expect(status).toBe(404);
    expect(`${exchange.transcript()}${server.transcript()}`).not.toContain(ann);
    expect(gateway?.logs()).toContain('oauth2_token_exchange without token_exchange_endpoint');
    await server.close();
  });

  it('or is served with the gateway’s own token, where the definition says so', async () => {
    await start({ oauth2_flow: 'client_credentials' });
    expect((await call({ 'x-litellm-api-key': gateway?.key ?? '' })).result).toBeDefined();
    expect((await call({ authorization: `Bearer ${await person('ann')}` })).result).toBeDefined();
    expect(bearers()).toEqual(['Bearer own-1', 'Bearer for-ann-2']);
  });

  it('what the exchange endpoint refuses is told with its error and no token', async () => {
    await start({});
    const stranger = await tokenIssuer();
    const token = await stranger.token({ sub: 'eve' });
    const { error } = await call({ 'x-litellm-api-key': gateway?.key ?? '', authorization: `Bearer ${token}` });
    expect(error?.message).toContain('answered 400 invalid_grant');
    expect(`${JSON.stringify(error)}${gateway?.logs() ?? ''}`).not.toContain(token);
    expect(upstream.requests).toEqual([]);
    await stranger.close();
  });

  it('an exchanged token that the server refuses is exchanged once more', async () => {
    await start({});
    const headers = { authorization: `Bearer ${await person('ann')}` };
    expect((await call(headers)).result).toBeDefined();
    exchange.revokeAll();
    expect((await call(headers)).result).toBeDefined();
    expect(bearers()).toEqual(['Bearer for-ann-1', 'Bearer for-ann-2']);
  });

  it('one caller’s list is not another’s', async () => {
    await start({});
    const list = async (sub: string): Promise<unknown> =>
      adminCaller(gateway?.url ?? '', await person(sub))('GET', '/mcp-rest/tools/list');
    await list('ann');
    await list('bob');
    const asked = upstream.seen('tools/list').map(({ headers }) => headers.authorization);
    expect(asked).toEqual(['Bearer for-ann-1', 'Bearer for-bob-2']);
  });

  it('an ID-JAG: exchanged at the identity provider, then at the server’s authorization server (private_key_jwt)', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const keys = await generateKeyPair('ES256', { extractable: true });
    const provider = await tokenServer({
      clientPublicKey: publicKey,
      expiresIn: 300,
      extra: () => ({ issued_token_type: ID_JAG, token_type: 'N_A' }),
      issue: async ({ form }) =>
        new SignJWT({ resource: form['resource'], client_id: 'machine', scope: form['scope'] })
          .setProtectedHeader({ alg: 'ES256', typ: 'oauth-id-jag+jwt' })
          .setIssuer('https://idp.example')
          .setSubject((await subjectOf(form['subject_token'])).sub ?? '')
          .setAudience(form['audience'] ?? '')
          .setJti('j')
          .setIssuedAt()
          .setExpirationTime('5m')
          .sign(keys.privateKey),
    });
    const jwk = createLocalJWKSet({ keys: [await exportJWK(keys.publicKey)] });
    const resource = await tokenServer({
      clientPublicKey: publicKey,
      authMethods: ['private_key_jwt'],
      issue: async ({ form }) => {
        const { payload } = await jwtVerify(form['assertion'] ?? '', jwk, {
          audience: resource.origin,
          typ: 'oauth-id-jag+jwt',
        });
        return `as-${payload.sub}`;
      },
    });
    const server = await fakeUpstream({
      accepts: ({ authorization }) => resource.accepts(authorization),
      documents: {
        '/.well-known/oauth-protected-resource/mcp': (origin) => ({
          resource: `${origin}/mcp`,
          authorization_servers: [resource.origin],
        }),
      },
    });
    await start({
      url: server.url,
      auth_type: 'oauth2_id_jag',
      token_exchange_endpoint: provider.tokenUrl,
      client_secret: undefined,
      client_private_key: privateKey,
      client_assertion_signing_alg: 'ES256',
      scopes: ['files'],
    });
    const ann = await person('ann');
    expect((await call({ authorization: `Bearer ${ann}` })).result).toBeDefined();
    expect((await call({ authorization: `Bearer ${ann}` })).result).toBeDefined();
    expect(provider.grants.map(({ form, method }) => ({ ...form, method, client_assertion: '' }))).toEqual([
      {
        grant_type: EXCHANGE,
        requested_token_type: ID_JAG,
        audience: resource.origin,
        resource: server.url,
        scope: 'files',
        subject_token: ann,
        subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
        client_id: 'machine',
        client_assertion: '',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        method: 'private_key_jwt',
      },
    ]);
    expect(resource.grants.map(({ form, method }) => [form['grant_type'], form['scope'], method])).toEqual([
      [JWT_BEARER, 'files', 'private_key_jwt'],
    ]);
    expect(claimsOf(resource.grants[0]?.form['assertion'])).toMatchObject({ sub: 'ann', resource: server.url });
    expect([...new Set(server.requests.map(({ headers }) => headers.authorization))]).toEqual([
      // The first one is the gateway's question where to ask.
      undefined,
      'Bearer as-ann',
    ]);
    expect(`${server.transcript()}${resource.transcript()}`).not.toContain(ann);
    await Promise.all([provider.close(), resource.close(), server.close()]);
  });
});
