import { generateKeyPairSync } from 'node:crypto';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import type { ConfigContent } from '../../harness/config-file.js';
import { rpc, type RpcReply } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { claimsOf, tokenServer, type TokenServer, type TokenServerOptions } from '../../harness/token-server.js';
import { waitFor } from '../../harness/wait-for.js';

const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

/** Contract §11: the gateway's own tokens by client credentials. */
describe('client credentials', () => {
  let tokens: TokenServer;
  let upstream: FakeUpstream;
  let gateways: TestGateway[] = [];

  async function begin(options: TokenServerOptions = {}): Promise<void> {
    tokens = await tokenServer(options);
    upstream = await fakeUpstream({ accepts: ({ authorization }) => tokens.accepts(authorization) });
  }

  const config = (server: object): ConfigContent => ({
    mcp_servers: {
      machine: {
        url: upstream.url,
        transport: 'http',
        auth_type: 'oauth2',
        client_id: 'machine',
        client_secret: 'machine-secret',
        token_url: tokens.tokenUrl,
        ...server,
      },
    },
  });

  async function gateway(server: object = {}, shared: { databaseUrl?: string } = {}): Promise<TestGateway> {
    const started = await startGateway({ ...shared, config: config(server) });
    gateways.push(started);
    return started;
  }

  afterEach(async () => {
    // The first one owns the database.
    for (const started of gateways.toReversed()) await started.close();
    gateways = [];
    await upstream.close();
    await tokens.close();
  });

  const call = async ({ url, key }: TestGateway): Promise<RpcReply> => {
    const headers = { 'x-litellm-api-key': key };
    const answer = await rpc(`${url}/mcp/machine`, 'tools/call', { name: 'echo', arguments: {} }, { headers });
    if (answer.message === undefined) throw new Error('no message');
    return answer.message;
  };
  const bearers = (): unknown[] => [...new Set(upstream.requests.map(({ headers }) => headers.authorization))];

  it('one token serves all calls, asked for with id, secret, scopes and resource', async () => {
    await begin();
    const one = await gateway({ scopes: ['read', 'write'] });
    const answers = await Promise.all(Array.from({ length: 20 }, () => call(one)));
    expect(answers.every(({ result }) => result !== undefined)).toBe(true);
    expect(tokens.grants.map(({ form, method }) => [form, method])).toEqual([
      [
        {
          grant_type: 'client_credentials',
          client_id: 'machine',
          client_secret: 'machine-secret',
          scope: 'read write',
          resource: upstream.url,
        },
        'client_secret_post',
      ],
    ]);
    expect(bearers()).toEqual(['Bearer token-1']);
    expect(upstream.transcript()).not.toContain('machine-secret');
  });

  it.each<[string, TokenServerOptions, object, string]>([
    ['client_secret_basic', {}, { token_endpoint_auth_method: 'client_secret_basic' }, 'client_secret_basic'],
    [
      'private_key_jwt',
      { clientPublicKey: publicKey },
      { client_secret: undefined, client_private_key: privateKey, client_private_key_id: 'k1' },
      'private_key_jwt',
    ],
  ])('the client proves itself by %s', async (_title, options, server, method) => {
    await begin(options);
    const one = await gateway({ oauth2_flow: 'client_credentials', ...server });
    expect((await call(one)).result).toBeDefined();
    expect(tokens.grants.map((grant) => grant.method)).toEqual([method]);
    expect(tokens.grants[0]?.form['client_secret']).toBeUndefined();
    expect(tokens.transcript()).not.toContain('machine-secret');
    const assertion = tokens.grants[0]?.form['client_assertion'];
    if (assertion !== undefined) expect(claimsOf(assertion)).toMatchObject({ aud: tokens.tokenUrl, iss: 'machine' });
  });

  it('without token_url the endpoint is found by the server’s challenge and metadata', async () => {
    tokens = await tokenServer({ authMethods: ['client_secret_basic'] });
    upstream = await fakeUpstream({
      accepts: ({ authorization }) => tokens.accepts(authorization),
      challenge: 'Bearer scope="tools:call"',
      documents: {
        '/.well-known/oauth-protected-resource/mcp': (origin) => ({
          resource: `${origin}/mcp`,
          authorization_servers: [tokens.origin],
        }),
      },
    });
    const one = await gateway({ token_url: undefined, oauth2_flow: 'client_credentials' });
    expect((await call(one)).result).toBeDefined();
    expect(tokens.grants.map(({ form, method }) => [form['scope'], form['resource'], method])).toEqual([
      ['tools:call', upstream.url, 'client_secret_basic'],
    ]);
  });

  it('a refused token is replaced once and the call repeated; a server that refuses all is not fed with tokens', async () => {
    await begin();
    const one = await gateway();
    expect((await call(one)).result).toBeDefined();
    tokens.revokeAll();
    const answers = await Promise.all([call(one), call(one), call(one)]);
    expect(answers.every(({ result }) => result !== undefined)).toBe(true);
    expect(tokens.grants).toHaveLength(2);
    upstream.setFailure(() => ({ status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }));
    for (let count = 0; count < 10; count += 1)
      expect((await call(one)).error?.message).toContain('refused the credential');
    expect(tokens.grants.length).toBeLessThanOrEqual(5);
  });

  it('replicas share one token, and one of them asks for the next', async () => {
    await begin();
    const first = await gateway();
    const second = await gateway({}, { databaseUrl: first.databaseUrl });
    await Promise.all([call(first), call(second), call(first), call(second)]);
    expect(tokens.grants).toHaveLength(1);
    tokens.revokeAll();
    const answers = await Promise.all([call(first), call(second)]);
    expect(answers.every(({ result }) => result !== undefined)).toBe(true);
    expect(tokens.grants).toHaveLength(2);
  });

  it('another definition is another token', async () => {
    await begin();
    const one = await gateway({ scopes: ['a'] });
    await call(one);
    await one.writeConfig(config({ scopes: ['b'] }));
    await waitFor(async () => {
      await call(one);
      return tokens.grants.length === 2;
    });
    expect(tokens.grants.map(({ form }) => form['scope'])).toEqual(['a', 'b']);
  });

  it('a refusal names server, endpoint, status and error, and no secret anywhere', async () => {
    await begin();
    const one = await gateway({ client_secret: 'canary-wrong-secret' });
    const { error } = await call(one);
    const url = new URL(tokens.tokenUrl);
    expect(error?.message).toContain(`machine: ${url.origin}/oauth/token answered 401 invalid_client`);
    tokens.setRefusal({ status: 400, body: '{"error":"invalid_scope","error_description":"not canary-wrong-secret"}' });
    await waitFor(async () => (await call(one)).error?.message.includes('answered 400') === true);
    tokens.setRefusal({ status: 500, body: '<html>canary-page</html>' });
    await waitFor(async () => (await call(one)).error?.message.includes('answered 500 without a token') === true);
    expect(`${one.logs()}${JSON.stringify(error)}`).not.toMatch(/canary-/);
  });

  it('a private key that is none is told as that, without what it is', async () => {
    await begin();
    const keys = { client_secret: undefined, client_private_key: '-----BEGIN PRIVATE KEY-----\ncanary-key' };
    const one = await gateway({ oauth2_flow: 'client_credentials', ...keys });
    expect((await call(one)).error?.message).toContain('client_private_key is not a private key in PEM form');
    expect(one.logs()).not.toContain('canary-key');
    expect(tokens.transcript()).toBe('');
  });

  it('nothing is sent to the server without a token', async () => {
    await begin();
    tokens.setRefusal({ status: 503, body: '' });
    const one = await gateway();
    expect((await call(one)).error?.message).toContain('No token for the server');
    expect(upstream.requests).toEqual([]);
  });
});
