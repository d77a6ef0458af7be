import { randomUUID } from 'node:crypto';
import { runRotateSalt } from '../../../src/edge/admin/salt/run-rotate-salt.js';
import { Secret } from '../../../src/core/model/secret.js';
import { SEALED_COLUMNS, type SealedColumn } from '../../../src/platform/crypto/sealed-columns.js';
import { Sealer } from '../../../src/platform/crypto/sealer.js';
import { adminCaller } from '../../harness/admin-call.js';
import { canary, findLeaks } from '../../harness/canaries.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { testPostgres, type TestPostgres } from '../../harness/postgres.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { TEST_MASTER_KEY } from '../../harness/test-master-key.js';
import { waitFor } from '../../harness/wait-for.js';

const OLD = 'the-salt-of-yesterday';
const NEW = 'the-salt-of-tomorrow';
const config = { general_settings: { store_model_in_db: true } };

let upstream: FakeUpstream;
let database: TestPostgres;
const gateways: TestGateway[] = [];

beforeEach(async () => {
  upstream = await fakeUpstream({ tools: [{ name: 'echo' }] });
  database = await testPostgres();
});

afterEach(async () => {
  await Promise.all(gateways.splice(0).map((gateway) => gateway.close()));
  await database.drop();
  await upstream.close();
});

async function replica(env: Record<string, string>): Promise<TestGateway> {
  const gateway = await startGateway({ config, databaseUrl: database.url.reveal(), env });
  gateways.push(gateway);
  return gateway;
}

async function addServer(gateway: TestGateway, name: string, token: string): Promise<void> {
  const { status } = await adminCaller(gateway.url, gateway.key)('POST', '/v1/mcp/server', {
    server_name: name,
    url: upstream.url,
    auth_type: 'bearer_token',
    credentials: { auth_value: token },
  });
  expect(status).toBe(201);
  const path = `/v1/mcp/server/${name}`;
  for (const { url, key } of gateways)
    await waitFor(async () => (await adminCaller(url, key)('GET', path)).status === 200);
}

/** Lists the tools of a server and answers the credential its upstream saw; undefined when there is no such server. */
async function credentialSent(gateway: TestGateway, name: string): Promise<string | undefined> {
  const { message } = await rpc(`${gateway.url}/mcp/${name}`, 'tools/call', { name: 'echo' }, { key: gateway.key });
  return message?.result === undefined ? undefined : upstream.seen('tools/call').at(-1)?.headers.authorization;
}

async function rotate(env: Record<string, string>, ...flags: string[]) {
  let out = '';
  let err = '';
  const code = await runRotateSalt(
    {
      argv: [...flags, '--config', gateways[0]?.configPath ?? ''],
      env: { DATABASE_URL: database.url.reveal(), LITELLM_MASTER_KEY: TEST_MASTER_KEY, ...env },
      cwd: process.cwd(),
    },
    { write: (text) => (out += text), writeError: (text) => (err += text) },
  );
  return { code, out, err };
}

const dump = async () => JSON.stringify(await database.query('SELECT * FROM mcp_server ORDER BY id'));
const sealed = async () =>
  (await database.query('SELECT secrets FROM mcp_server ORDER BY id')).map((row) => String(row['secrets']));

test('the salt changes while two replicas serve calls: none fails, and the new salt alone opens everything afterwards', async () => {
  const both = { LITELLM_SALT_KEY: OLD, LITELLM_SALT_KEY_NEXT: NEW };
  const [first, second] = [
    await replica(both),
    await replica({ LITELLM_SALT_KEY: NEW, LITELLM_SALT_KEY_PREVIOUS: OLD }),
  ];
  const tokens = [canary('one'), canary('two'), canary('three')];
  for (const [index, token] of tokens.entries()) await addServer(index === 2 ? second : first, `server${index}`, token);
  const old = await sealed();

  let running = true;
  let calls = 0;
  const caller = async (gateway: TestGateway, index: number): Promise<void> => {
    while (running) {
      const name = `server${index % 2}`;
      const { message } = await rpc(`${gateway.url}/mcp/${name}`, 'tools/call', { name: 'echo' }, { key: gateway.key });
      expect(message?.error).toBeUndefined();
      calls += 1;
    }
  };
  const callers = [caller(first, 0), caller(second, 0), caller(first, 1), caller(second, 1)];
  const { code, out } = await rotate({ LITELLM_SALT_KEY: NEW, LITELLM_SALT_KEY_PREVIOUS: OLD }, '--batch', '1');
  // Replicas that read the rows again open them still.
  await addServer(first, 'later', canary('later'));
  running = false;
  await Promise.all(callers);
  expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('2 sealed anew') });
  expect(calls).toBeGreaterThan(4);
  expect(await credentialSent(second, 'later')).toMatch(/^Bearer canary-later/);

  // What a replica sealed under the former salt afterwards is found by the next run, and only that is touched.
  const between = await sealed();
  expect(between.filter((text) => old.includes(text))).toHaveLength(1);
  const again = await rotate({ LITELLM_SALT_KEY: NEW, LITELLM_SALT_KEY_PREVIOUS: OLD });
  expect(again.out).toContain('1 sealed anew');
  expect((await sealed()).filter((text) => between.includes(text))).toHaveLength(3);

  const last = await replica({ LITELLM_SALT_KEY: NEW });
  for (const [index, token] of tokens.entries()) {
    expect(await credentialSent(last, `server${index}`)).toBe(`Bearer ${token}`);
  }
  expect(findLeaks(await dump(), [...tokens, OLD, NEW])).toEqual([]);
});

