import pg from 'pg';
import { adminCaller, type AdminCaller } from '../../harness/admin-call.js';
import { canary, findLeaks } from '../../harness/canaries.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

const PATH = '/v1/mcp/server';

let gateway: TestGateway;
let upstream: FakeUpstream;
let admin: AdminCaller;
const answers: string[] = [];

const token = canary('token');
const header = canary('header');
const variable = canary('variable');
const clientSecret = canary('client');
const user = canary('user');
const query = canary('query');
const segment = `${canary('segment')}0123456789`;
const secrets = [token, header, variable, clientSecret, user, query, segment];

beforeAll(async () => {
  upstream = await fakeUpstream();
  gateway = await startGateway({
    config: { general_settings: { store_model_in_db: true, stdio: { enabled: true, allowed_commands: ['node'] } } },
  });
  const call = adminCaller(gateway.url, gateway.key);
  admin = async (method, path, body) => {
    const answer = await call(method, path, body);
    answers.push(`${method} ${path} ${JSON.stringify(answer.body)}`);
    return answer;
  };
});

afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

/** Every row of every table, as text. */
async function dump(): Promise<string> {
  const client = new pg.Client({ connectionString: gateway.databaseUrl });
  await client.connect();
  try {
    const tables = await client.query<{ name: string }>(
      `SELECT quote_ident(table_name) AS name FROM information_schema.tables WHERE table_schema = 'public'`,
    );
    const texts: string[] = [];
    for (const { name } of tables.rows) {
      texts.push(JSON.stringify((await client.query(`SELECT row_to_json(t)::text AS row FROM ${name} t`)).rows));
    }
    return texts.join('\n');
  } finally {
    await client.end();
  }
}

test('secrets of servers are in no answer, no row of the database, no log line, no metric (defects 22, 54, 55)', async () => {
  const created = await admin('POST', PATH, {
    server_id: 'held',
    server_name: 'held',
    url: upstream.url,
    auth_type: 'bearer_token',
    credentials: { auth_value: token, client_secret: clientSecret },
    static_headers: { 'X-Secret': header },
    allow_all_keys: true,
  });
  expect(created.status).toBe(201);
  const address = `${upstream.origin.replace('//', `//${user}:pw@`)}/s/${segment}/mcp?key=${query}`;
  expect((await admin('POST', PATH, { server_name: 'addressed', url: address })).status).toBe(201);
  expect(
    (
      await admin('POST', PATH, {
        server_name: 'process',
        command: 'node',
        args: ['-e', 'setInterval(() => {}, 1000)'],
        env: { API_KEY: variable },
        timeout: 0.2,
      })
    ).status,
  ).toBe(201);
  // Refusals tell of the body too.
  await admin('POST', PATH, {
    server_name: 'held',
    url: address,
    auth_type: 'nope',
    credentials: { auth_value: token },
  });
  await admin('POST', PATH, { server_name: 'a-b', url: address, static_headers: { 'X y': header }, env: variable });
  await admin('PUT', `${PATH}/held`, { url: address });
  await admin('PUT', `${PATH}/held`, { credentials: { auth_value: `${token}2` } });
  for (const path of [PATH, `${PATH}/held`, `${PATH}/addressed`, `${PATH}/process`, `${PATH}/health`]) {
    await admin('GET', path);
  }
  await admin('POST', `${PATH}/import`, {
    mcpServers: { imported: { url: address, headers: { Authorization: `Bearer ${token}` } }, 'b@d': { url: address } },
  });
  await admin('POST', '/v1/mcp/make_public', { mcp_server_ids: ['held', 'addressed'] });
  await admin('GET', '/public/mcp_hub');
  answers.push((await rpc(`${gateway.url}/mcp`, 'tools/list', {}, { key: gateway.key })).text);

  // The secrets are in use.
  expect(upstream.seen('tools/list').some(({ headers }) => headers['x-secret'] === header)).toBe(true);
  expect(upstream.transcript()).toContain(token);

  expect(answers.filter((answer) => findLeaks(answer, secrets).length > 0)).toEqual([]);
  expect(findLeaks(await gateway.metrics(), secrets)).toEqual([]);
  expect(findLeaks(gateway.logs(), secrets)).toEqual([]);
  expect(findLeaks(await dump(), secrets)).toEqual([]);
});

test('the audit tells that a secret changed, by fingerprint (defect 55)', async () => {
  const client = new pg.Client({ connectionString: gateway.databaseUrl });
  await client.connect();
  const { rows } = await client.query<{ action: string; before: unknown; after: unknown }>(
    `SELECT action, before, after FROM audit_entry WHERE object_kind = 'mcp_server' AND object_id = 'held' ORDER BY id`,
  );
  await client.end();
  expect(rows.map(({ action }) => action)).toEqual(['created', 'updated']);
  const [created, updated] = rows as { before: Record<string, string>; after: Record<string, string> }[];
  expect(created?.after['auth_value']).toMatch(/^sha256:[0-9a-f]{12}$/);
  expect(updated?.before['auth_value']).toBe(created?.after['auth_value']);
  expect(updated?.after['auth_value']).not.toBe(created?.after['auth_value']);
  expect(updated?.after['client_secret']).toBe(created?.after['client_secret']);
});
