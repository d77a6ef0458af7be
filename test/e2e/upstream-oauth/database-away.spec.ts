import { fakeUpstream } from '../../harness/fake-upstream.js';
import { testPostgres } from '../../harness/postgres.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway } from '../../harness/start-gateway.js';
import { tokenServer } from '../../harness/token-server.js';
import { waitFor } from '../../harness/wait-for.js';

/** Security page §2: tokens are shared through the database, but no call depends on that. */
test('with the database away a refused token is replaced all the same', async () => {
  const tokens = await tokenServer();
  const upstream = await fakeUpstream({ accepts: ({ authorization }) => tokens.accepts(authorization) });
  const [database, admin] = [await testPostgres(), await testPostgres()];
  const name = new URL(database.url.reveal()).pathname.slice(1);
  const gateway = await startGateway({
    databaseUrl: database.url.reveal(),
    config: {
      mcp_servers: {
        machine: {
          url: upstream.url,
          transport: 'http',
          auth_type: 'oauth2',
          client_id: 'machine',
          client_secret: 'machine-secret',
          token_url: tokens.tokenUrl,
        },
      },
    },
  });
  const call = async (): Promise<unknown> => {
    const headers = { 'x-litellm-api-key': gateway.key };
    const params = { name: 'echo', arguments: {} };
    return (await rpc(`${gateway.url}/mcp/machine`, 'tools/call', params, { headers })).message?.result;
  };
  try {
    expect(await call()).toBeDefined();
    await admin.query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS false`);
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
    await waitFor(async () => (await fetch(`${gateway.url}/health/readiness`)).status === 503);
    tokens.revokeAll();
    expect(await call()).toBeDefined();
    expect(tokens.grants).toHaveLength(2);
  } finally {
    await admin.query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS true`);
    await gateway.close();
    await Promise.all([database.drop(), admin.drop(), upstream.close(), tokens.close()]);
  }
});
