import { insertKey, insertUser } from '../../factory/insert-key.js';
import { findLeaks } from '../../harness/canaries.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { modernRpc } from '../../harness/modern-rpc.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

const DEBUG = { 'x-litellm-mcp-debug': 'true' };
const TOKEN = 'static-token-of-the-wiki-server';
const PATH_TOKEN = 'abcdef0123456789abcdef0123456789';

let upstream: FakeUpstream;
let gateway: TestGateway;
/** Of a user, and of nobody. */
let owned: string;
let unowned: string;

beforeAll(async () => {
  upstream = await fakeUpstream({ tools: [{ name: 'echo' }] });
  gateway = await startGateway({
    config: {
      mcp_servers: {
        wiki: {
          url: `${upstream.url}?key=${PATH_TOKEN}`,
          auth_type: 'bearer_token',
          auth_value: TOKEN,
          allow_all_keys: true,
        },
        open: { url: upstream.url, allow_all_keys: true },
        cloud: {
          url: upstream.url,
          auth_type: 'aws_sigv4',
          aws_region_name: 'eu-west-1',
          aws_access_key_id: 'AKID',
          aws_secret_access_key: 'aws-secret-of-the-cloud',
          allow_all_keys: true,
        },
      },
    },
  });
  await insertUser(gateway.databaseUrl, { id: 'ada' });
  ({ key: owned } = await insertKey(gateway.databaseUrl, { userId: 'ada' }));
  ({ key: unowned } = await insertKey(gateway.databaseUrl));
});

afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const debugOf = (headers: Headers) =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith('x-mcp-debug-')));

async function ask(path: string, key: string, headers: Record<string, string> = DEBUG) {
  const answer = await rpc(`${gateway.url}${path}`, 'tools/list', {}, { key, headers });
  expect(answer.status).toBe(200);
  return debugOf(answer.headers);
}

test('an administrator reads how a call was authenticated, here and upstream, secrets masked', async () => {
  expect(await ask('/mcp/wiki', gateway.key)).toEqual({
    'x-mcp-debug-inbound-auth': `x-litellm-api-key: ****${gateway.key.slice(-4)}`,
    'x-mcp-debug-oauth2-token': '(none)',
    'x-mcp-debug-auth-resolution': 'static-token',
    'x-mcp-debug-outbound-url': `${upstream.url}?key=***`,
    'x-mcp-debug-server-auth-type': 'bearer_token',
  });
  expect(await ask('/mcp', gateway.key)).toMatchObject({
    'x-mcp-debug-auth-resolution': 'cloud=sigv4, open=no-auth, wiki=static-token',
    'x-mcp-debug-server-auth-type': 'cloud=aws_sigv4, open=none, wiki=bearer_token',
  });
});

test('the owner of a key reads the same, but of the address only its origin', async () => {
  expect(await ask('/mcp/wiki', owned)).toMatchObject({
    'x-mcp-debug-auth-resolution': 'static-token',
    'x-mcp-debug-outbound-url': upstream.origin,
  });
});

test('a key that is nobody’s, an unasked request and a stranger read nothing of it', async () => {
  expect(await ask('/mcp/wiki', unowned)).toEqual({});
  expect(await ask('/mcp/wiki', gateway.key, {})).toEqual({});
  expect(await ask('/mcp/wiki', gateway.key, { 'x-litellm-mcp-debug': 'false' })).toEqual({});
  const { status, headers } = await rpc(`${gateway.url}/mcp/wiki`, 'tools/list', {}, { headers: DEBUG });
  expect({ status, debug: debugOf(headers) }).toEqual({ status: 401, debug: {} });
});

test('a client that sends its key as the credential of a server is told so, and the key is not forwarded (defect 31)', async () => {
  upstream.clearLog();
  const twice = { ...DEBUG, authorization: `Bearer ${owned}` };
  expect(await ask('/mcp/open', owned, twice)).toMatchObject({
    'x-mcp-debug-oauth2-token': 'SAME_AS_LITELLM_KEY',
    'x-mcp-debug-auth-resolution': 'no-auth',
  });
  const forServer = { ...DEBUG, 'x-mcp-open-authorization': `Bearer ${owned}` };
  expect(await ask('/mcp/open', owned, forServer)).toMatchObject({ 'x-mcp-debug-oauth2-token': 'SAME_AS_LITELLM_KEY' });
  expect(findLeaks(upstream.transcript(), [owned])).toEqual([]);
});

test('what a client brings for a server is masked, and said to be what is sent', async () => {
  const headers = {
    ...DEBUG,
    authorization: 'Bearer token-of-an-upstream-flow',
    'x-mcp-open-authorization': 'Bearer of-the-client',
  };
  expect(await ask('/mcp/open', owned, headers)).toMatchObject({
    'x-mcp-debug-oauth2-token': '****flow',
    'x-mcp-debug-auth-resolution': 'per-request-header',
  });
});

test('clients of the modern era and of the REST shortcut read it too', async () => {
  const modern = await modernRpc(`${gateway.url}/mcp/wiki`, 'tools/list', {}, { key: gateway.key, headers: DEBUG });
  expect(debugOf(modern.headers)).toMatchObject({ 'x-mcp-debug-auth-resolution': 'static-token' });
  const rest = await fetch(`${gateway.url}/mcp-rest/tools/list`, {
    headers: { authorization: `Bearer ${gateway.key}`, ...DEBUG },
  });
  expect(rest.status).toBe(200);
  expect(debugOf(rest.headers)).toMatchObject({
    'x-mcp-debug-inbound-auth': `authorization: ****${gateway.key.slice(-4)}`,
    'x-mcp-debug-auth-resolution': 'cloud=sigv4, open=no-auth, wiki=static-token',
  });
});

test('nothing of it holds a secret', async () => {
  const answers = await Promise.all(
    [gateway.key, owned].flatMap((key) => ['/mcp', '/mcp/wiki'].map((path) => ask(path, key))),
  );
  const secrets = [gateway.key, owned, TOKEN, PATH_TOKEN, 'aws-secret-of-the-cloud'];
  expect(findLeaks(JSON.stringify(answers), secrets)).toEqual([]);
});
