import { generateKeyPairSync } from 'node:crypto';
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify, type JWTPayload } from 'jose';
import { insertKey, insertOrganization, insertTeam, insertUser } from '../../factory/insert-key.js';
import { adminCaller } from '../../harness/admin-call.js';
import { findLeaks } from '../../harness/canaries.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { testPostgres, type TestPostgres } from '../../harness/postgres.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

const ISSUER = 'https://mcp.example.com';

let upstream: FakeUpstream;
let database: TestPostgres;
/** Of this test alone. */
let gateways: TestGateway[] = [];
let key: string;
let keyId: string;

beforeAll(async () => {
  upstream = await fakeUpstream({ tools: [{ name: 'echo' }] });
  database = await testPostgres();
  await insertOrganization(database.url.reveal(), { id: 'acme' });
  await insertTeam(database.url.reveal(), { id: 'devs', organizationId: 'acme' });
  await insertUser(database.url.reveal(), { id: 'ada', email: 'ada@example.com', role: 'proxy_admin' });
  ({ key, id: keyId } = await insertKey(database.url.reveal(), { userId: 'ada', teamId: 'devs' }));
});

beforeEach(async () => {
  upstream.clearLog();
  await database.query('DELETE FROM signing_key');
  await database.query('DELETE FROM audit_entry');
});

afterEach(async () => {
  await Promise.all(gateways.map((gateway) => gateway.close()));
  gateways = [];
});

afterAll(async () => {
  await upstream.close();
  await database.drop();
});

async function start(
  servers: Record<string, object>,
  general: object = {},
  env: Record<string, string> = {},
): Promise<TestGateway> {
  const mcp_servers = Object.fromEntries(
    Object.entries(servers).map(([name, server]) => [name, { url: upstream.url, ...server }]),
  );
  const gateway = await startGateway({
    config: { mcp_servers, general_settings: general },
    databaseUrl: database.url.reveal(),
    env: { PROXY_BASE_URL: ISSUER, ...env },
  });
  gateways.push(gateway);
  return gateway;
}

/** Calls a tool and answers the headers the server saw. */
async function seen(gateway: TestGateway, server: string, headers: Record<string, string> = {}, as = key) {
  const { message } = await rpc(`${gateway.url}/mcp/${server}`, 'tools/call', { name: 'echo' }, { key: as, headers });
  expect(message?.error).toBeUndefined();
  return upstream.seen('tools/call').at(-1)?.headers ?? {};
}

/** What a server makes of a token, that knows nothing but where the gateway's keys are. */
async function verify(gateway: TestGateway, token: string, audience: string): Promise<JWTPayload> {
  const keys = createRemoteJWKSet(new URL(`${gateway.url}/.well-known/jwks.json`));
  const { payload } = await jwtVerify(token, keys, { issuer: ISSUER, audience, algorithms: ['RS256'] });
  return payload;
}

const bearer = (value: unknown) => String(value).replace(/^Bearer /, '');

test('a server learns who calls, by a token for itself that it checks against the public keys', async () => {
  const gateway = await start({
    plain: { identity_header: true },
    keyed: { identity_header: true, auth_type: 'bearer_token', auth_value: 'token-of-the-server' },
    named: { identity_header: { header: 'X-Who', audience: 'https://named.example.com' } },
    untold: {},
  });
  // Nothing else introduces the gateway there.
  const plain = await verify(gateway, bearer((await seen(gateway, 'plain')).authorization), 'plain');
  expect(plain).toMatchObject({
    sub: 'ada',
    act: { sub: `key:${keyId}` },
    email: 'ada@example.com',
    team: 'devs',
    org: 'acme',
    scope: expect.stringContaining('mcp:tools/call'),
    jti: expect.any(String),
  });
  expect((plain.exp ?? 0) - (plain.iat ?? 0)).toBe(300);
  expect(plain.nbf).toBeLessThanOrEqual(plain.iat ?? 0);

  const keyed = await seen(gateway, 'keyed');
  expect(keyed.authorization).toBe('Bearer token-of-the-server');
  await verify(gateway, String(keyed['x-gatehouse-identity']), 'keyed');

  const named = await seen(gateway, 'named');
  expect(named.authorization).toBeUndefined();
  await verify(gateway, String(named['x-who']), 'https://named.example.com');
  await expect(verify(gateway, String(named['x-who']), 'plain')).rejects.toThrow('aud');

  const untold = await seen(gateway, 'untold');
  expect(untold.authorization ?? untold['x-gatehouse-identity']).toBeUndefined();
  expect(findLeaks(upstream.transcript(), [key, gateway.key])).toEqual([]);
});

