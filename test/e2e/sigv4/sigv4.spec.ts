import { loadConfiguration } from '../../../src/platform/config/load-configuration.js';
import { adminCaller } from '../../harness/admin-call.js';
import { createGatewayFolder } from '../../harness/config-file.js';
import { startFixture } from '../../conformance/fixture/start-fixture.js';
import { canary, findLeaks } from '../../harness/canaries.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { connectV1 } from '../../harness/mcp-client.js';
import { testPostgres } from '../../harness/postgres.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';
import { startSignatureGate, startSts } from './aws-fixture.js';
import type { KnownKeys } from './verify-signature.js';

const REGION = 'eu-central-1';
const SERVICE = 'bedrock-agentcore';
/** AgentCore wants the ARN of the runtime as one encoded segment. */
const PATH =
  '/runtimes/arn%3Aaws%3Abedrock-agentcore%3Aeu-central-1%3A123456789012%3Aruntime%2Fmcp/invocations?qualifier=DEFAULT';
const ROLE = 'arn:aws:iam::123456789012:role/mcp';

const SECRET = canary('aws-secret');
const TOKEN = canary('aws-session');
const OWN: KnownKeys = new Map([['AKIDOWN', { secret: SECRET, token: TOKEN }]]);
const own = {
  aws_access_key_id: 'AKIDOWN',
  aws_secret_access_key: SECRET,
  aws_session_token: TOKEN,
  aws_region_name: REGION,
};

let upstream: FakeUpstream;
let gateway: TestGateway | undefined;

beforeEach(async () => {
  upstream = await fakeUpstream({ stateful: true, tools: [{ name: 'echo' }] });
});

afterEach(async () => {
  await gateway?.close();
  gateway = undefined;
  await upstream.close();
});

async function start(server: object, env: Record<string, string> = {}): Promise<TestGateway> {
  gateway = await startGateway({
    config: { mcp_servers: { aws: { auth_type: 'aws_sigv4', ...server } } },
    env: {
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_SHARED_CREDENTIALS_FILE: '/nowhere',
      AWS_CONFIG_FILE: '/nowhere',
      ...env,
    },
  });
  return gateway;
}

const call = async ({ url, key }: TestGateway) =>
  (await rpc(`${url}/mcp/aws`, 'tools/call', { name: 'echo', arguments: { text: 'ä + ü' } }, { key })).message;

test('every request of a session is signed, its stream and its end too, body and encoded path included', async () => {
  const gate = await startSignatureGate(upstream.url, () => OWN, REGION, SERVICE);
  const { url, key, logs } = await start({ ...own, url: `${gate.origin}${PATH}` });
  const client = await connectV1(`${url}/mcp/aws`, { key });
  await client.callTool({ name: 'echo', arguments: { text: 'ä + ü' } });
  await upstream.announceListChanged('tools');
  await client.close();
  await gateway?.close();
  gateway = undefined;
  await waitFor(() => gate.requests.some(({ method }) => method === 'DELETE'));

  expect(gate.requests.filter(({ refusal }) => refusal !== undefined)).toEqual([]);
  expect(new Set(gate.requests.map(({ method }) => method))).toEqual(new Set(['POST', 'GET', 'DELETE']));
  expect(new Set(gate.requests.map(({ path }) => path))).toEqual(new Set([PATH]));
  // The secret stays here; the session token travels, as it must.
  expect(findLeaks(JSON.stringify(gate.requests.map(({ headers }) => headers)) + logs(), [SECRET])).toEqual([]);
  expect(findLeaks(logs(), [TOKEN])).toEqual([]);
  await gate.close();
});

