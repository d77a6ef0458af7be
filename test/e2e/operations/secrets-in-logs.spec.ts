import { canary, findLeaks } from '../../harness/canaries.js';
import { fakeUpstream } from '../../harness/fake-upstream.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway } from '../../harness/start-gateway.js';
import { deadPort, unauthorizedStorm } from '../../harness/bad-upstreams.js';

/** Defect 54: configuration and headers were logged at debug level, secrets and all. */
test('nothing secret is in the log at trace level, in metrics or in answers, whatever fails', async () => {
  const secrets = {
    authValue: canary('auth-value'),
    basic: canary('basic'),
    staticHeader: canary('static-header'),
    env: canary('env'),
    urlPassword: canary('url-password'),
    perServer: canary('per-server'),
    forAll: canary('for-all'),
    upstreamOAuth: canary('upstream-oauth'),
    wrongKey: `sk-${canary('wrong-key')}`,
    probe: canary('probe'),
    argument: canary('argument'),
    result: canary('result'),
  };
  const all = Object.values(secrets);
  const good = await fakeUpstream({
    tools: [{ name: 'echo', inputSchema: { type: 'object' }, run: () => secrets.result }],
    accepts: (headers) => headers.authorization !== undefined || headers['x-token'] !== undefined,
  });
  const [refusing, dead] = [await unauthorizedStorm(), await deadPort()];
  const deadUrl = new URL(dead.url);
  deadUrl.username = 'user';
  deadUrl.password = secrets.urlPassword;
  const gateway = await startGateway({
    env: { LOG_LEVEL: 'trace' },
    config: {
      general_settings: { stdio: { enabled: true, allowed_commands: ['node'] } },
      mcp_servers: {
        good: {
          url: good.url,
          transport: 'http',
          auth_type: 'bearer_token',
          auth_value: secrets.authValue,
          extra_headers: ['Authorization', 'X-Extra'],
        },
        refusing: { url: refusing.url, transport: 'http', auth_type: 'basic', auth_value: `me:${secrets.basic}` },
        headed: { url: dead.url, transport: 'http', static_headers: { 'X-Token': secrets.staticHeader } },
        dead: { url: deadUrl.href, transport: 'http' },
        child: { command: 'node', args: ['-e', 'process.exit(1)'], env: { TOKEN: secrets.env } },
      },
    },
  });
  const headers = {
    'x-mcp-good-x-token': secrets.perServer,
    'x-mcp-auth': secrets.forAll,
    authorization: `Bearer ${secrets.upstreamOAuth}`,
    cookie: `session=${secrets.forAll}`,
  };
  const answers: string[] = [];
  const ask = async (method: string, params: object, key: string): Promise<void> => {
    answers.push((await rpc(`${gateway.url}/mcp`, method, params, { key, headers })).text);
  };
  await ask('tools/list', {}, gateway.key);
  await ask('tools/list', {}, secrets.wrongKey);
  await ask('tools/call', { name: 'good-missing', arguments: { value: secrets.argument } }, gateway.key);
  for (const name of ['refusing-x', 'headed-x', 'dead-x', 'child-x'])
    await ask('tools/call', { name, arguments: {} }, gateway.key);
  await rpc(
    `${gateway.url}/mcp`,
    'tools/call',
    { name: 'good-echo', arguments: { value: secrets.argument } },
    { key: gateway.key, headers },
  );
  for (const server of [
    { url: dead.url, transport: 'http', credentials: { auth_value: secrets.probe }, auth_type: 'api_key' },
    { url: secrets.probe, auth_type: 'bearer_token', auth_value: [secrets.probe] },
    { command: 'node', args: ['-e', '1'], env: { TOKEN: secrets.probe } },
  ]) {
    const response = await fetch(`${gateway.url}/mcp-rest/test/connection`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': gateway.key },
      body: JSON.stringify(server),
    });
    answers.push(await response.text());
  }
  for (const path of ['/health', '/health/readiness']) {
    answers.push(await (await fetch(`${gateway.url}${path}`, { headers: { 'x-api-key': gateway.key } })).text());
  }
  const metrics = await gateway.metrics();
  await gateway.writeConfig(`mcp_servers: { good: { url: "${secrets.probe}", auth_value: [${secrets.probe}] } }`);
  await gateway.close();
  const log = gateway.logs();
  expect(log.length).toBeGreaterThan(1_000);
  expect(findLeaks(log, [...all, gateway.key])).toEqual([]);
  expect(findLeaks(metrics, [...all, gateway.key])).toEqual([]);
  expect(findLeaks(answers.join('\n'), [...all, gateway.key])).toEqual([]);
  await Promise.all([good.close(), refusing.close(), dead.close()]);
});
