import { adminCaller } from '../../harness/admin-call.js';
import { fakeUpstream } from '../../harness/fake-upstream.js';
import { testPostgres } from '../../harness/postgres.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway } from '../../harness/start-gateway.js';

const CREDENTIAL = 'credential-of-an-upstream';
const OTHER_MASTER_KEY = 'sk-another-master-key-of-this-test';

test('stored credentials are not sealed under the master key: another one opens them all the same (defect 34)', async () => {
  const upstream = await fakeUpstream();
  const database = await testPostgres();
  const config = { general_settings: { store_model_in_db: true } };
  const databaseUrl = database.url.reveal();

  const first = await startGateway({ config, databaseUrl });
  const { status } = await adminCaller(first.url, first.key)('POST', '/v1/mcp/server', {
    server_name: 'sealed',
    url: upstream.url,
    auth_type: 'bearer_token',
    credentials: { auth_value: CREDENTIAL },
  });
  expect(status).toBe(201);
  await first.close();

  const second = await startGateway({ config, databaseUrl, env: { LITELLM_MASTER_KEY: OTHER_MASTER_KEY } });
  const { message } = await rpc(`${second.url}/mcp/sealed`, 'tools/list', {}, { key: OTHER_MASTER_KEY });
  expect(message?.result?.['tools']).toHaveLength(1);
  expect(upstream.seen('tools/list').at(-1)?.headers.authorization).toBe(`Bearer ${CREDENTIAL}`);
  await second.close();

  // Neither in clear text nor under a key that an attacker with the master key has.
  const stored = await database.query('SELECT * FROM mcp_server');
  expect(JSON.stringify(stored)).not.toContain(CREDENTIAL);
  await upstream.close();
  await database.drop();
});
