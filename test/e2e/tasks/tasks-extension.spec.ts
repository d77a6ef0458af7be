import { fileURLToPath } from 'node:url';
import { startFixture, type Fixture } from '../../conformance/fixture/start-fixture.js';
import { changePermission, insertKey, insertTeam } from '../../factory/insert-key.js';
import { modernRpc, modernStream, type ModernOptions } from '../../harness/modern-rpc.js';
import { rpc, type RpcAnswer } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

type Json = Record<string, unknown>;

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SERVERS = ['modern_http', 'modern_stdio', 'legacy_http', 'legacy_sse', 'legacy_stdio'];
const TASKS = 'io.modelcontextprotocol/tasks';
const DECLARED = { extensions: { [TASKS]: {} }, elicitation: { form: {} } };

function onPipes(era: string): Json {
  const main = `${ROOT}test/conformance/fixture/main.ts`;
  const args = ['--import', `${ROOT}scripts/load-typescript.mjs`, main, '--stdio', '--era', era];
  return { transport: 'stdio', command: process.execPath, args };
}

let legacy: Fixture;
let modern: Fixture;
let gateway: TestGateway;

beforeAll(async () => {
  [legacy, modern] = await Promise.all([startFixture({ era: 'legacy' }), startFixture({ era: 'modern' })]);
  gateway = await startGateway({
    config: {
      mcp_servers: {
        modern_http: { url: modern.url, transport: 'http' },
        modern_stdio: onPipes('modern'),
        legacy_http: { url: legacy.url, transport: 'http' },
        legacy_sse: { url: legacy.url.replace('/mcp', '/sse'), transport: 'sse' },
        legacy_stdio: onPipes('legacy'),
      },
    },
  });
  // What a server offers is known once it has been asked; a child may take its time to start.
  for (const server of SERVERS) await rpc(`${gateway.url}/mcp/${server}`, 'tools/list', {}, { key: gateway.key });
}, 60_000);

afterAll(async () => {
  await gateway.close();
  await Promise.all([legacy.close(), modern.close()]);
});

function ask(server: string, method: string, params: Json, more: ModernOptions = {}): Promise<RpcAnswer> {
  const path = server === '' ? '/mcp' : `/mcp/${server}`;
  return modernRpc(`${gateway.url}${path}`, method, params, { key: gateway.key, capabilities: DECLARED, ...more });
}

async function begin(server: string, name: string, args: Json = {}): Promise<Json & { taskId: string }> {
  const { message } = await ask(server, 'tools/call', { name, arguments: args });
  return (message?.result ?? message?.error ?? {}) as Json & { taskId: string };
}

async function look(server: string, taskId: string): Promise<Json> {
  const { message } = await ask(server, 'tasks/get', { taskId });
  return message?.result ?? message?.error ?? {};
}

async function until(server: string, taskId: string, status: string): Promise<Json> {
  return await waitFor(
    async () => {
      const task = await look(server, taskId);
      return task['status'] === status ? task : undefined;
    },
    { what: `status ${status}`, everyMs: 50 },
  );
}

