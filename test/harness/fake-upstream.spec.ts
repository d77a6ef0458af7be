import { connect } from 'node:net';
import { everythingOverHttp } from './real-servers.js';
import { fakeUpstream } from './fake-upstream.js';
import { takeRefusedHosts } from './loopback-only.mjs';
import { CLIENT_KINDS, connectV1, connectV2 } from './mcp-client.js';
import { rpc } from './rpc-over-http.js';

describe('the fake upstream is an MCP server to real clients', () => {
  test.each(CLIENT_KINDS.filter(({ transport }) => transport === 'http'))(
    '$name lists and calls',
    async ({ connect: open }) => {
      const upstream = await fakeUpstream();
      const client = await open(upstream.url);
      expect((await client.listTools()).tools).toMatchObject([{ name: 'echo' }]);
      expect((await client.callTool('echo', { a: 1 })).content).toEqual([{ type: 'text', text: '{"a":1}' }]);
      await client.close();
      await upstream.close();
    },
  );

  test('with sessions, it refuses requests without one and announces changed lists on the stream', async () => {
    const upstream = await fakeUpstream({ stateful: true });
    expect((await rpc(upstream.url, 'tools/list')).status).toBe(400);
    const client = await connectV1(upstream.url);
    const changed = new Promise((resolve) => {
      client.fallbackNotificationHandler = (notification) => {
        resolve(notification.method);
        return Promise.resolve();
      };
    });
    await upstream.announceListChanged('tools');
    await expect(changed).resolves.toBe('notifications/tools/list_changed');
    upstream.forgetSessions();
    await expect(client.listTools()).rejects.toThrow(/404|session/i);
    await client.close();
    await upstream.close();
  });

  test('pages, progress and failures are seen as asked for', async () => {
    const upstream = await fakeUpstream({
      pageSize: 2,
      tools: [1, 2, 3].map((n) => ({
        name: `tool_${n}`,
        inputSchema: { type: 'object' },
        run: (_args, call) => {
          call.progress(1, 2);
          return 'done';
        },
      })),
    });
    const client = await connectV2(upstream.url);
    expect((await client.listTools()).tools).toHaveLength(3);
    expect(upstream.seen('tools/list')).toHaveLength(2);
    const progress: unknown[] = [];
    await client.callTool({ name: 'tool_1' }, { onprogress: (step) => progress.push(step) });
    expect(progress).toMatchObject([{ progress: 1, total: 2 }]);
    upstream.setFailure(() => ({ status: 503 }));
    expect((await rpc(upstream.url, 'tools/list')).status).toBe(503);
    await client.close();
    await upstream.close();
  });
});

test('a real server starts on a free port and ends with the test', async () => {
  const server = await everythingOverHttp('streamableHttp');
  const client = await connectV1(server.url);
  expect((await client.listTools()).tools.length).toBeGreaterThan(5);
  await client.close();
  await server.close();
  await expect(fetch(server.url)).rejects.toThrow();
});

test('tests cannot reach anything but this machine', async () => {
  const error = await new Promise((resolve) => connect(443, '192.0.2.1').once('error', resolve));
  expect(error).toMatchObject({ message: 'Tests reach this machine only, not 192.0.2.1' });
  await expect(fetch('http://gateway.example/')).rejects.toThrow();
  expect(takeRefusedHosts()).toEqual(['192.0.2.1', 'gateway.example']);
});