test('a redirect on the same origin is signed anew; one to another origin carries neither signature nor session token', async () => {
  const gate = await startSignatureGate(upstream.url, () => OWN, REGION, SERVICE, {
    '/moved': PATH,
    '/away': upstream.url,
  });
  const started = await start({ ...own, url: `${gate.origin}/moved` });
  expect((await call(started))?.result).toBeDefined();
  expect(new Set(gate.requests.map(({ path }) => path))).toEqual(new Set(['/moved', PATH]));
  expect(gate.requests.filter(({ refusal }) => refusal !== undefined)).toEqual([]);

  await started.writeConfig({
    mcp_servers: { aws: { auth_type: 'aws_sigv4', ...own, url: `${gate.origin}/away` } },
  });
  upstream.clearLog();
  await waitFor(async () => {
    await call(started);
    return upstream.requests.length > 0;
  });
  expect(findLeaks(upstream.transcript(), [TOKEN])).toEqual([]);
  expect(upstream.requests.filter(({ headers }) => headers.authorization ?? headers['x-amz-date'])).toEqual([]);
  await gate.close();
});

test('requests to a server of the modern era are signed, subscriptions too', async () => {
  const fixture = await startFixture({ era: 'modern' });
  const gate = await startSignatureGate(fixture.url, () => OWN, REGION, SERVICE);
  const { url, key } = await start({ ...own, url: `${gate.origin}/mcp` });
  const client = await connectV1(`${url}/mcp/aws`, { key });
  expect((await client.listTools()).tools.length).toBeGreaterThan(0);
  await client.close();
  expect(gate.requests.length).toBeGreaterThan(1);
  expect(gate.requests.filter(({ refusal }) => refusal !== undefined)).toEqual([]);
  await gate.close();
  await fixture.close();
});

test('a wrong secret is refused by the server, and the caller learns of it without a secret in the error', async () => {
  const gate = await startSignatureGate(upstream.url, () => OWN, REGION, SERVICE);
  const started = await start({ ...own, aws_secret_access_key: 'another', url: `${gate.origin}${PATH}` });
  const message = await call(started);
  expect(message?.error?.data).toMatchObject({ server: 'aws' });
  expect(upstream.requests).toEqual([]);
  expect(gate.requests.every(({ refusal }) => refusal === 'the signature does not match')).toBe(true);
  await gate.close();
});

test('a role is taken on once for all calls, with the own keys as its source, and again before its keys end', async () => {
  let lastSeconds = 120;
  const sts = await startSts(OWN, REGION, () => lastSeconds);
  const gate = await startSignatureGate(upstream.url, sts.keys, REGION, 'execute-api');
  const role = { aws_role_name: ROLE, aws_session_name: 'agents', aws_service_name: 'execute-api' };
  const started = await start({ ...own, ...role, url: `${gate.origin}${PATH}` }, { AWS_ENDPOINT_URL_STS: sts.origin });
  const answers = await Promise.all(Array.from({ length: 20 }, () => call(started)));
  expect(answers.every((message) => message?.result !== undefined)).toBe(true);
  const [first] = sts.assumed;
  expect(first).toMatchObject({ roleArn: ROLE, sessionName: 'agents', signedBy: 'AKIDOWN' });
  // Keys that last two minutes are due at once: replaced in the background, one at a time.
  lastSeconds = 3_600;
  await waitFor(async () => {
    await call(started);
    return gate.requests.at(-1)?.headers['x-amz-security-token'] !== 'session+token/1==';
  });
  const replaced = sts.assumed.length;
  await Promise.all(Array.from({ length: 20 }, () => call(started)));
  expect(sts.assumed.length).toBe(replaced);
  expect(gate.requests.filter(({ refusal }) => refusal !== undefined)).toEqual([]);
  await gate.close();
  await sts.close();
});

test('when STS refuses the role nothing is sent to the server, and the reason names no account', async () => {
  const sts = await startSts(OWN, REGION, () => 3_600);
  sts.refuse('AccessDenied');
  const server = { ...own, aws_role_name: ROLE, url: upstream.url };
  const started = await start(server, { AWS_ENDPOINT_URL_STS: sts.origin });
  const message = await call(started);
  expect(message?.error?.data).toMatchObject({
    server: 'aws',
    reason: 'AWS STS refused AssumeRole: AccessDenied',
    retryable: true,
  });
  expect(JSON.stringify(message)).not.toContain('arn:aws:iam');
  expect(upstream.requests).toEqual([]);
  await sts.close();
});

