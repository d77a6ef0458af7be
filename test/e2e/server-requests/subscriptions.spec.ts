import { fileURLToPath } from 'node:url';
import { startFixture, type Fixture } from '../../conformance/fixture/start-fixture.js';
import { answeringClient, type AnsweringClient } from '../../harness/answering-client.js';
import { freePort } from '../../harness/free-port.js';
import { modernStream, type ModernStream } from '../../harness/modern-rpc.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const WATCHED = 'test://watched-resource';

let ports: number[];
let fixtures: Fixture[];
let gateway: TestGateway;
const clients: AnsweringClient[] = [];

beforeAll(async () => {
  ports = [await freePort(), await freePort()];
  fixtures = await Promise.all(ports.map((port) => startFixture({ era: 'legacy', port })));
  gateway = await startGateway({
    config: {
      mcp_servers: {
        one: { url: fixtures[0]?.url, transport: 'http' },
        two: { url: fixtures[1]?.url, transport: 'http' },
        child: {
          transport: 'stdio',
          command: process.execPath,
          args: [
            '--import',
            `${ROOT}scripts/load-typescript.mjs`,
            `${ROOT}test/conformance/fixture/main.ts`,
            '--stdio',
            '--era',
            'legacy',
          ],
        },
        old: { url: fixtures[0]?.url.replace('/mcp', '/sse'), transport: 'sse' },
      },
    },
  });
}, 60_000);

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

afterAll(async () => {
  await gateway.close();
  await Promise.all(fixtures.map((fixture) => fixture.close()));
});

async function connect(path: string, sdk: 'v1' | 'v2' = 'v1', transport: 'http' | 'sse' = 'http') {
  const client = await answeringClient(`${gateway.url}${path}`, { key: gateway.key, sdk, transport });
  clients.push(client);
  return client;
}

function updates(client: AnsweringClient): readonly unknown[] {
  return client.told.filter(({ method }) => method.endsWith('/updated')).map(({ params }) => params['uri']);
}

test.each([
  ['/one/mcp', 'v1', 'http'],
  ['/one/mcp', 'v2', 'http'],
  ['/old/mcp', 'v1', 'http'],
  ['/one/sse', 'v1', 'sse'],
] as const)(
  'who watches a resource through %s (SDK %s, %s) hears of its changes until they stop',
  async (path, sdk, transport) => {
    const watching = await connect(path, sdk, transport);
    const other = await connect(path, sdk, transport);
    expect(watching.capabilities()).toMatchObject({ resources: { subscribe: true } });
    await watching.subscribe(WATCHED);
    await other.text('test_trigger_resource_update');
    await waitFor(() => updates(watching).length > 0);
    expect(updates(watching)).toEqual([WATCHED]);
    await watching.unsubscribe(WATCHED);
    await watching.text('test_trigger_resource_update');
    await watching.text('test_simple_text');
    expect(updates(watching)).toEqual([WATCHED]);
    expect(updates(other)).toEqual([]);
  },
);

test('a resource that two servers have is watched under the name that lists show it by', async () => {
  const client = await connect('/mcp');
  await client.subscribe(`gatehouse://two/${WATCHED}`);
  await client.text('one-test_trigger_resource_update');
  await client.text('two-test_trigger_resource_update');
  await waitFor(() => updates(client).length > 0);
  expect(updates(client)).toEqual([`gatehouse://two/${WATCHED}`]);
});

test('what is watched is watched again after the server was restarted', async () => {
  const client = await connect('/two/mcp');
  await client.subscribe(WATCHED);
  await fixtures[1]?.close();
  fixtures[1] = await startFixture({ era: 'legacy', port: ports[1] ?? 0 });
  const other = await connect('/two/mcp');
  await waitFor(async () => {
    await other.text('test_trigger_resource_update').catch(() => undefined);
    return updates(client).length > 0;
  });
});

test('one child is watched for many: who stops watching, or goes, takes nothing from the others', async () => {
  const capabilities = { roots: {} };
  const join = async (): Promise<AnsweringClient> => {
    const client = await answeringClient(`${gateway.url}/child/mcp`, { key: gateway.key, capabilities });
    clients.push(client);
    await client.subscribe(WATCHED);
    return client;
  };
  const [staying, leaving, going] = [await join(), await join(), await join()];
  const notifications = { resourceSubscriptions: [WATCHED] };
  const listening: ModernStream = await modernStream(
    `${gateway.url}/mcp/child`,
    'subscriptions/listen',
    { notifications },
    { key: gateway.key, capabilities },
  );
  const heard = (): number => listening.messages.filter(({ method }) => method?.endsWith('/updated')).length;
  await waitFor(() => listening.messages.length);
  await leaving.unsubscribe(WATCHED);
  await going.close();
  await staying.text('test_trigger_resource_update');
  await waitFor(() => updates(staying).length === 1 && heard() === 1);
  await staying.unsubscribe(WATCHED);
  await staying.text('test_trigger_resource_update');
  await waitFor(() => heard() === 2);
  expect(updates(staying)).toHaveLength(1);
  expect(updates(leaving)).toEqual([]);
  listening.close();
  await listening.ended;
});