test('a second run changes nothing: what is sealed is opened before it is sealed again, never sealed twice (defect 33)', async () => {
  const gateway = await replica({ LITELLM_SALT_KEY: OLD });
  await addServer(gateway, 'wiki', 'token-of-the-wiki');
  const env = { LITELLM_SALT_KEY: NEW, LITELLM_SALT_KEY_PREVIOUS: OLD };
  const before = await sealed();
  expect(await rotate(env, '--dry-run')).toMatchObject({
    code: 0,
    out: expect.stringContaining('mcp_server.secrets: 1 sealed, 1 under another salt, 0 that do not open'),
  });
  expect(await sealed()).toEqual(before);
  expect(await rotate(env)).toMatchObject({ code: 0 });
  const once = await sealed();
  expect(once).not.toEqual(before);
  expect(await rotate(env)).toMatchObject({ code: 0, out: expect.stringContaining('0 sealed anew') });
  expect(await sealed()).toEqual(once);
});

test('a run that is interrupted is simply repeated: what was done stays, the rest is done then', async () => {
  const gateway = await replica({ LITELLM_SALT_KEY: OLD });
  for (const name of ['one', 'two', 'three']) await addServer(gateway, name, `token-${name}`);
  const env = { LITELLM_SALT_KEY: NEW, LITELLM_SALT_KEY_PREVIOUS: OLD };
  const before = await sealed();
  const interrupted = runRotateSalt(
    {
      argv: ['--batch', '1', '--config', gateway.configPath],
      env: { DATABASE_URL: database.url.reveal(), LITELLM_MASTER_KEY: TEST_MASTER_KEY, ...env },
      cwd: process.cwd(),
    },
    {
      write: () => undefined,
      writeError: () => {
        throw new Error('interrupted after the first batch');
      },
    },
  );
  await expect(interrupted).rejects.toThrow('interrupted');
  const between = await sealed();
  expect(between.filter((text) => before.includes(text))).toHaveLength(2);
  expect(await rotate(env)).toMatchObject({ code: 0, out: expect.stringContaining('2 sealed anew') });
  const last = await replica({ LITELLM_SALT_KEY: NEW });
  for (const name of ['one', 'two', 'three']) expect(await credentialSent(last, name)).toBe(`Bearer token-${name}`);
});

test('rows that open under no salt are named and nothing is written; their server is set aside, the sealed text is never sent (defect 32)', async () => {
  const gateway = await replica({ LITELLM_SALT_KEY: OLD });
  await addServer(gateway, 'readable', 'token-a');
  const lost = await replica({ LITELLM_SALT_KEY: 'a-salt-that-was-lost' });
  await addServer(lost, 'unreadable', 'token-b');
  const before = await sealed();
  const env = { LITELLM_SALT_KEY: NEW, LITELLM_SALT_KEY_PREVIOUS: OLD };

  const [{ id = '' } = {}] = await database.query(`SELECT id FROM mcp_server WHERE name = 'unreadable'`);
  expect(await rotate(env)).toMatchObject({ code: 1, err: expect.stringContaining(`mcp_server id=${String(id)}`) });
  expect(await sealed()).toEqual(before);

  const calls = upstream.requests.length;
  expect(await credentialSent(gateway, 'unreadable')).toBeUndefined();
  expect(upstream.requests.length).toBe(calls);

  // The others go on when the operator says so.
  expect(await rotate(env, '--skip-unreadable')).toMatchObject({
    code: 1,
    out: expect.stringContaining('1 sealed anew'),
  });
  const last = await replica({ LITELLM_SALT_KEY: NEW });
  expect(await credentialSent(last, 'readable')).toBe('Bearer token-a');
  expect(await credentialSent(last, 'unreadable')).toBeUndefined();
});

