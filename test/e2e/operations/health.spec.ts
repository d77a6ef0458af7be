import { deadPort } from '../../harness/bad-upstreams.js';
import { fakeUpstream } from '../../harness/fake-upstream.js';
import { testPostgres } from '../../harness/postgres.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

async function read(
  gateway: TestGateway,
  path: string,
  withKey = true,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const headers: Record<string, string> = withKey ? { 'x-api-key': gateway.key } : {};
  const response = await fetch(`${gateway.url}${path}`, { headers });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('readiness', () => {
  test('is lost while the database is away and comes back with it; liveness stays', async () => {
    const database = await testPostgres();
    const gateway = await startGateway({ databaseUrl: database.url.reveal() });
    const name = new URL(database.url.reveal()).pathname.slice(1);
    const admin = await testPostgres();
    try {
      expect(await read(gateway, '/health/readiness')).toMatchObject({ status: 200, body: { database: 'connected' } });
      await admin.query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS false`);
      await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name]);
      const lost = await waitFor(async () => {
        const answer = await read(gateway, '/health/readiness');
        return answer.status === 503 && answer;
      });
      expect(lost.body).toMatchObject({ status: 'unhealthy', database: 'unreachable', draining: false });
      expect((await read(gateway, '/health/readiness', false)).body).toEqual({ status: 'unhealthy' });
      expect((await fetch(`${gateway.url}/health/liveliness`)).status).toBe(200);
      await admin.query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS true`);
      await waitFor(async () => (await read(gateway, '/health/readiness')).status === 200);
    } finally {
      await admin.query(`ALTER DATABASE ${name} WITH ALLOW_CONNECTIONS true`);
      await gateway.close();
      await database.drop();
      await admin.drop();
    }
  });

  test('shows administrators what is set aside and whether the file can still be used', async () => {
    const gateway = await startGateway({
      config: {
        mcp_servers: {
          good: { url: 'http://127.0.0.1:9/mcp' },
          later: {
            url: 'http://127.0.0.1:9/mcp',
            auth_type: 'true_passthrough',
          },
        },
      },
    });
    expect((await read(gateway, '/health/readiness')).body).toMatchObject({
      registry: { servers: 1, in_sync: true, last_error: null, rejected: [{ name: 'later', origin: 'file' }] },
    });
    await gateway.writeConfig('mcp_servers: { good: { url: 7 } }');
    const { body } = await waitFor(async () => {
      const answer = await read(gateway, '/health/readiness');
      const { in_sync: inSync } = answer.body['registry'] as { in_sync: boolean };
      return !inSync && answer;
    });
    expect(body).toMatchObject({
      status: 'healthy',
      registry: { servers: 1, last_error: expect.stringContaining('good') as string },
    });
    expect(await gateway.metrics()).toMatch(/^gatehouse_registry_in_sync 0$/m);
    await gateway.close();
  });
});

describe('what operators see of servers and calls', () => {
  test('a dead server is unhealthy with its reason; calls are counted by method, server and outcome', async () => {
    const [good, dead] = [await fakeUpstream(), await deadPort()];
    const gateway = await startGateway({
      config: {
        mcp_servers: { good: { url: good.url, transport: 'http' }, dead: { url: dead.url, transport: 'http' } },
      },
    });
    expect((await read(gateway, '/health')).body).toMatchObject({
      status: 'healthy',
      servers: [
        { server_name: 'dead', status: 'unknown', since: null },
        { server_name: 'good', status: 'unknown' },
      ],
    });
    const options = { key: gateway.key };
    await rpc(`${gateway.url}/mcp`, 'tools/list', {}, options);
    await rpc(`${gateway.url}/mcp`, 'tools/call', { name: 'good-echo', arguments: {} }, options);
    await rpc(`${gateway.url}/mcp`, 'tools/call', { name: 'no-such', arguments: {} }, options);
    for (let attempt = 0; attempt < 3; attempt += 1) await rpc(`${gateway.url}/mcp`, `made/up-${attempt}`, {}, options);
    expect((await read(gateway, '/health')).body).toMatchObject({
      status: 'degraded',
      servers: [
        {
          server_name: 'dead',
          status: expect.stringMatching(/unhealthy|open/) as string,
          last_error: expect.stringMatching(/./) as string,
        },
        { server_name: 'good', status: 'healthy', last_error: null },
      ],
    });
    const metrics = await gateway.metrics();
    expect(metrics).toContain('gatehouse_calls_total{method="tools/call",server="good",outcome="ok"} 1');
    expect(metrics).toContain('gatehouse_calls_total{method="tools/call",server="",outcome="access/unknown_tool"} 1');
    expect(metrics).toContain('gatehouse_calls_total{method="other",server="",outcome="rpc/method_not_found"} 3');
    expect(metrics).toContain('gatehouse_call_duration_seconds_count{method="tools/call",server="good"} 1');
    expect(metrics).toContain('gatehouse_call_duration_seconds_bucket{le="+Inf",method="tools/call",server="good"} 1');
    expect(metrics).toMatch(/gatehouse_list_outcomes_total\{server="good",status="ok"\} [1-9]/);
    expect(metrics).toMatch(/gatehouse_list_outcomes_total\{server="dead",status="upstream\/[a-z_]+"\} [1-9]/);
    expect(metrics).toContain('process_resident_memory_bytes');
    expect(metrics).not.toContain('made/up');
    await gateway.close();
    await good.close();
  });
});
