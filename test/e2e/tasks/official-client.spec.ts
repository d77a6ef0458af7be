import { fileURLToPath } from 'node:url';
import {
  resultFromTaskOutcome,
  withTasks,
  type ConnectedMcpSessionPort,
  type TaskEnabledSession,
} from '@modelcontextprotocol/ext-tasks/client';
import type { JsonValue } from '@modelcontextprotocol/ext-tasks/core';
import { startFixture, type Fixture } from '../../conformance/fixture/start-fixture.js';
import { envelope, mirrored } from '../../harness/modern-rpc.js';
import { post, rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

type Json = Record<string, unknown>;

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SERVERS = ['legacy_http', 'legacy_stdio', 'modern_http', 'modern_stdio'];
const ERAS = ['legacy', 'modern'] as const;
const CAPABILITIES = { elicitation: { form: {} }, extensions: { 'io.modelcontextprotocol/tasks': {} } };

let fixtures: readonly Fixture[];
let gateway: TestGateway;

beforeAll(async () => {
  fixtures = await Promise.all(ERAS.map((era) => startFixture({ era })));
  const main = `${ROOT}test/conformance/fixture/main.ts`;
  const args = ['--import', `${ROOT}scripts/load-typescript.mjs`, main, '--stdio', '--era'];
  const stdio = (era: string): Json => ({ transport: 'stdio', command: process.execPath, args: [...args, era] });
  gateway = await startGateway({
    config: {
      mcp_servers: {
        legacy_http: { url: fixtures[0]?.url, transport: 'http' },
        modern_http: { url: fixtures[1]?.url, transport: 'http' },
        legacy_stdio: stdio('legacy'),
        modern_stdio: stdio('modern'),
      },
    },
  });
  // What a server offers is known once it has been asked; a child may take its time to start.
  for (const server of SERVERS) await rpc(`${gateway.url}/mcp/${server}`, 'tools/list', {}, { key: gateway.key });
}, 60_000);

afterAll(async () => {
  await gateway.close();
  await Promise.all(fixtures.map((fixture) => fixture.close()));
});

interface Connected {
  readonly session: TaskEnabledSession;
  readonly asked: Json[];
}

/** The official client of the extension; its requests get the envelope and the headers of the era here. */
function connect(server: string): Connected {
  const url = `${gateway.url}/mcp/${server}`;
  const asked: Json[] = [];
  let id = 0;
  const port: ConnectedMcpSessionPort = {
    endpointId: server,
    taskCapabilities: { generation: 'v2', capabilities: {} },
    dispatch: async (request) => {
      const { method, params = {} } = request as { method: string; params?: Json };
      const _meta = { ...(params['_meta'] as Json | undefined), ...envelope({ capabilities: CAPABILITIES }) };
      const body = JSON.stringify({ jsonrpc: '2.0', id: (id += 1), method, params: { ...params, _meta } });
      const { message } = await post(url, body, { key: gateway.key, headers: mirrored(method, params) });
      return message?.error === undefined
        ? { kind: 'result', result: (message?.result ?? null) as JsonValue }
        : { kind: 'error', error: message.error as never };
    },
    onServerRequest: () => () => undefined,
    onNotification: () => () => undefined,
    onInvalidated: () => () => undefined,
    invalidated: false,
  };
  const session = withTasks(port, {
    onInputRequest: (request) => {
      asked.push(request.params as Json);
      return Promise.resolve({ action: 'accept', content: { confirm: true } } as never);
    },
  });
  return { session, asked };
}

describe.each(SERVERS)('the tasks of %s', (server) => {
  test('run by the official client of the extension: to the end, with questions, and withdrawn', async () => {
    const { session, asked } = connect(server);
    const computing = await session.callTool('slow_compute', { seconds: 0.2 });
    expect(computing.kind).toBe('task');
    const computed = await computing.settle();
    expect(resultFromTaskOutcome(computed.outcome)).toMatchObject({ content: [{ text: 'Computed it.' }] });
    const deleting = await session.callTool('confirm_delete', { filename: 'a.txt' });
    const deleted = await deleting.settle();
    expect(resultFromTaskOutcome(deleted.outcome)).toMatchObject({ content: [{ text: 'Deleted a.txt.' }] });
    expect(asked).toEqual([expect.objectContaining({ message: 'Delete a.txt?' })]);
    const failing = await session.callTool('failing_job', {});
    expect(resultFromTaskOutcome((await failing.settle()).outcome)).toMatchObject({ isError: true });
    const endless = await session.callTool('slow_compute', { seconds: 60 });
    await endless.cancel();
    expect((await endless.settle()).outcome.status).toBe('cancelled');
    const plain = await session.callTool('greet', { name: 'Ada' });
    expect(plain.kind).toBe('immediate');
    await session.close();
  });
});