describe('servers that are told who calls', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await start({ wiki: { identity_header: true }, mail: { identity_header: true } });
    gateways = [];
  });

  afterAll(() => gateway.close());

  test('every request of a caller carries a token of that caller, lists and sessions too, and never that of another', async () => {
    const { key: other, id: otherId } = await insertKey(database.url.reveal(), {
      teamId: 'devs',
      permission: { servers: ['wiki'] },
    });
    for (const as of [key, other, gateway.key]) {
      upstream.clearLog();
      await rpc(`${gateway.url}/mcp/wiki`, 'tools/list', {}, { key: as });
      await seen(gateway, 'wiki', {}, as);
      const expected = as === key ? 'ada' : as === other ? `key:${otherId}` : 'master';
      const subjects = new Set<string | undefined>();
      for (const { headers } of upstream.requests) {
        subjects.add((await verify(gateway, bearer(headers.authorization), 'wiki')).sub);
      }
      expect([...subjects]).toEqual([expected]);
    }
  });

  test('a client that brings its own credential for the server keeps it; the token goes beside it', async () => {
    const headers = await seen(gateway, 'wiki', { 'x-mcp-wiki-authorization': 'Bearer of-the-client' });
    expect(headers.authorization).toBe('Bearer of-the-client');
    await verify(gateway, String(headers['x-gatehouse-identity']), 'wiki');
    // A client cannot say who it is.
    const forged = await seen(gateway, 'wiki', {
      'x-mcp-wiki-x-gatehouse-identity': 'forged',
      'x-gatehouse-identity': 'forged',
    });
    expect(forged['x-gatehouse-identity']).not.toBe('forged');
  });

  test('a token is signed once for a caller and a server', async () => {
    const calls = await Promise.all(Array.from({ length: 20 }, () => seen(gateway, 'wiki')));
    expect(new Set(calls.map(({ authorization }) => authorization)).size).toBe(1);
    expect((await seen(gateway, 'mail')).authorization).not.toBe(calls[0]?.authorization);
  });
});

test('the setting of all servers, which one of them may decline, with an issuer of its own', async () => {
  const gateway = await start(
    { wiki: {}, mail: { identity_header: false } },
    { identity_header: { issuer: 'https://who.example.com/', ttl_seconds: 60, audience: 'mcp' } },
  );
  const keys = createRemoteJWKSet(new URL(`${gateway.url}/.well-known/jwks.json`));
  const { payload } = await jwtVerify(bearer((await seen(gateway, 'wiki')).authorization), keys, {
    issuer: 'https://who.example.com',
    audience: 'mcp',
  });
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(60);
  expect((await seen(gateway, 'mail')).authorization).toBeUndefined();
});

test("the incumbent's guardrail mcp_jwt_signer is read", async () => {
  const gateway = await startGateway({
    config: {
      mcp_servers: { wiki: { url: upstream.url } },
      guardrails: [
        {
          guardrail_name: 'signer',
          litellm_params: { guardrail: 'mcp_jwt_signer', mode: 'pre_mcp_call', default_on: true, issuer: ISSUER },
        },
      ],
    },
    databaseUrl: database.url.reveal(),
  });
  gateways.push(gateway);
  expect(await verify(gateway, bearer((await seen(gateway, 'wiki')).authorization), 'mcp')).toMatchObject({
    sub: 'ada',
  });
});