describe.each(SERVERS)('a modern client that declared tasks, and %s', (server) => {
  test('discovery offers the extension, and not the tasks of 2025-11-25', async () => {
    const { message } = await ask(server, 'server/discover', {});
    const { capabilities } = message?.result as { capabilities: Json };
    expect(capabilities['extensions']).toMatchObject({ [TASKS]: {} });
    expect(capabilities).not.toHaveProperty('tasks');
  });

  test('a call becomes a task, is looked at until it is done, and its result stands in it', async () => {
    const created = await begin(server, 'slow_compute', { seconds: 0.3, label: 'pi' });
    expect(created).toMatchObject({
      resultType: 'task',
      taskId: expect.any(String) as unknown,
      status: 'working',
      createdAt: expect.any(String) as unknown,
      lastUpdatedAt: expect.any(String) as unknown,
      ttlMs: expect.any(Number) as unknown,
    });
    expect(created).not.toHaveProperty('ttl');
    expect(created).not.toHaveProperty('task');
    expect(await look(server, created.taskId)).toMatchObject({ resultType: 'complete', taskId: created.taskId });
    expect(await until(server, created.taskId, 'completed')).toMatchObject({
      resultType: 'complete',
      taskId: created.taskId,
      result: { content: [{ type: 'text', text: 'Computed pi.' }] },
    });
  });

  test('what it asks stands in it, and is answered with tasks/update', async () => {
    const { taskId } = await begin(server, 'confirm_delete', { filename: 'a.txt' });
    const asking = await until(server, taskId, 'input_required');
    const requests = asking['inputRequests'] as Record<string, { method: string; params: Json }>;
    const [[key, question] = ['', undefined]] = Object.entries(requests);
    expect(question).toMatchObject({ method: 'elicitation/create', params: { message: 'Delete a.txt?' } });
    expect(Object.keys((await look(server, taskId))['inputRequests'] as Json)).toEqual([key]);
    const inputResponses = { [key]: { action: 'accept', content: { confirm: true } }, nobody: { action: 'decline' } };
    const { message } = await ask(server, 'tasks/update', { taskId, inputResponses });
    expect(message?.result).toMatchObject({ resultType: 'complete' });
    expect(await until(server, taskId, 'completed')).toMatchObject({
      result: { content: [{ text: 'Deleted a.txt.' }] },
    });
    expect(await look(server, taskId)).not.toHaveProperty('inputRequests');
  });

  test('several questions are open at once and may be answered one by one', async () => {
    const { taskId } = await begin(server, 'multi_input');
    const keys = await waitFor(
      async () => {
        const open = Object.keys((await look(server, taskId))['inputRequests'] ?? {});
        return open.length === 2 ? open : undefined;
      },
      { everyMs: 50 },
    );
    for (const key of keys) {
      const inputResponses = { [key]: { action: 'accept', content: { name: 'Ada' } } };
      expect((await ask(server, 'tasks/update', { taskId, inputResponses })).message?.error).toBeUndefined();
    }
    await until(server, taskId, 'completed');
  });

  test('a tool that fails has done so in its result', async () => {
    const { taskId } = await begin(server, 'failing_job');
    expect(await until(server, taskId, 'completed')).toMatchObject({ result: { isError: true } });
  });

  test('it is cancelled, more than once without harm', async () => {
    const { taskId } = await begin(server, 'slow_compute', { seconds: 60 });
    for (const round of [1, 2]) {
      const { message } = await ask(server, 'tasks/cancel', { taskId }, { id: round });
      expect(message?.result).toMatchObject({ resultType: 'complete' });
      expect(message?.result).not.toHaveProperty('taskId');
    }
    expect(await until(server, taskId, 'cancelled')).not.toHaveProperty('result');
  });

  test('a client that did not declare tasks gets none, and is told where nothing else is possible', async () => {
    const plain = { capabilities: { elicitation: {} } };
    const { message } = await ask(server, 'tools/call', { name: 'slow_compute', arguments: { seconds: 0 } }, plain);
    expect(message?.result).toMatchObject({ resultType: 'complete', content: [{ text: 'Computed it.' }] });
    const refused = await ask(server, 'tools/call', { name: 'failing_job', arguments: {} }, plain);
    const needed = { code: -32021, data: { requiredCapabilities: { extensions: { [TASKS]: {} } } } };
    expect([refused.status, refused.message?.error]).toEqual([400, expect.objectContaining(needed)]);
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
      const { status, message } = await ask(server, method, { taskId: 'x', inputResponses: {} }, plain);
      expect([status, message?.error]).toEqual([400, expect.objectContaining(needed)]);
    }
  });

  test('it may not ask for a task by the parameter of 2025-11-25', async () => {
    const { message } = await ask(
      server,
      'tools/call',
      { name: 'greet', arguments: { name: 'Ada' }, task: { ttl: 1 } },
      { capabilities: {} },
    );
    expect(message?.result).toMatchObject({ resultType: 'complete', content: [{ text: 'Hello, Ada!' }] });
    expect(message?.result).not.toHaveProperty('task');
    expect((await ask(server, 'tasks/result', { taskId: 'x' })).status).toBe(404);
    expect((await ask(server, 'tasks/list', {})).status).toBe(404);
  });
});

