import { adminCaller, type AdminAnswer, type AdminCaller } from '../../harness/admin-call.js';
import { canary, findLeaks } from '../../harness/canaries.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { testPostgres, type TestPostgres } from '../../harness/postgres.js';
import { everythingOverStdio } from '../../harness/real-servers.js';
import { rpc, type RpcAnswer } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

/** Within a second on every replica (contract §9), with room for a slow machine. */
const CONVERGED_MS = 3_000;

/** Keys and values that users bring themselves (contract §11, reference §3.5), on two replicas. */
describe('what users keep to use servers with', () => {
  let database: TestPostgres;
  let upstream: FakeUpstream;
  let first: TestGateway;
  let second: TestGateway;
  let admin: AdminCaller;
  const keys: Record<string, string> = {};
  const users: Record<string, AdminCaller> = {};
  const secrets = { ada: canary('ada'), bob: canary('bob'), space: canary('space'), child: canary('child') };
  let answers = '';

  beforeAll(async () => {
    database = await testPostgres();
    upstream = await fakeUpstream();
    const { args } = everythingOverStdio();
    const config = {
      general_settings: { store_model_in_db: true },
      mcp_servers: {
        own: {
          url: upstream.url,
          auth_type: 'bearer_token',
          auth_value: 'nobody-uses-this',
          is_byok: true,
          byok_description: ['Ask the wiki team'],
          byok_api_key_help_url: 'https://wiki.example.com/keys',
          allow_all_keys: true,
        },
        headed: {
          url: upstream.url,
          header_variables: [
            { name: 'X-Region', value: 'eu' },
            { name: 'X-Workspace', scope: 'per_user', value: 'your workspace', description: 'Where you work' },
          ],
          allow_all_keys: true,
        },
        child: {
          command: 'node',
          args,
          env: [
            { name: 'SAME', value: 'for-everybody' },
            { name: 'CHILD_TOKEN', scope: 'per_user' },
          ],
          allow_all_keys: true,
        },
        picky: {
          command: 'node',
          // Ends at once for who gave a bad value.
          args: ['-e', "if (process.env.PICKY === 'bad') process.exit(3); import(process.argv[1])", ...args],
          env: [{ name: 'PICKY', scope: 'per_user' }],
          allow_all_keys: true,
        },
        plain: { url: upstream.url, allow_all_keys: true },
        hidden: { url: upstream.url, is_byok: true, auth_type: 'api_key' },
      },
    };
    first = await startGateway({ config, databaseUrl: database.url.reveal() });
    second = await startGateway({ config, databaseUrl: database.url.reveal() });
    admin = adminCaller(first.url, first.key);
    for (const user_id of ['ada', 'bob', 'cyd']) {
      const made = await admin('POST', '/user/new', { user_id });
      keys[user_id] = (made.body as { key: string }).key;
      users[user_id] = recorded(adminCaller(first.url, keys[user_id]));
    }
    const nobodys = await admin('POST', '/key/generate', {});
    keys['nobody'] = (nobodys.body as { key: string }).key;
  });

  beforeEach(() => upstream.clearLog());

  afterAll(async () => {
    await first.close();
    await second.close();
    await upstream.close();
    await database.drop();
  });

  /** Every answer is searched for secrets in the end. */
  function recorded(call: AdminCaller): AdminCaller {
    return async (...request) => {
      const answer = await call(...request);
      answers += JSON.stringify(answer);
      return answer;
    };
  }

  const as = (user: string): AdminCaller => users[user] ?? admin;
  const PATH = '/v1/mcp/server';

  async function call(user: string, server: string, gateway = first, tool = 'echo'): Promise<RpcAnswer> {
    const key = keys[user] ?? '';
    const answer = await rpc(`${gateway.url}/mcp/${server}`, 'tools/call', { name: tool, arguments: {} }, { key });
    if (tool === 'echo') answers += answer.text;
    return answer;
  }

  const sent = (header: string): unknown[] => [...new Set(upstream.requests.map(({ headers }) => headers[header]))];
  const errorOf = ({ body }: AdminAnswer): unknown => (body as { detail: { error: unknown } }).detail.error;

  test('each user’s own key arrives, written as auth_type says; without one nothing is sent', async () => {
    expect(await as('ada')('POST', `${PATH}/own/user-credential`, { credential: secrets.ada })).toEqual({
      status: 200,
      body: { server_id: expect.any(String), has_credential: true },
    });
    await as('bob')('POST', `${PATH}/own/user-credential`, { credential: `Bearer ${secrets.bob}` });
    expect((await call('ada', 'own')).message?.result).toBeDefined();
    expect(sent('authorization')).toEqual([`Bearer ${secrets.ada}`]);
    upstream.clearLog();
    expect((await call('bob', 'own')).message?.result).toBeDefined();
    expect(sent('authorization')).toEqual([`Bearer ${secrets.bob}`]);
    upstream.clearLog();

    const refused = (await call('cyd', 'own')).message?.error;
    expect(refused?.message).toContain('it needs a key of your own');
    expect(refused?.data).toMatchObject({
      server: 'own',
      url: `${first.url}/connect/own`,
      endpoint: expect.stringMatching(/^\/v1\/mcp\/server\/.*\/user-credential$/),
      byok_api_key_help_url: 'https://wiki.example.com/keys',
      byok_description: ['Ask the wiki team'],
      retryable: false,
    });
    expect((await call('nobody', 'own')).message?.error?.message).toContain('belongs to no user');
    const listed = await rpc(`${first.url}/mcp/own`, 'tools/list', {}, { key: keys['cyd'] ?? '' });
    expect(listed.message?.error?.message).toContain('a key of your own');
    expect(upstream.requests).toEqual([]);
  });

  test('an aggregate list has what the user can reach, and says of the others why not', async () => {
    const listed = await rpc(`${first.url}/mcp`, 'tools/list', {}, { key: keys['cyd'] ?? '' });
    const { tools, _meta } = listed.message?.result as { tools: { name: string }[]; _meta: object };
    expect(tools.map(({ name }) => name)).toContain('plain-echo');
    expect(tools.filter(({ name }) => name.startsWith('own-'))).toEqual([]);
    expect((_meta as Record<string, unknown>)['gatehouse/outcomes']).toMatchObject({
      own: { status: 'user_key_required', url: `${first.url}/connect/own` },
      headed: { status: 'user_values_required' },
      child: { status: 'user_values_required' },
    });
  });

  test('what is kept at one replica is used at the other, and dropping it there ends it here', async () => {
    const elsewhere = adminCaller(second.url, keys['cyd'] ?? '');
    const other = canary('cyd');
    await call('cyd', 'own', first);
    await elsewhere('POST', `${PATH}/own/user-credential`, { credential: other });
    const begin = performance.now();
    await waitFor(async () => (await call('cyd', 'own', first)).message?.result, {
      what: 'the key at the other replica',
    });
    expect(performance.now() - begin).toBeLessThan(CONVERGED_MS);
    expect(sent('authorization')).toEqual([`Bearer ${other}`]);
    await elsewhere('DELETE', `${PATH}/own/user-credential`);
    const dropped = performance.now();
    await waitFor(async () => (await call('cyd', 'own', first)).message?.error, { what: 'the end of the key' });
    expect(performance.now() - dropped).toBeLessThan(CONVERGED_MS);
  });

  test('headers with a value of each user go along; the same for all and the hint do not stand in for them', async () => {
    const missing = (await call('bob', 'headed')).message?.error;
    expect(missing?.message).toContain('X-Workspace');
    expect(missing?.data).toMatchObject({ missing: ['X-Workspace'] });
    expect(upstream.requests).toEqual([]);
    const saved = await as('bob')('POST', `${PATH}/headed/user-env-vars`, { values: { 'X-Workspace': secrets.space } });
    expect(saved.body).toMatchObject({
      server_name: 'headed',
      required: [{ name: 'X-Workspace', description: 'Where you work', is_set: true }],
      missing_count: 0,
    });
    expect((await call('bob', 'headed')).message?.result).toBeDefined();
    expect([sent('x-workspace'), sent('x-region')]).toEqual([[secrets.space], ['eu']]);
    const unknown = await as('bob')('POST', `${PATH}/headed/user-env-vars`, { values: { NOPE: 'x' } });
    expect(unknown.status).toBe(422);
    expect(((await as('ada')('GET', '/v1/mcp/user-env-vars/status')).body as object[]).length).toBe(3);
    const cleared = await as('bob')('POST', `${PATH}/headed/user-env-vars`, { values: { 'X-Workspace': '' } });
    expect(cleared.body).toMatchObject({ missing_count: 1 });
    expect((await call('bob', 'headed')).message?.error).toBeDefined();
  });

  test('a child process runs with the values of its user, and does not start without', async () => {
    expect((await call('ada', 'child', first, 'get-env')).message?.error?.message).toContain('CHILD_TOKEN');
    await as('ada')('POST', `${PATH}/child/user-env-vars`, { values: { CHILD_TOKEN: secrets.child } });
    await as('bob')('POST', `${PATH}/child/user-env-vars`, { values: { CHILD_TOKEN: 'of-bob' } });
    const [ofAda, ofBob] = [await call('ada', 'child', first, 'get-env'), await call('bob', 'child', first, 'get-env')];
    expect(ofAda.text).toContain(secrets.child);
    expect(ofAda.text).toContain('for-everybody');
    expect(ofBob.text).toContain('of-bob');
    expect(ofBob.text).not.toContain(secrets.child);
    await as('ada')('DELETE', `${PATH}/child/user-env-vars`);
    expect((await call('ada', 'child', first, 'get-env')).message?.error?.message).toContain('CHILD_TOKEN');
  });

  test('a process that ends because of one user’s value is not taken from the others', async () => {
    await as('ada')('POST', `${PATH}/picky/user-env-vars`, { values: { PICKY: 'good' } });
    await as('bob')('POST', `${PATH}/picky/user-env-vars`, { values: { PICKY: 'bad' } });
    expect((await call('ada', 'picky', first, 'get-env')).message?.result).toBeDefined();
    for (let tries = 0; tries < 6; tries += 1) {
      expect((await call('bob', 'picky', first, 'get-env')).message?.error).toBeDefined();
    }
    expect((await call('ada', 'picky', first, 'get-env')).message?.result).toBeDefined();
    const { body } = await admin('GET', '/health');
    expect((body as { servers: object[] }).servers).toContainEqual(
      expect.objectContaining({ server_name: 'picky', status: 'healthy' }),
    );
    await as('ada')('DELETE', `${PATH}/picky/user-env-vars`);
  });

  test('users see theirs, admins those of others; a server one may not see is as absent', async () => {
    const { body } = await as('ada')('GET', '/v1/mcp/user-credentials');
    expect((body as { credential_type: string }[]).filter(({ credential_type }) => credential_type === 'byok')).toEqual(
      [
        {
          server_id: expect.any(String),
          server_name: 'own',
          alias: null,
          credential_type: 'byok',
          has_credential: true,
          expires_at: null,
          connected_at: expect.any(String),
          status: 'active',
          reason: null,
        },
      ],
    );
    expect(body).toMatchObject([{ server_name: 'own' }]);
    expect((await as('ada')('GET', `${PATH}/own/user-credentials`)).body).toEqual(body);
    expect((await admin('GET', '/v1/mcp/user-credentials?user_id=ada')).body).toEqual(body);
    expect((await as('bob')('GET', '/v1/mcp/user-credentials?user_id=ada')).status).toBe(403);
    expect((await as('bob')('DELETE', `${PATH}/own/user-credential?user_id=ada`)).status).toBe(403);

    const plain = await as('ada')('POST', `${PATH}/plain/user-credential`, { credential: 'x' });
    expect([plain.status, errorOf(plain)]).toEqual([400, expect.stringContaining('is_byok')]);
    const nobody = await admin('POST', `${PATH}/own/user-credential`, { credential: 'x' });
    expect([nobody.status, errorOf(nobody)]).toEqual([400, expect.stringContaining('User ID')]);
    const denied = await as('ada')('POST', `${PATH}/hidden/user-credential`, { credential: 'x' });
    const absent = await as('ada')('POST', `${PATH}/nothere/user-credential`, { credential: 'x' });
    expect(denied.status).toBe(404);
    expect(String(errorOf(denied)).replace('hidden', 'nothere')).toBe(errorOf(absent));
    const long = await as('ada')('POST', `${PATH}/own/user-credential`, { credential: 'x'.repeat(20_000) });
    expect([long.status, (await as('ada')('POST', `${PATH}/own/user-credential`, {})).status]).toEqual([422, 422]);
  });

  test('a key does not follow its server to another address', async () => {
    const server = {
      server_id: 'moving',
      server_name: 'moving',
      auth_type: 'api_key',
      is_byok: true,
      allow_all_keys: true,
    };
    await admin('POST', PATH, { ...server, url: upstream.url });
    await as('ada')('POST', `${PATH}/moving/user-credential`, { credential: secrets.ada });
    expect((await call('ada', 'moving')).message?.result).toBeDefined();
    expect(sent('x-api-key')).toEqual([secrets.ada]);
    const thief = await fakeUpstream();
    await admin('PUT', `${PATH}/moving`, { url: thief.url });
    expect((await call('ada', 'moving')).message?.error?.message).toContain('address has changed');
    expect(thief.requests).toEqual([]);
    await thief.close();

    await admin('DELETE', `${PATH}/moving`);
    const { body } = await as('ada')('GET', '/v1/mcp/user-credentials');
    expect((body as { server_id: string }[]).map(({ server_id }) => server_id)).not.toContain('moving');
  });

  test('what a user kept goes with them, and no answer, row, audit entry or log held a secret', async () => {
    expect(await first.metrics()).toMatch(/^gatehouse_user_credentials_users(\{[^}]*\})? [1-9]/m);
    const rows = JSON.stringify(await database.query('SELECT * FROM user_credential'));
    expect(rows).toContain('"ada"');
    const audit = JSON.stringify(await database.query('SELECT * FROM audit_entry'));
    expect(audit).toContain('user_credential');
    const all = [answers, rows, audit, first.logs(), second.logs(), await first.metrics()].join('\n');
    expect(findLeaks(all, Object.values(secrets))).toEqual([]);

    await admin('POST', '/user/delete', { user_ids: ['ada'] });
    const left = JSON.stringify(await database.query('SELECT user_id FROM user_credential'));
    expect(left).not.toContain('ada');
  });
});