test('without keys of its own a server is signed for with those of the machine', async () => {
  const machine: KnownKeys = new Map([['AKIDENV', { secret: 'from-the-environment' }]]);
  const gate = await startSignatureGate(upstream.url, () => machine, REGION, SERVICE);
  const started = await start(
    { aws_region_name: REGION, url: `${gate.origin}${PATH}` },
    { AWS_ACCESS_KEY_ID: 'AKIDENV', AWS_SECRET_ACCESS_KEY: 'from-the-environment' },
  );
  expect((await call(started))?.result).toBeDefined();
  expect(gate.requests.filter(({ refusal }) => refusal !== undefined)).toEqual([]);
  await gate.close();
});

test('where the machine has no keys either, nothing is sent', async () => {
  const started = await start({ aws_region_name: REGION, url: upstream.url });
  const message = await call(started);
  expect(message?.error?.data).toMatchObject({ reason: expect.stringContaining('no AWS credentials were found') });
  expect(upstream.requests).toEqual([]);
});

test('a server that came by REST is signed for likewise; its keys are sealed and never shown', async () => {
  const gate = await startSignatureGate(upstream.url, () => OWN, REGION, SERVICE);
  const database = await testPostgres();
  gateway = await startGateway({
    config: { general_settings: { store_model_in_db: true } },
    databaseUrl: database.url.reveal(),
  });
  const admin = adminCaller(gateway.url, gateway.key);
  const { status, body } = await admin('POST', '/v1/mcp/server', {
    server_name: 'aws',
    url: `${gate.origin}${PATH}`,
    auth_type: 'aws_sigv4',
    credentials: own,
  });
  expect(status).toBe(201);
  expect((await call(gateway))?.result).toBeDefined();
  expect(gate.requests.filter(({ refusal }) => refusal !== undefined)).toEqual([]);
  const { body: read } = await admin('GET', '/v1/mcp/server');
  const audit = await admin('GET', '/audit');
  expect(findLeaks(JSON.stringify([body, read, audit.body]), [SECRET, TOKEN, 'AKIDOWN'])).toEqual([]);
  const rows = await database.query('SELECT * FROM mcp_server');
  expect(findLeaks(JSON.stringify(rows), [SECRET, TOKEN, 'AKIDOWN'])).toEqual([]);
  // Half of a key is no key.
  const half = await admin('POST', '/v1/mcp/server', {
    server_name: 'half',
    url: gate.origin,
    auth_type: 'aws_sigv4',
    credentials: { aws_region_name: REGION, aws_access_key_id: 'AKID' },
  });
  expect(half.status).toBeGreaterThanOrEqual(400);
  expect(JSON.stringify(half.body)).toContain('aws_secret_access_key');
  await gateway.close();
  gateway = undefined;
  await gate.close();
  await database.drop();
});

test.each([
  [{ url: 'https://x.test/mcp' }, 'aws_region_name', 'is required'],
  [{ url: 'https://x.test/sse', transport: 'sse', aws_region_name: REGION }, 'transport', 'must be http'],
  [{ command: 'node', aws_region_name: REGION }, 'transport', 'must be http'],
  [{ url: 'https://x.test', aws_region_name: REGION, aws_access_key_id: 'A' }, 'aws_secret_access_key', 'is required'],
  [{ url: 'https://x.test', aws_region_name: REGION, aws_role_name: 'mcp' }, 'aws_role_name', 'must be the ARN'],
  [{ url: 'https://x.test', aws_region_name: REGION, aws_session_name: 'a b' }, 'aws_session_name', 'must be 2 to 64'],
])('%j is refused when the file is loaded: %s', async (server, field, reason) => {
  const folder = await createGatewayFolder({ mcp_servers: { aws: { auth_type: 'aws_sigv4', ...server } } });
  const outcome = loadConfiguration({ argv: ['--config', folder.configPath], env: {}, cwd: folder.path });
  expect(outcome).toMatchObject({
    kind: 'invalid',
    problems: expect.arrayContaining([
      expect.objectContaining({ field: `mcp_servers.aws.${field}`, message: expect.stringContaining(reason) }),
    ]),
  });
  await folder.remove();
});
