import { fileURLToPath } from 'node:url';
import { startFixture, type Fixture } from '../../conformance/fixture/start-fixture.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CallToolResultSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { insertKey } from '../../factory/insert-key.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

let fixture: Fixture;
let gateway: TestGateway;
const clients: Client[] = [];

beforeAll(async () => {
  fixture = await startFixture({ era: 'legacy' });
  gateway = await startGateway({
    config: {
      mcp_servers: {
        http: { url: fixture.url, transport: 'http' },
        events: { url: fixture.url.replace('/mcp', '/sse'), transport: 'sse' },
        stdio: {
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
      },
    },
  });
  // What a server offers is known once it has been asked; a child may take its time to start.
  for (const server of ['http', 'events', 'stdio']) {
    await rpc(`${gateway.url}/mcp/${server}`, 'tools/list', {}, { key: gateway.key });
  }
}, 60_000);

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

afterAll(async () => {
  await gateway.close();
  await fixture.close();
});

async function connect(path: string, key = gateway.key): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' }, { capabilities: { elicitation: { form: {} } } });
  client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { confirm: true } }));
  const requestInit = { headers: { 'x-litellm-api-key': `Bearer ${key}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(`${gateway.url}${path}`), { requestInit }));
  clients.push(client);
  return client;
}

/** Runs a tool as a task to its end. */
async function run(client: Client, name: string, args: Record<string, unknown>) {
  await client.listTools();
  const call = { name, arguments: args };
  const stream = client.experimental.tasks.callToolStream(call, CallToolResultSchema, { task: { ttl: 30_000 } });
  const messages = [];
  for await (const message of stream) messages.push(message);
  const [created] = messages;
  const taskId = created?.type === 'taskCreated' ? created.task.taskId : '';
  return { taskId, last: messages.at(-1) };
}

test.each(['http', 'events', 'stdio'])(
  'a task of server %s runs, asks in the middle, and gives its result',
  async (server) => {
    const client = await connect(`/${server}/mcp`);
    expect(client.getServerCapabilities()?.tasks).toMatchObject({ requests: { tools: { call: {} } } });
    const { taskId, last } = await run(client, 'confirm_delete', { filename: 'a.txt' });
    expect(last).toMatchObject({ type: 'result', result: { content: [{ text: 'Deleted a.txt.' }] } });
    expect(await client.experimental.tasks.getTask(taskId)).toMatchObject({ taskId, status: 'completed' });
    const result = await client.experimental.tasks.getTaskResult(taskId, CallToolResultSchema);
    expect(result._meta?.['io.modelcontextprotocol/related-task']).toEqual({ taskId });
  },
);

test('tasks of several servers are listed together, under the names they were given', async () => {
  const client = await connect('/mcp');
  const { tools } = await client.listTools();
  expect(tools.find(({ name }) => name === 'http-slow_compute')?.execution).toEqual({ taskSupport: 'optional' });
  const one = await run(client, 'http-slow_compute', { seconds: 0 });
  const two = await run(client, 'stdio-slow_compute', { seconds: 0 });
  const { tasks } = await client.experimental.tasks.listTasks();
  const ids = tasks.map(({ taskId }) => taskId);
  expect(ids).toEqual(expect.arrayContaining([one.taskId, two.taskId]));
});

test('a running task is cancelled where it runs', async () => {
  const client = await connect('/mcp');
  await client.listTools();
  const call = { name: 'http-slow_compute', arguments: { seconds: 60 } };
  const stream = client.experimental.tasks.callToolStream(call, CallToolResultSchema, { task: {} });
  const { value } = await stream.next();
  const taskId = value?.type === 'taskCreated' ? value.task.taskId : '';
  expect(await client.experimental.tasks.cancelTask(taskId)).toMatchObject({ taskId, status: 'cancelled' });
});

test('nobody else can ask for a task, nor for one that does not exist, in the same words', async () => {
  const owner = await connect('/http/mcp');
  const { taskId } = await run(owner, 'slow_compute', { seconds: 0 });
  const { key } = await insertKey(gateway.databaseUrl, { permission: { servers: ['http'] } });
  const other = await connect('/http/mcp', key);
  const theirs = await other.experimental.tasks.getTask(taskId).catch((error: unknown) => error);
  const none = await other.experimental.tasks.getTask('none').catch((error: unknown) => error);
  expect(theirs).toMatchObject({ code: -32602 });
  expect(String(theirs)).toBe(String(none));
});
