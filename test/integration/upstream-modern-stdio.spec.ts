import { fileURLToPath } from 'node:url';
import { clientCapabilities } from '../../src/core/model/client-capabilities.js';
import type { ServerEntry } from '../../src/core/model/server-entry.js';
import { requestText } from '../../src/core/protocol/rpc-message.js';
import type { ClientInteraction, ClientReply } from '../../src/engine/upstream/client-interaction.js';
import type { UpstreamRequest } from '../../src/engine/upstream/upstream.js';
import { makeServerEntry } from '../factory/make-server-entry.js';
import { waitFor } from '../harness/wait-for.js';
import { makeOwner, makeRequest, Resources, SHARED, startPool } from './upstream-http-fixture.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const resources = new Resources();

afterEach(() => resources.close());

function stdioEntry(name: string, ...args: string[]): ServerEntry {
  return makeServerEntry(name, {
    endpoint: { kind: 'stdio', command: process.execPath, args, env: {}, cwd: undefined, isolation: 'server' },
  });
}

function fixture(era: string): ServerEntry {
  const scripts = [`${ROOT}scripts/load-typescript.mjs`, `${ROOT}test/conformance/fixture/main.ts`];
  return stdioEntry(era, '--import', ...scripts, '--stdio', '--era', era);
}

/** A legacy server on bare lines. `unknown` is what it does with a method it does not know. */
function bareServer(unknown: string, beforeAll = ''): ServerEntry {
  return stdioEntry(
    'bare',
    '-e',
    `${beforeAll}
    const say = (id, result) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result }) + '\\n');
    require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const { id, method, params } = JSON.parse(line);
      if (method === 'initialize') {
        say(id, { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'bare', version: '1' } });
      } else if (method === 'tools/call') {
        say(id, { content: [{ type: 'text', text: String(process.pid) }] });
      } else if (id !== undefined) {
        ${unknown}
      }
    });`,
  );
}

function call(name: string, overrides: Partial<UpstreamRequest> = {}): UpstreamRequest {
  const request = makeRequest('tools/call', overrides);
  const params = {
    name,
    arguments: name === 'test_elicitation' ? { message: 'Who?' } : {},
    _meta: { progressToken: request.id },
  };
  return { ...request, text: requestText(request.id, 'tools/call', JSON.stringify(params)) };
}

function textOf(reply: { readonly value: Readonly<Record<string, unknown>> }): string {
  const result = reply.value['result'] as { content?: { text?: string }[] } | undefined;
  return result?.content?.[0]?.text ?? JSON.stringify(reply.value);
}

const ADA: ClientInteraction = {
  key: 'client',
  capabilities: clientCapabilities('{"elicitation":{}}'),
  ask: (): Promise<ClientReply> =>
    Promise.resolve({
      kind: 'result',
      text: '{"action":"accept","content":{"username":"ada","email":"ada@example.org"}}',
    }),
};

test.each(['modern', 'dual'])('a %s child is spoken to in the modern way', async (era) => {
  const pool = startPool(resources);
  const entry = fixture(era);
  const owner = makeOwner('a');
  const info = await pool.info(entry, SHARED, owner);
  expect(info.protocolVersion).toBe('2026-07-28');
  const methods: unknown[] = [];
  const onMessage = (message: { value: Readonly<Record<string, unknown>> }): void =>
    void methods.push(message.value['method']);
  await pool.request(entry, SHARED, owner, call('test_tool_with_progress', { onMessage }));
  expect(methods).toEqual(Array.from({ length: 3 }, () => 'notifications/progress'));
  const reply = await pool.request(entry, SHARED, owner, call('test_elicitation', { client: ADA }));
  expect(textOf(reply)).toContain('ada');
});

test('a modern child says what changed to all who share it', async () => {
  const pool = startPool(resources);
  const entry = fixture('modern');
  const [a, b] = [makeOwner('a'), makeOwner('b')];
  pool.setListening(a, true);
  await pool.request(entry, SHARED, a, call('test_simple_text'));
  await pool.request(entry, SHARED, b, call('test_simple_text'));
  await waitFor(async () => {
    await pool.request(entry, SHARED, a, call('test_trigger_tool_change'));
    return a.received.length > 0 && b.received.length > 0;
  });
  expect(b.received.map(({ value }) => value['method'])).toContain('notifications/tools/list_changed');
  expect(b.received.map(({ value }) => value['method'])).not.toContain('notifications/subscriptions/acknowledged');
});

test('a legacy child that refuses the question is initialised at once, in the same process', async () => {
  const pool = startPool(resources);
  const entry = bareServer(
    `process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: 'no' } }) + '\\n');`,
  );
  const info = await pool.info(entry, SHARED, makeOwner('a'));
  expect(info.serverInfo).toMatchObject({ name: 'bare' });
});

test('a legacy child that is silent about the question is initialised all the same', async () => {
  const pool = startPool(resources);
  const info = await pool.info(bareServer(''), SHARED, makeOwner('a'));
  expect(info.protocolVersion).toBe('2025-11-25');
});

test('a legacy child that leaves over the question is started again, and not asked again', async () => {
  const pool = startPool(resources);
  const entry = bareServer('process.exit(3);');
  const owner = makeOwner('a');
  const reply = await pool.request(entry, SHARED, owner, call('pid'));
  const pid = Number(textOf(reply));
  process.kill(pid, 'SIGKILL');
  await waitFor(() => pool.gauges().stdioChildren === 0);
  const again = await pool.request(entry, SHARED, owner, call('pid'));
  expect(Number(textOf(again))).not.toBe(pid);
});

test('a command that fails at start says why, as before', async () => {
  const pool = startPool(resources);
  const entry = stdioEntry('broken', '-e', 'process.stderr.write("no token"); process.exit(1);');
  await expect(pool.info(entry, SHARED, makeOwner('a'))).rejects.toMatchObject({
    code: 'upstream/unreachable',
    message: expect.stringContaining('no token'),
  });
});
