import { createHash, randomBytes } from 'node:crypto';
import { adminCaller, type AdminCaller } from '../../harness/admin-call.js';
import { CookieBrowser } from '../../harness/cookie-browser.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { oauthProvider, type OauthProvider } from '../../harness/oauth-provider.js';
import { testPostgres, type TestPostgres } from '../../harness/postgres.js';
import { rpc, type RpcAnswer } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { tokenServer } from '../../harness/token-server.js';
import { waitFor } from '../../harness/wait-for.js';

const REDIRECT = 'http://127.0.0.1:9/callback';
const CLIENT = { client_id: 'gateway', client_secret: 'secret-of-the-gateway-at-the-provider' };

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

/** Tokens of users, kept by the gateway (contract §11, reference §5.6): a real provider, two replicas. */
describe('tokens that users keep', () => {
  let database: TestPostgres;
  let provider: OauthProvider;
  let upstream: FakeUpstream;
  let first: TestGateway;
  let second: TestGateway;
  let user: AdminCaller;
  let key: string;
  /** Tokens that the server does not accept any more. */
  const refused = new Set<string>();

  beforeAll(async () => {
    database = await testPostgres();
    provider = await oauthProvider({
      clients: [
        {
          ...CLIENT,
          redirect_uris: [REDIRECT],
          grant_types: ['authorization_code', 'refresh_token'],
          token_endpoint_auth_method: 'client_secret_post',
        },
      ],
    });
    upstream = await fakeUpstream({
      accepts: ({ authorization = '' }) => {
        const token = authorization.replace(/^Bearer /, '');
        return token !== '' && !refused.has(token);
      },
    });
    const oauth = {
      url: upstream.url,
      auth_type: 'oauth2',
      oauth2_flow: 'authorization_code',
      ...CLIENT,
      authorization_url: `${provider.issuer}/auth`,
      token_url: `${provider.issuer}/token`,
      allow_all_keys: true,
    };
    const config = {
      general_settings: { store_model_in_db: true },
      mcp_servers: {
        files: oauth,
        strict: { ...oauth, token_validation: { 'org.id': 'O1' } },
        short: { ...oauth, token_storage_ttl_seconds: 1 },
        plain: { url: upstream.url, auth_type: 'bearer_token', auth_value: 'static', allow_all_keys: true },
      },
    };
    first = await startGateway({ config, databaseUrl: database.url.reveal() });
    second = await startGateway({ config, databaseUrl: database.url.reveal() });
    const made = await adminCaller(first.url, first.key)('POST', '/user/new', { user_id: 'alice' });
    ({ key } = made.body as { key: string });
    user = adminCaller(first.url, key);
  });

  beforeEach(() => {
    upstream.clearLog();
    provider.clearLog();
  });

  afterAll(async () => {
    await first.close();
    await second.close();
    await upstream.close();
    await provider.close();
    await database.drop();
  });

  /** What a sign-in at the provider gives. */
  async function signIn(): Promise<Tokens> {
    const verifier = randomBytes(32).toString('base64url');
    const url = new URL(`${provider.issuer}/auth`);
    url.search = new URLSearchParams({
      response_type: 'code',
      client_id: CLIENT.client_id,
      redirect_uri: REDIRECT,
      scope: 'openid offline_access mcp:read',
      resource: upstream.url,
      prompt: 'consent',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    }).toString();
    const browser = new CookieBrowser((at) => at.href.startsWith(REDIRECT));
    const code = (await browser.get(url)).url.searchParams.get('code') ?? '';
    const response = await fetch(`${provider.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code,
        redirect_uri: REDIRECT,
        code_verifier: verifier,
        resource: upstream.url,
        ...CLIENT,
      }),
    });
    return (await response.json()) as Tokens;
  }

  const PATH = '/v1/mcp/server';
  const store = (tokens: Tokens, server = 'files', expires_in = 3_600) =>
    user('POST', `${PATH}/${server}/oauth-user-credential`, { ...tokens, expires_in });
  const status = async (server = 'files') =>
    (await user('GET', `${PATH}/${server}/oauth-user-credential/status`)).body as Record<string, unknown>;
  /** With the key in `x-litellm-api-key` a client of one server would be sent to OAuth of its own instead. */
  const bearer = (of = key) => ({ authorization: `Bearer ${of}` });
  const call = (gateway = first, server = 'files'): Promise<RpcAnswer> =>
    rpc(`${gateway.url}/mcp/${server}`, 'tools/call', { name: 'echo', arguments: {} }, { headers: bearer() });
  const refreshes = () => provider.seen('/token').filter(({ body }) => body.includes('grant_type=refresh_token'));
  const sentTokens = () => [
    ...new Set(upstream.requests.map(({ headers }) => headers.authorization?.replace('Bearer ', ''))),
  ];

  test('without one nothing is sent: the error and the list say where to connect', async () => {
    const { error } = (await call()).message ?? {};
    expect(error?.data).toMatchObject({ server: 'files', url: `${first.url}/connect/files`, retryable: false });
    const listed = await rpc(`${first.url}/mcp`, 'tools/list', {}, { key });
    expect(listed.message?.result?.['_meta']).toMatchObject({
      'gatehouse/outcomes': { files: { status: 'login_required', url: `${first.url}/connect/files` } },
    });
    expect(sentTokens()).toEqual(['static']);
  });

  test('the user’s token is sent, to that server only, and another user’s is not theirs', async () => {
    const tokens = await signIn();
    expect((await store(tokens)).body).toMatchObject({ has_credential: true, is_expired: false, status: 'active' });
    expect((await call()).message?.result).toBeDefined();
    expect(sentTokens()).toEqual([tokens.access_token]);
    expect(refreshes()).toEqual([]);
    const other = await adminCaller(first.url, first.key)('POST', '/user/new', { user_id: 'bob' });
    const bobs = { headers: bearer((other.body as { key: string }).key) };
    const refusal = await rpc(`${first.url}/mcp/files`, 'tools/call', { name: 'echo', arguments: {} }, bobs);
    expect(refusal.message?.error?.data).toMatchObject({ url: `${first.url}/connect/files` });
    await call(first, 'plain');
    expect(sentTokens()).toEqual([tokens.access_token, 'static']);
  });

  test('two replicas that need a new one at once ask for it once; it comes with the old one’s refresh token', async () => {
    await store(await signIn(), 'files', 1);
    await waitFor(async () => (await status())['is_expired'], { what: 'the end of the token' });
    provider.clearLog();
    const answers = await Promise.all([call(first), call(second), call(first), call(second)]);
    expect(answers.map(({ message }) => message?.error)).toEqual([undefined, undefined, undefined, undefined]);
    expect(refreshes().length).toBe(1);
    expect(await status()).toMatchObject({ has_credential: true, is_expired: false });
    const [token = ''] = sentTokens();
    expect(sentTokens()).toEqual([token]);
    expect(await provider.lookUp(token)).toMatchObject({ user: 'alice', audiences: [upstream.url] });
  });

  test('one that the server refuses is renewed, and the call made again; rotated refresh tokens are kept', async () => {
    await call();
    for (const gateway of [first, second, first]) {
      const [token = ''] = sentTokens().slice(-1);
      await waitFor(
        async () => {
          upstream.clearLog();
          await call(gateway);
          return sentTokens().join() === token;
        },
        { what: 'this replica to know the token of the other' },
      );
      refused.add(token);
      upstream.clearLog();
      provider.clearLog();
      expect((await call(gateway)).message?.result).toBeDefined();
      expect(refreshes().length).toBe(1);
      expect(sentTokens().at(-1)).not.toBe(token);
    }
  });

  test('a grant that is dead is marked so, with the reason, until the user connects again', async () => {
    provider.revokeAll();
    await call();
    const [token = ''] = sentTokens();
    refused.add(token);
    const { error } = (await call(second)).message ?? {};
    expect(error?.data).toMatchObject({ url: `${second.url}/connect/files`, reason: expect.stringContaining('again') });
    expect(await status()).toMatchObject({ has_credential: false, status: 'needs_reauth', reason: expect.any(String) });
    provider.clearLog();
    expect((await call(first)).message?.error?.message).toContain('connect to it again');
    expect(provider.requests).toEqual([]);
    expect(JSON.stringify(await database.query('SELECT action FROM audit_entry'))).toContain('expired');
    const tokens = await signIn();
    await store(tokens);
    upstream.clearLog();
    expect((await call()).message?.result).toBeDefined();
    expect(sentTokens()).toEqual([tokens.access_token]);
  });

  test('one without a refresh token that the server refuses is dead', async () => {
    await user('POST', `${PATH}/files/oauth-user-credential`, { access_token: 'only-this' });
    refused.add('only-this');
    expect((await call()).message?.error?.message).toContain('does not accept your token');
    expect(await status()).toMatchObject({ status: 'needs_reauth' });
    await user('DELETE', `${PATH}/files/oauth-user-credential`);
    expect(await status()).toMatchObject({ has_credential: false, status: 'absent' });
  });

  test('a refresh token does not follow its server to another token_url', async () => {
    const admin = adminCaller(first.url, first.key);
    const authorization_url = `${provider.issuer}/auth`;
    const server = { server_name: 'moving', url: upstream.url, auth_type: 'oauth2', oauth2_flow: 'authorization_code' };
    await admin('POST', PATH, {
      ...server,
      ...CLIENT,
      server_id: 'moving',
      allow_all_keys: true,
      authorization_url,
      token_url: `${provider.issuer}/token`,
    });
    await store({ access_token: 'mine', refresh_token: 'a-refresh-token-of-alice' }, 'moving', 1);
    const thief = await tokenServer();
    const moved = await admin('PUT', `${PATH}/moving`, { ...CLIENT, token_url: thief.tokenUrl });
    expect(moved.status).toBeLessThan(300);
    await waitFor(async () => (await status('moving'))['is_expired'], { what: 'the end of the token' });
    expect((await call(first, 'moving')).message?.error?.message).toContain('address has changed');
    expect(thief.transcript()).toBe('');
    await thief.close();
  });

  test('token_validation refuses what does not fit; token_storage_ttl_seconds ends what is kept', async () => {
    const claims = (id: string) => `e30.${Buffer.from(JSON.stringify({ org: { id } })).toString('base64url')}.sig`;
    const kept = (access_token: string) => user('POST', `${PATH}/strict/oauth-user-credential`, { access_token });
    expect([(await kept('opaque')).status, (await kept(claims('O2'))).status]).toEqual([400, 400]);
    expect((await kept(claims('O1'))).status).toBe(200);
    expect((await call(first, 'strict')).message?.result).toBeDefined();

    expect((await user('POST', `${PATH}/short/oauth-user-credential`, { access_token: 'brief' })).status).toBe(200);
    await waitFor(async () => (await status('short'))['status'] === 'absent', { what: 'the end of what is kept' });
    expect((await call(second, 'short')).message?.error?.data).toMatchObject({ url: `${second.url}/connect/short` });
  });

  test('neither rows nor logs hold a token or the client’s secret', async () => {
    const rows = JSON.stringify([
      await database.query('SELECT * FROM user_credential'),
      await database.query('SELECT * FROM audit_entry'),
    ]);
    const all = [rows, first.logs(), second.logs()].join('\n');
    const secrets = [...refused, CLIENT.client_secret].filter((secret) => all.includes(secret));
    expect(secrets).toEqual([]);
  });
});
