import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { runImport } from '../../../src/edge/admin/import/run-import.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { testPostgres, type TestPostgres } from '../../harness/postgres.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

const SALT = 'sk-salt-of-the-former-gateway';
const UPSTREAM_TOKEN = 'canary-upstream-token';
const KEY = 'sk-a-key-of-the-former-gateway';
const OTHER_KEY = 'sk-another-key-of-the-former-one';

let incumbent: TestPostgres;
let gateway: TestGateway;
let upstream: FakeUpstream;

beforeAll(async () => {
  upstream = await fakeUpstream({ tools: [{ name: 'search' }, { name: 'delete' }] });
  incumbent = await testPostgres({ migrated: false });
  await incumbent.query(await readFile(new URL('incumbent-tables.sql', import.meta.url), 'utf8'));
  await incumbent.query(incumbentRows(upstream.url));
  gateway = await startGateway({ config: { mcp_servers: {} }, env: { STORE_MODEL_IN_DB: 'true' } });
});

afterAll(async () => {
  await gateway.close();
  await incumbent.drop();
  await upstream.close();
});

function seal(text: string): string {
  const key = createHash('sha256').update(SALT).digest();
  const nonce = Buffer.alloc(24, 3);
  return Buffer.concat([nonce, xsalsa20poly1305(key, nonce).encrypt(Buffer.from(text))]).toString('base64url');
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

function incumbentRows(url: string): string {
  const credentials = JSON.stringify({ auth_value: seal(UPSTREAM_TOKEN) });
  return `
    INSERT INTO "LiteLLM_UserTable" (user_id, user_email, user_role) VALUES
      ('ada', 'ada@example.com', 'internal_user'), ('root', 'root@example.com', 'proxy_admin');
    INSERT INTO "LiteLLM_OrganizationTable" (organization_id, organization_alias, budget_id) VALUES ('acme', 'Acme', 'b1');
    INSERT INTO "LiteLLM_OrganizationMembership" (user_id, organization_id, user_role) VALUES ('ada', 'acme', 'org_admin');
    INSERT INTO "LiteLLM_ObjectPermissionTable" (object_permission_id, mcp_servers, mcp_tool_permissions) VALUES
      ('p-team', '{srv-wiki}', NULL), ('p-key', '{}', '{"srv-wiki": ["search"]}');
    INSERT INTO "LiteLLM_TeamTable" (team_id, team_alias, organization_id, object_permission_id, members_with_roles) VALUES
      ('devs', 'Developers', 'acme', 'p-team', '[{"role": "admin", "user_id": "ada"}, {"role": "user", "user_id": "gone"}]');
    INSERT INTO "LiteLLM_MCPServerTable" (server_id, server_name, alias, url, transport, auth_type, credentials) VALUES
      ('srv-wiki', 'wiki', 'wiki', '${url}', 'http', 'bearer_token', '${credentials}'),
      ('srv-old', 'old-name', NULL, 'http://127.0.0.1:9/mcp', 'http', 'bearer_token', '{"auth_value": "not-sealed-by-this-salt"}');
    INSERT INTO "LiteLLM_MCPToolsetTable" (toolset_id, toolset_name, tools) VALUES
      ('ts-1', 'reading', '[{"server_id": "srv-wiki", "tool_name": "search"}]');
    INSERT INTO "LiteLLM_Config" VALUES ('litellm_settings', '{"public_mcp_servers": ["srv-wiki"]}'), ('other', '{}');
    INSERT INTO "LiteLLM_EndUserTable" (user_id, alias) VALUES ('customer-1', 'One');
    INSERT INTO "LiteLLM_VerificationToken" (token, key_name, key_alias, user_id, team_id, object_permission_id, tpm_limit, metadata) VALUES
      ('${sha256(KEY)}', 'sk-...eway', 'ide', 'ada', 'devs', 'p-key', 1000, '{"from": "before"}'),
      ('${sha256(OTHER_KEY)}', 'sk-...one', NULL, NULL, 'devs', NULL, NULL, '{}'),
      ('${sha256('sk-session')}', 'sk-...sion', NULL, 'root', 'litellm-dashboard', NULL, NULL, '{}'),
      ('${sha256('sk-orphan')}', 'sk-...phan', NULL, NULL, 'no-such-team', NULL, NULL, '{}');`;
}

async function run(...flags: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await runImport(
    {
      argv: ['litellm', '--database-url', incumbent.url.reveal(), '--config', gateway.configPath, ...flags],
      env: {
        DATABASE_URL: gateway.databaseUrl,
        LITELLM_MASTER_KEY: gateway.key,
        STORE_MODEL_IN_DB: 'true',
        LITELLM_IMPORT_SALT_KEY: SALT,
      },
      cwd: process.cwd(),
    },
    { write: (text) => (out += text), writeError: (text) => (err += text) },
  );
  return { code, out, err };
}

async function tools(key: string): Promise<readonly string[]> {
  const { message } = await rpc(`${gateway.url}/mcp`, 'tools/list', {}, { key });
  const listed = message?.result?.['tools'] as { name: string }[];
  return listed.map(({ name }) => name).toSorted();
}

describe('gatehouse import litellm', () => {
  it('prints what it would do and does nothing with --dry-run', async () => {
    const { code, out } = await run('--dry-run');
    expect(code).toBe(0);
    expect(out).toContain('+ mcp_server wiki');
    expect(out).toContain('+ key sk-...eway (ide)');
    expect(out).toContain('Nothing was written');
    expect(out).not.toContain(UPSTREAM_TOKEN);
    expect((await database('SELECT count(*)::int AS n FROM virtual_key'))[0]).toEqual({ n: 0 });
  });

  it('brings keys, teams and servers over: a key of before lists and calls what it could, on a gateway that runs', async () => {
    const { code, out } = await run();
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringMatching(/servers +2 created/) });
    expect(out).toContain('+ team Developers');
    expect(out).toContain('! team Developers: 1 member without a user row left out');
    expect(out).toContain('credentials.auth_value did not open and is left out: enter it again');
    expect(out).toContain('Server name "old-name" becomes "old_name"');
    expect(out).toContain('! key sk-...sion is left out: it is a session of the web page');
    expect(out).toContain('! key sk-...phan is left out: its team no-such-team is not there');

    expect(await database("SELECT value FROM gateway_setting WHERE key LIKE 'public%'")).toEqual([
      { value: '["srv-wiki"]' },
    ]);
    expect(await tools(KEY)).toEqual(['wiki-search']);
    expect(await tools(OTHER_KEY)).toEqual(['wiki-delete', 'wiki-search']);
    const call = await rpc(`${gateway.url}/mcp/wiki`, 'tools/call', { name: 'search', arguments: {} }, { key: KEY });
    expect(call.message).toHaveProperty('result');
    expect(upstream.requests.at(-1)?.headers.authorization).toBe(`Bearer ${UPSTREAM_TOKEN}`);
  });

  it('keeps what the incumbent knew of a key, and stores no secret in the clear', async () => {
    const [key] = await database(
      'SELECT alias, user_id, team_id, metadata, settings FROM virtual_key WHERE alias IS NOT NULL',
    );
    expect(key).toMatchObject({
      alias: 'ide',
      user_id: 'ada',
      team_id: 'devs',
      metadata: { from: 'before' },
      settings: { tpm_limit: 1000 },
    });
    const rows = await database(
      "SELECT definition::text, secrets FROM mcp_server UNION ALL SELECT coalesce(after::text, ''), '' FROM audit_entry",
    );
    expect(JSON.stringify(rows)).not.toContain(UPSTREAM_TOKEN);
    expect(JSON.stringify(rows)).not.toContain('not-sealed-by-this-salt');
  });

  it('changes nothing when repeated, and names what differs when something changed there', async () => {
    const again = await run();
    expect(again.out).toMatch(/keys +0 created, 0 updated, 2 unchanged, 2 left out/);
    expect(again.out).toMatch(/servers +0 created, 0 updated, 2 unchanged, 0 left out/);
    await incumbent.query(`UPDATE "LiteLLM_VerificationToken" SET blocked = true WHERE key_alias = 'ide'`);
    const changed = await run();
    expect(changed.out).toContain('~ key sk-...eway (ide): blocked');
    const refused = await rpc(`${gateway.url}/mcp`, 'tools/list', {}, { key: KEY });
    expect(refused.status).toBe(401);
  });

  it('says what is wrong with its flags and its database', async () => {
    const output: string[] = [];
    const sink = {
      write: (text: string) => void output.push(text),
      writeError: (text: string) => void output.push(text),
    };
    const input = { env: {}, cwd: process.cwd() };
    expect(await runImport({ ...input, argv: [] }, sink)).toBe(2);
    expect(await runImport({ ...input, argv: ['litellm'] }, sink)).toBe(2);
    expect(await runImport({ ...input, argv: ['--help'] }, sink)).toBe(0);
    expect(output.join('')).toMatch(
      /Only "litellm" is known.*--database-url \(or LITELLM_DATABASE_URL\) is required.*Usage/s,
    );
    const env = { DATABASE_URL: gateway.databaseUrl, LITELLM_MASTER_KEY: gateway.key };
    const argv = ['litellm', '--database-url', gateway.databaseUrl, '--config', gateway.configPath];
    expect(await runImport({ argv, env, cwd: process.cwd() }, sink)).toBe(1);
    expect(output.at(-1)).toContain('has no LiteLLM tables');
  });
});

async function database(sql: string): Promise<Record<string, unknown>[]> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: gateway.databaseUrl });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