test('two replicas that start at once sign with one key, and a rotation overlaps at both', async () => {
  const servers = { wiki: { identity_header: true } };
  const [first, second] = await Promise.all([start(servers), start(servers)]);
  const kidOf = async (gateway: TestGateway) => {
    const token = bearer((await seen(gateway, 'wiki')).authorization);
    // Each replica shows what the other signed with.
    for (const other of gateways) await verify(other, token, 'wiki');
    return decodeProtectedHeader(token).kid;
  };
  const kids = await Promise.all([kidOf(first), kidOf(second)]);
  expect(kids[0]).toBe(kids[1]);
  const published = async (gateway: TestGateway) => {
    const response = await fetch(`${gateway.url}/.well-known/jwks.json`);
    expect(response.headers.get('cache-control')).toBe('public, max-age=300');
    const { keys } = (await response.json()) as { keys: Record<string, unknown>[] };
    return keys;
  };
  expect(await published(second)).toEqual([
    { kty: 'RSA', n: expect.any(String), e: 'AQAB', kid: kids[0], alg: 'RS256', use: 'sig' },
  ]);

  const admin = adminCaller(first.url, first.key);
  const { status, body } = await admin('POST', '/v1/oauth/signing-keys/rotate', {});
  expect(status).toBe(200);
  expect(body).toMatchObject({
    keys: [
      { kid: expect.not.stringMatching(String(kids[0])), is_signing: false, published_until: null },
      { kid: kids[0], is_signing: true, published_until: expect.any(String) },
    ],
  });
  // The next key is shown before it signs.
  await waitFor(async () => (await published(second)).length === 2);
  expect(await kidOf(second)).toBe(kids[0]);

  // A key that is not to be trusted is gone at once, and so is what it signed.
  const before = bearer((await seen(second, 'wiki')).authorization);
  await admin('POST', '/v1/oauth/signing-keys/rotate', { immediately: true });
  await waitFor(async () => (await published(second)).length === 1);
  await expect(verify(second, before, 'wiki')).rejects.toThrow();
  const fresh = await waitFor(async () => {
    const kid = decodeProtectedHeader(bearer((await seen(second, 'wiki')).authorization)).kid;
    return kid !== kids[0] && kid;
  });
  expect((await published(first)).map(({ kid }) => kid)).toEqual([fresh]);

  // The private halves are sealed, the writes are in the audit.
  const dump = JSON.stringify(await database.query('SELECT * FROM signing_key'));
  expect(dump).not.toContain('PRIVATE KEY');
  const audit = await database.query(`SELECT action FROM audit_entry WHERE object_kind = 'signing_key' ORDER BY id`);
  expect(audit.map(({ action }) => action)).toEqual(['created', 'rotated', 'rotated']);
});

test('MCP_JWT_SIGNING_KEY is the one key, and nobody rotates it from here', async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const env = { MCP_JWT_SIGNING_KEY: pem.replaceAll('\n', '\\n') };
  const gateway = await start({ wiki: { identity_header: true } }, {}, env);
  await verify(gateway, bearer((await seen(gateway, 'wiki')).authorization), 'wiki');
  const answer = await adminCaller(gateway.url, gateway.key)('POST', '/v1/oauth/signing-keys/rotate', {});
  expect(answer.status).toBe(409);
  expect(await database.query('SELECT id FROM signing_key')).toEqual([]);
  expect(findLeaks(gateway.logs(), [pem.split('\n')[3] ?? pem])).toEqual([]);
});

test('without a key nothing is sent', async () => {
  const gateway = await start({ wiki: { identity_header: true } });
  await database.query('ALTER TABLE signing_key RENAME TO elsewhere');
  upstream.clearLog();
  const { message } = await rpc(`${gateway.url}/mcp/wiki`, 'tools/call', { name: 'echo' }, { key });
  expect(message?.error?.data).toMatchObject({ server: 'wiki', reason: 'who calls cannot be signed' });
  expect(upstream.requests).toEqual([]);
  await database.query('ALTER TABLE elsewhere RENAME TO signing_key');
});