test('tasks of several servers go to the server that has each; Mcp-Name names the handle', async () => {
  const begun = await Promise.all(
    SERVERS.map((server) => begin('', `${server}-slow_compute`, { seconds: 0, label: server })),
  );
  for (const [index, { taskId }] of begun.entries()) {
    const task = await until('', taskId, 'completed');
    expect(task).toMatchObject({ result: { content: [{ text: `Computed ${SERVERS[index] ?? ''}.` }] } });
    const other = await ask('', 'tasks/get', { taskId }, { headers: { 'mcp-name': 'another' } });
    expect([other.status, other.message?.error?.code]).toEqual([400, -32020]);
  }
});

test.each(['modern_http', 'legacy_http'])(
  "%s: nobody else's task can be looked at, answered or cancelled, nor one that does not exist",
  async (server) => {
    const { taskId } = await begin(server, 'slow_compute', { seconds: 5 });
    const { key } = await insertKey(gateway.databaseUrl, { permission: { servers: [server] } });
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel']) {
      const theirs = await ask(server, method, { taskId, inputResponses: {} }, { key });
      const none = await ask(server, method, { taskId: 'none', inputResponses: {} }, { key });
      expect(theirs.message?.error).toMatchObject({ code: -32602 });
      expect(theirs.message?.error).toEqual(none.message?.error);
    }
    const elsewhere = await ask('modern_stdio', 'tasks/get', { taskId });
    expect(elsewhere.message?.error?.code).toBe(-32602);
    expect(await look(server, taskId)).toMatchObject({ status: 'working' });
  },
);

test.each(['modern_http', 'legacy_http'])('%s: a task goes with the right to its tool', async (server) => {
  const team = await insertTeam(gateway.databaseUrl, { permission: { servers: [server] } });
  const { key } = await insertKey(gateway.databaseUrl, { teamId: team });
  const begun = await ask(server, 'tools/call', { name: 'slow_compute', arguments: { seconds: 5 } }, { key });
  const { taskId } = begun.message?.result as { taskId: string };
  const mine = (): Promise<RpcAnswer> => ask(server, 'tasks/get', { taskId }, { key });
  expect((await mine()).message?.result).toMatchObject({ status: 'working' });
  await changePermission(gateway.databaseUrl, 'team', team, {
    servers: [server],
    toolPermissions: { [server]: ['greet'] },
  });
  await waitFor(async () => (await mine()).message?.error !== undefined);
  expect((await mine()).message?.error).toMatchObject({ code: -32602 });
});

test('news of tasks are for clients that declared them; the gateway promises none', async () => {
  const notifications = { taskIds: ['x'] };
  const { status, message } = await ask(
    'modern_http',
    'subscriptions/listen',
    { notifications },
    { capabilities: {}, headers: { accept: 'application/json, text/event-stream' } },
  );
  expect([status, message?.error?.code]).toEqual([400, -32021]);
  const stream = await modernStream(
    `${gateway.url}/mcp/modern_http`,
    'subscriptions/listen',
    { notifications },
    { key: gateway.key, capabilities: DECLARED },
  );
  await waitFor(() => stream.messages.length);
  expect(stream.messages[0]?.params?.['notifications']).toEqual({});
  stream.close();
  await stream.ended;
});

test('a legacy client is not offered an extension that it could not use, and no server is told that it has it', async () => {
  const init = await rpc(
    `${gateway.url}/mcp/modern_http`,
    'initialize',
    { protocolVersion: '2025-11-25', capabilities: DECLARED, clientInfo: { name: 'old', version: '1' } },
    { key: gateway.key },
  );
  const { capabilities } = init.message?.result as { capabilities: Json };
  expect(capabilities['extensions']).not.toHaveProperty([TASKS]);
  expect(capabilities).not.toHaveProperty('tasks');
  const session = init.headers.get('mcp-session-id') ?? '';
  const call = await rpc(
    `${gateway.url}/mcp/modern_http`,
    'tools/call',
    { name: 'slow_compute', arguments: { seconds: 0 } },
    { key: gateway.key, headers: { 'mcp-session-id': session } },
  );
  expect(call.message?.result).toMatchObject({ content: [{ text: 'Computed it.' }] });
});