test('an installation without a salt is given one: the secret of its database opens, and can be dropped when all is sealed anew', async () => {
  const gateway = await replica({});
  await addServer(gateway, 'wiki', 'token-of-the-wiki');
  const salted = await replica({ LITELLM_SALT_KEY: NEW });
  expect(await credentialSent(salted, 'wiki')).toBe('Bearer token-of-the-wiki');
  expect(await rotate({ LITELLM_SALT_KEY: NEW }, '--drop-database-secret')).toMatchObject({
    code: 0,
    out: expect.stringContaining('was removed'),
  });
  expect(await database.query(`SELECT key FROM gateway_setting WHERE key = 'sealing_secret'`)).toEqual([]);
  expect(await credentialSent(await replica({ LITELLM_SALT_KEY: NEW }), 'wiki')).toBe('Bearer token-of-the-wiki');
});

test('without LITELLM_SALT_KEY nothing is sealed anew, under the master key least of all (defect 34)', async () => {
  const gateway = await replica({ LITELLM_SALT_KEY: OLD });
  await addServer(gateway, 'wiki', 'token-of-the-wiki');
  const before = await sealed();
  expect(await rotate({})).toMatchObject({ code: 1, err: expect.stringContaining('LITELLM_SALT_KEY is not set') });
  // The master key as the former salt opens nothing: it never was one.
  const asMaster = await rotate({ LITELLM_SALT_KEY: NEW, LITELLM_SALT_KEY_PREVIOUS: TEST_MASTER_KEY });
  expect(asMaster).toMatchObject({ code: 1 });
  expect(await sealed()).toEqual(before);
});

/** Puts a row into the table of a sealed column: its key, what is sealed, and anything for whatever else must not be null. */
async function insertSealed(column: SealedColumn, key: Record<string, string>, sealed: string): Promise<void> {
  const required = await database.query(
    `SELECT column_name AS name, data_type AS type FROM information_schema.columns
     WHERE table_name = '${column.table}' AND is_nullable = 'NO' AND column_default IS NULL`,
  );
  const values = new Map<string, string>();
  for (const { name, type } of required) values.set(String(name), ANYTHING[String(type)] ?? `'${randomUUID()}'`);
  for (const [name, value] of Object.entries(key)) values.set(name, `'${value}'`);
  values.set(column.column, `'${sealed}'`);
  const names = [...values.keys()].map((name) => `"${name}"`).join(', ');
  // Without triggers: whom a row belongs to is not the question here.
  await database.query(
    `SET session_replication_role = replica; INSERT INTO "${column.table}" (${names}) VALUES (${[...values.values()].join(', ')})`,
  );
}

const ANYTHING: Readonly<Record<string, string>> = {
  'timestamp with time zone': `now() + interval '1 hour'`,
  jsonb: `'{}'`,
  boolean: 'false',
  integer: '0',
  uuid: 'gen_random_uuid()',
};

const COLUMNS: readonly (readonly [name: string, column: SealedColumn])[] = Object.entries(SEALED_COLUMNS);

test('every sealed column is sealed anew, in pages, whatever its key is', async () => {
  await replica({ LITELLM_SALT_KEY: OLD });
  const keyOf = (column: SealedColumn, index: number) =>
    Object.fromEntries(
      Object.entries(column.key).map(([name, type]) => [name, type === 'uuid' ? randomUUID() : `${name}-${index}`]),
    );
  for (const [name, column] of COLUMNS) {
    const sealer = new Sealer(new Secret(OLD), column.purpose);
    for (let index = 0; index < 5; index += 1) {
      const key = keyOf(column, index);
      await insertSealed(column, key, sealer.seal(`${name} ${index}`, column.owner(key)));
    }
  }
  const { code, out } = await rotate({ LITELLM_SALT_KEY: NEW, LITELLM_SALT_KEY_PREVIOUS: OLD }, '--batch', '2');
  expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining(`${COLUMNS.length * 5} sealed anew`) });
  for (const [name, column] of COLUMNS) {
    const sealer = new Sealer(new Secret(NEW), column.purpose);
    const keys = Object.keys(column.key);
    const rows = await database.query(
      `SELECT ${keys.map((each) => `"${each}"::text AS "${each}"`).join(', ')}, "${column.column}" AS sealed FROM "${column.table}"`,
    );
    const opened = rows.map(({ sealed: text, ...key }) =>
      sealer.open(String(text), column.owner(key as Record<string, string>)),
    );
    expect(opened.sort()).toEqual([0, 1, 2, 3, 4].map((index) => `${name} ${index}`));
  }
});

test.each([
  [['--nonsense'], 'Unknown option'],
  [['--batch', '0'], '--batch must be'],
  [['later'], 'Unexpected argument'],
])('%j is refused with code 2', async (flags, reason) => {
  let err = '';
  const input = { argv: flags, env: {}, cwd: process.cwd() };
  const code = await runRotateSalt(input, { write: () => undefined, writeError: (text) => (err += text) });
  expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(reason) });
});
