import { fakeUpstream, RawResult, type FakeUpstream } from '../../harness/fake-upstream.js';
import { connectV1 } from '../../harness/mcp-client.js';
import { clientHeaders, post, rpc, type RpcAnswer } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';
import {
  LoggingMessageNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';

/** Streamable HTTP of the legacy revisions towards clients: contract §§3, 5; protocol page §3.1. */
describe('streamable HTTP', () => {
  let upstream: FakeUpstream;
  let stateful: FakeUpstream;
  let gateway: TestGateway;
  let mcp: string;
  const release: { blocked?: () => void } = {};

  beforeAll(async () => {
    upstream = await fakeUpstream({
      instructions: 'Ask before you echo.',
      tools: [
        { name: 'echo', inputSchema: { type: 'object' } },
        {
          name: 'raw',
          inputSchema: { type: 'object' },
          run: () =>
            new RawResult(
              '{"content":[{"type":"hologram","n":12345678901234567890.5}], "isError" : false,"x-unknown":{"k":1e400}}',
            ),
        },
        {
          name: 'steps',
          inputSchema: { type: 'object' },
          run: (_args, call) => {
            call.progress(1, 2, 'half');
            call.log('info', 'working');
            call.log('debug', 'detail');
            return 'done';
          },
        },
        {
          name: 'wait',
          inputSchema: { type: 'object' },
          run: (_args, call) =>
            new Promise((resolve) => {
              release.blocked = () => resolve('released');
              call.signal.addEventListener('abort', () => resolve('aborted'));
            }),
        },
        {
          name: 'broken',
          inputSchema: { type: 'object' },
          run: () => ({ content: [{ type: 'text', text: 'no' }], isError: true }),
        },
      ],
    });
    stateful = await fakeUpstream({ stateful: true, tools: [{ name: 'one', inputSchema: { type: 'object' } }] });
    gateway = await startGateway({
      config: {
        mcp_servers: { up: { url: upstream.url, transport: 'http' }, keeper: { url: stateful.url, transport: 'http' } },
      },
    });
    mcp = `${gateway.url}/mcp`;
  });

  afterAll(async () => {
    await gateway.close();
    await upstream.close();
    await stateful.close();
  });

  const ask = (method: string, params?: unknown, more: object = {}): Promise<RpcAnswer> =>
    rpc(mcp, method, params, { key: gateway.key, ...more });

  async function initialize(version = '2025-11-25'): Promise<string> {
    const answer = await ask('initialize', {
      protocolVersion: version,
      capabilities: {},
      clientInfo: { name: 't', version: '1' },
    });
    return answer.headers.get('mcp-session-id') ?? '';
  }

  describe('initialize', () => {
    it.each(['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'])(
      'answers %s with the same revision',
      async (version) => {
        const answer = await ask('initialize', {
          protocolVersion: version,
          capabilities: {},
          clientInfo: { name: 't', version: '1' },
        });
        expect(answer.message?.result).toMatchObject({
          protocolVersion: version,
          serverInfo: { name: 'gatehouse' },
          capabilities: { tools: { listChanged: true }, logging: {} },
        });
        expect(String(answer.message?.result?.['instructions'])).toContain('Ask before you echo.');
        expect(answer.headers.get('mcp-session-id')).toMatch(/^[\x21-\x7e]{40,}$/);
      },
    );

    it('answers an unknown revision with the newest of the legacy era', async () => {
      const answer = await ask('initialize', {
        protocolVersion: '2999-01-01',
        capabilities: {},
        clientInfo: { name: 't', version: '1' },
      });
      expect(answer.message?.result?.['protocolVersion']).toBe('2025-11-25');
    });
  });

  describe('sessions', () => {
    it('serve calls, end by DELETE, and are 404 afterwards', async () => {
      const sessionId = await initialize();
      expect((await ask('tools/list', undefined, { sessionId })).status).toBe(200);
      const ended = await fetch(mcp, { method: 'DELETE', headers: clientHeaders({ key: gateway.key, sessionId }) });
      expect(ended.status).toBe(200);
      expect((await ask('tools/list', undefined, { sessionId })).status).toBe(404);
    });

    it('are unknown with one character changed', async () => {
      const sessionId = await initialize();
      const at = Math.floor(sessionId.length / 2);
      const forged = sessionId.slice(0, at) + (sessionId[at] === 'A' ? 'B' : 'A') + sessionId.slice(at + 1);
      expect((await ask('ping', undefined, { sessionId: forged })).status).toBe(404);
      expect((await ask('ping', undefined, { sessionId: 'nonsense' })).status).toBe(404);
    });

    it('are required where nothing makes sense without one', async () => {
      const headers = clientHeaders({ key: gateway.key });
      expect((await fetch(mcp, { headers })).status).toBe(400);
      expect((await fetch(mcp, { method: 'DELETE', headers })).status).toBe(400);
      expect((await post(mcp, '{"jsonrpc":"2.0","id":7,"result":{}}', { key: gateway.key })).status).toBe(400);
    });

    it('keep one upstream session to themselves, opened when first needed and ended with them', async () => {
      const before = stateful.sessions.size;
      const [first, second] = [await initialize(), await initialize()];
      stateful.clearLog();
      const call = (sessionId: string): Promise<RpcAnswer> =>
        ask('tools/call', { name: 'keeper-one', arguments: {} }, { sessionId });
      await call(first);
      await call(first);
      await call(second);
      const used = stateful.seen('tools/call').map(({ headers }) => String(headers['mcp-session-id']));
      expect(used[0]).toBe(used[1]);
      expect(used[2]).not.toBe(used[0]);
      expect(stateful.sessions.size).toBe(before + 2);
      for (const sessionId of [first, second]) {
        await fetch(mcp, { method: 'DELETE', headers: clientHeaders({ key: gateway.key, sessionId }) });
      }
      await waitFor(() => stateful.sessions.size === before, { what: 'the upstream sessions to end' });
    });

    it('come back once, for all waiters, when the upstream has forgotten them', async () => {
      const sessionId = await initialize();
      const call = (): Promise<RpcAnswer> =>
        ask('tools/list', undefined, { sessionId, headers: { 'x-mcp-servers': 'keeper' } });
      expect((await call()).message?.result).toBeDefined();
      await ask('tools/call', { name: 'keeper-one', arguments: {} }, { sessionId });
      stateful.forgetSessions();
      stateful.clearLog();
      const lost = await ask('tools/call', { name: 'keeper-one', arguments: {} }, { sessionId });
      expect(lost.message?.error?.data).toMatchObject({ server: 'keeper', retryable: true });
      const again = await ask('tools/call', { name: 'keeper-one', arguments: {} }, { sessionId });
      expect(again.message?.result).toBeDefined();
    });
  });

  describe('without a session', () => {
    it('serves requests statelessly, as curl sends them', async () => {
      const answer = await fetch(`${mcp}/up`, {
        method: 'POST',
        headers: { authorization: `Bearer ${gateway.key}` },
        body: '{"method":"tools/list"}',
      });
      const body = (await answer.json()) as { id: unknown; result: { tools: { name: string }[] } };
      expect(answer.headers.get('content-type')).toBe('application/json');
      expect(body.id).toBeNull();
      expect(body.result.tools.map(({ name }) => name)).toContain('echo');
    });
  });

  describe('fidelity', () => {
    it('passes arguments and results byte for byte: big integers, unknown members, unknown content blocks', async () => {
      upstream.clearLog();
      const body =
        '{"jsonrpc":"2.0","id":98765432109876543210,"method":"tools/call","params":{"name":"up-raw","arguments":{"n":12345678901234567890, "e":1e400,"u":"\\ud83d"},"_meta":{"vendor/x":1}}}';
      const answer = await post(mcp, body, { key: gateway.key });
      expect(answer.text).toBe(
        '{"jsonrpc":"2.0","id":98765432109876543210,"result":{"content":[{"type":"hologram","n":12345678901234567890.5}], "isError" : false,"x-unknown":{"k":1e400}}}',
      );
      expect(upstream.seen('tools/call')[0]?.bodyText).toContain(
        '"params":{"name":"raw","arguments":{"n":12345678901234567890, "e":1e400,"u":"\\ud83d"},"_meta":{"vendor/x":1}}',
      );
    });

    it('passes a tool’s own failure untouched', async () => {
      const answer = await ask('tools/call', { name: 'up-broken' });
      expect(answer.message?.result).toEqual({ content: [{ type: 'text', text: 'no' }], isError: true });
    });

    it('passes an upstream’s JSON-RPC error with code, message and data', async () => {
      upstream.setFailure((seen) =>
        seen.method === 'tools/call' ? { error: { code: -31999, message: 'odd', data: { why: 1 } } } : undefined,
      );
      const answer = await ask('tools/call', { name: 'up-echo', arguments: {} });
      upstream.setFailure(undefined);
      expect(answer.message?.error).toEqual({ code: -31999, message: 'odd', data: { why: 1 } });
    });

    it('accepts a call without arguments', async () => {
      expect((await ask('tools/call', { name: 'up-echo' })).message?.result).toBeDefined();
    });
  });

  describe('streams', () => {
    it('send progress under the client’s own token and log messages before the reply', async () => {
      const answer = await ask('tools/call', { name: 'up-steps', _meta: { progressToken: 'tok-1' } });
      expect(answer.headers.get('content-type')).toBe('text/event-stream');
      expect(answer.messages.map(({ method, params }) => [method, params])).toEqual([
        ['notifications/progress', { progressToken: 'tok-1', progress: 1, total: 2, message: 'half' }],
        ['notifications/message', { level: 'info', data: 'working' }],
        ['notifications/message', { level: 'debug', data: 'detail' }],
        [undefined, undefined],
      ]);
    });

    it('answer plain JSON where one message suffices, and to clients that read nothing else', async () => {
      expect((await ask('tools/list')).headers.get('content-type')).toBe('application/json');
      const jsonOnly = await ask(
        'tools/call',
        { name: 'up-steps', _meta: { progressToken: 1 } },
        { headers: { accept: 'application/json' } },
      );
      expect(jsonOnly.headers.get('content-type')).toBe('application/json');
      expect(jsonOnly.message?.result).toBeDefined();
      const eventsOnly = await ask('ping', undefined, { headers: { accept: 'text/event-stream' } });
      expect(eventsOnly.headers.get('content-type')).toBe('text/event-stream');
      expect(eventsOnly.message?.result).toEqual({});
    });

    it('respect the log level of their session', async () => {
      const sessionId = await initialize();
      await ask('logging/setLevel', { level: 'info' }, { sessionId });
      const answer = await ask('tools/call', { name: 'up-steps' }, { sessionId });
      expect(
        answer.messages
          .filter(({ method }) => method === 'notifications/message')
          .map(({ params }) => params?.['level']),
      ).toEqual(['info']);
      expect((await ask('logging/setLevel', { level: 'loud' }, { sessionId })).message?.error?.code).toBe(-32602);
    });

    it('tell sessions that an upstream’s list changed, and the next list is the new one', async () => {
      const client = await connectV1(mcp, { key: gateway.key });
      const told = Promise.withResolvers<void>();
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => told.resolve());
      await client.listTools();
      stateful.setTools([
        { name: 'one', inputSchema: { type: 'object' } },
        { name: 'two', inputSchema: { type: 'object' } },
      ]);
      await stateful.announceListChanged('tools');
      await told.promise;
      expect((await client.listTools()).tools.map(({ name }) => name)).toContain('keeper-two');
      await client.close();
    });

    it('carry log messages outside of calls to the session they belong to', async () => {
      const client = await connectV1(mcp, { key: gateway.key });
      const heard = Promise.withResolvers<unknown>();
      client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => heard.resolve(params.data));
      await client.callTool({ name: 'keeper-one', arguments: {} });
      await waitFor(() => stateful.streamCount >= 2, { what: 'the session’s own stream upstream' });
      stateful.notify('notifications/message', { level: 'warning', data: 'disk full' });
      expect(await heard.promise).toBe('disk full');
      await client.close();
    });
  });

  describe('cancellation', () => {
    it('by notifications/cancelled reaches the upstream and ends the call', async () => {
      const sessionId = await initialize();
      const running = ask('tools/call', { name: 'up-wait' }, { sessionId, id: 'call-7' });
      await waitFor(() => upstream.inFlight === 1, { what: 'the call to run' });
      await post(
        mcp,
        '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"call-7","reason":"enough"}}',
        { key: gateway.key, sessionId },
      );
      await waitFor(() => upstream.inFlight === 0, { what: 'the upstream to stop' });
      expect((await running).message?.error?.message).toBe('Cancelled');
    });

    it('does not come from a client that went away: its resources are freed, others go on', async () => {
      const abort = new AbortController();
      const running = ask('tools/call', { name: 'up-wait' }, { signal: abort.signal }).catch(() => 'gone');
      await waitFor(() => upstream.inFlight === 1, { what: 'the call to run' });
      upstream.clearLog();
      abort.abort();
      expect(await running).toBe('gone');
      await waitFor(() => upstream.inFlight === 0, { what: 'the exchange to be dropped' });
      expect(upstream.seen('notifications/cancelled')).toEqual([]);
      expect((await ask('ping')).message?.result).toEqual({});
    });
  });

  describe('what is malformed', () => {
    it.each([
      ['not JSON', '{', 400, -32700],
      ['not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 400, -32700],
      ['a wrong jsonrpc', '{"jsonrpc":"1.0","id":1,"method":"ping"}', 400, -32600],
      ['a batch where there are none', '[{"jsonrpc":"2.0","id":1,"method":"ping"}]', 400, -32600],
      [
        'too deep',
        `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":${'['.repeat(80)}${']'.repeat(80)}}}`,
        400,
        -32600,
      ],
      ['an unknown method', '{"jsonrpc":"2.0","id":1,"method":"no/such"}', 200, -32601],
      ['params that are no object', '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[1]}', 200, -32602],
      [
        'repeated members',
        '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up-echo","name":"x"}}',
        200,
        -32602,
      ],
      ['a forged cursor', '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"AAAA"}}', 200, -32602],
    ])('%s is the protocol’s error', async (_title, body, status, code) => {
      const response = await fetch(mcp, {
        method: 'POST',
        headers: clientHeaders({ key: gateway.key, headers: { 'mcp-protocol-version': '2025-06-18' } }),
        body,
      });
      const message = (await response.json()) as { error: { code: number } };
      expect([response.status, message.error.code]).toEqual([status, code]);
    });

    it('gets its own status: too large, wrong type, unreadable Accept, unknown revision, unknown verb', async () => {
      const huge = await post(
        mcp,
        JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping', params: { a: 'x'.repeat(5_000_000) } }),
        { key: gateway.key },
      );
      expect(huge.status).toBe(413);
      expect((await ask('ping', undefined, { headers: { 'content-type': 'text/xml' } })).status).toBe(415);
      expect((await ask('ping', undefined, { headers: { accept: 'text/html' } })).status).toBe(406);
      expect((await ask('ping', undefined, { headers: { 'mcp-protocol-version': '1.0' } })).status).toBe(400);
      expect((await fetch(mcp, { method: 'PUT', headers: clientHeaders({ key: gateway.key }) })).status).toBe(405);
    });

    it('accepts batches where the revision has them', async () => {
      const answer = await fetch(mcp, {
        method: 'POST',
        headers: clientHeaders({ key: gateway.key, headers: { 'mcp-protocol-version': '2025-03-26' } }),
        body: '[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"notifications/initialized"},{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"up-echo"}}]',
      });
      const replies = (await answer.json()) as { id: number; result: unknown }[];
      expect(replies.map(({ id }) => id)).toEqual([1, 2]);
      const oneWay = await fetch(mcp, {
        method: 'POST',
        headers: clientHeaders({ key: gateway.key, headers: { 'mcp-protocol-version': '2025-03-26' } }),
        body: '[{"jsonrpc":"2.0","method":"notifications/initialized"}]',
      });
      expect([oneWay.status, await oneWay.text()]).toEqual([202, '']);
    });
  });

  describe('admission', () => {
    it.each([
      ['POST', '/mcp'],
      ['GET', '/mcp'],
      ['DELETE', '/mcp'],
      ['GET', '/mcp/up'],
      ['POST', '/up/mcp'],
      ['POST', '/toolset/x/mcp'],
      ['GET', '/sse'],
      ['POST', '/messages?session_id=x'],
      ['GET', '/mcp-rest/tools/list'],
      ['POST', '/mcp-rest/tools/call'],
      ['POST', '/mcp/?x=.well-known'],
      ['GET', '/mcp/no-such-server'],
    ])(
      '%s %s without a credential is 401 with the challenge, before anything else (defects 1, 2, 3)',
      async (method, path) => {
        for (const headers of [
          {},
          { authorization: 'Bearer anything' },
          { 'x-litellm-api-key': 'sk-wrong' },
          { 'x-api-key': 'sk-wrong' },
        ]) {
          const answer = await fetch(`${gateway.url}${path}`, { method, headers: headers as Record<string, string> });
          expect(answer.status).toBe(401);
          expect(answer.headers.get('www-authenticate')).toMatch(
            /^Bearer resource_metadata="http:\/\/127\.0\.0\.1:\d+\/\.well-known\/oauth-protected-resource/,
          );
          await answer.body?.cancel();
        }
      },
    );

    it('takes the key in any of its three carriers, and never tries Authorization beside x-litellm-api-key', async () => {
      const attempt = async (headers: Record<string, string>): Promise<number> =>
        (
          await fetch(mcp, {
            method: 'POST',
            headers: { 'content-type': 'application/json', ...headers },
            body: '{"method":"ping"}',
          })
        ).status;
      const { key } = gateway;
      expect(await attempt({ 'x-litellm-api-key': key })).toBe(200);
      expect(await attempt({ 'x-litellm-api-key': `Bearer ${key}` })).toBe(200);
      expect(await attempt({ authorization: `Bearer ${key}` })).toBe(200);
      expect(await attempt({ authorization: `bearer ${key}` })).toBe(200);
      expect(await attempt({ 'x-api-key': key })).toBe(200);
      expect(await attempt({ authorization: key })).toBe(401);
      expect(await attempt({ 'x-litellm-api-key': 'sk-wrong', authorization: `Bearer ${key}` })).toBe(401);
    });

    it('refuses foreign Hosts and Origins, and answers a browser client’s preflight', async () => {
      const headers = clientHeaders({ key: gateway.key });
      const foreign = await fetch(mcp, {
        method: 'POST',
        headers: { ...headers, origin: 'https://evil.example' },
        body: '{"method":"ping"}',
      });
      expect(foreign.status).toBe(403);
      const own = await fetch(mcp, {
        method: 'POST',
        headers: { ...headers, origin: 'http://localhost:6274' },
        body: '{"method":"ping"}',
      });
      expect([own.status, own.headers.get('access-control-allow-origin')]).toEqual([200, 'http://localhost:6274']);
      const preflight = await fetch(mcp, {
        method: 'OPTIONS',
        headers: {
          origin: 'http://localhost:6274',
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'x-litellm-api-key',
        },
      });
      expect([preflight.status, preflight.headers.get('access-control-allow-headers')]).toEqual([
        204,
        'x-litellm-api-key',
      ]);
    });
  });
});
