import { startFixture, type Fixture } from '../../conformance/fixture/start-fixture.js';
import { insertKey } from '../../factory/insert-key.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { modernRpc, modernStream } from '../../harness/modern-rpc.js';
import { rawUpstream, type RawAnswer, type RawUpstream } from '../../harness/raw-upstream.js';
import { clientHeaders, messagesOf, rpc, type RpcAnswer, type RpcReply } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

type Era = 'legacy' | 'modern';
type Json = Record<string, unknown>;

const ERAS = ['legacy', 'modern'] as const;
const CELLS = ERAS.flatMap((client) => ERAS.map((server) => ({ client, server })));
const WATCHED = 'test://watched-resource';

const TOOLS = Array.from({ length: 5 }, (_, index) => ({ name: `t${index}`, inputSchema: { type: 'object' } }));

/** Lists tools two at a time, says what it was called with, and never answers `t4`. */
function answer(method: string, bodyText: string): RawAnswer {
  const { params = {} } = JSON.parse(bodyText) as { params?: Json };
  const complete = { resultType: 'complete' };
  const hints = { ...complete, ttlMs: 600_000, cacheScope: 'public' };
  const from = Number(params['cursor'] ?? 0);
  switch (method) {
    case 'tools/list': {
      const next = from + 2 < TOOLS.length ? { nextCursor: String(from + 2) } : {};
      return { result: JSON.stringify({ ...hints, tools: TOOLS.slice(from, from + 2), ...next }) };
    }
    case 'tools/call':
      return params['name'] === 't4' ? 'nothing' : { result: JSON.stringify({ ...complete, content: [] }) };
    default:
      return { error: '{"code":-32601,"message":"Method not found"}' };
  }
}

let raw: Readonly<Record<Era, RawUpstream>>;
let fixtures: Readonly<Record<Era, Fixture>>;
let keeper: FakeUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  const capabilities = '{"tools":{},"logging":{}}';
  raw = {
    legacy: await rawUpstream({ era: 'legacy', capabilities, answer, stateful: true }),
    modern: await rawUpstream({ era: 'modern', capabilities, answer }),
  };
  fixtures = { legacy: await startFixture({ era: 'legacy' }), modern: await startFixture({ era: 'modern' }) };
  keeper = await fakeUpstream({ stateful: true });
  gateway = await startGateway({
    config: {
      general_settings: { limits: { list_page_size: 3 } },
      mcp_servers: {
        raw_legacy: { url: raw.legacy.url, transport: 'http' },
        raw_modern: { url: raw.modern.url, transport: 'http' },
        fixture_legacy: { url: fixtures.legacy.url, transport: 'http' },
        fixture_modern: { url: fixtures.modern.url, transport: 'http' },
        keeper: { url: keeper.url, transport: 'http' },
        dead: { url: 'http://127.0.0.1:9/mcp', transport: 'http' },
      },
    },
  });
}, 60_000);

afterAll(async () => {
  await gateway.close();
  await Promise.all([raw.legacy, raw.modern, fixtures.legacy, fixtures.modern, keeper].map((each) => each.close()));
});

const EVERYTHING = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };

interface Peer {
  ask(method: string, params?: Json, meta?: Json, signal?: AbortSignal): Promise<RpcAnswer>;
  /** What it is told outside of calls. */
  listen(uri: string): Promise<{ readonly heard: () => readonly RpcReply[]; close(): Promise<void> }>;
  /** Withdraws the request that {@link ask} sent with this id. */
  cancel(abort: AbortController): Promise<void>;
  close(): Promise<void>;
}

/** A client of either era. */
async function connect(era: Era, server: string, key = gateway.key): Promise<Peer> {
  const url = `${gateway.url}/mcp/${server}`;
  if (era === 'modern') {
    const options = { key, capabilities: EVERYTHING };
    return {
      ask: (method, params = {}, meta = {}, signal) =>
        modernRpc(url, method, params, { ...options, meta, ...(signal === undefined ? {} : { signal }) }),
      listen: async (uri) => {
        const notifications = { toolsListChanged: true, resourceSubscriptions: [uri] };
        const stream = await modernStream(url, 'subscriptions/listen', { notifications }, options);
        await waitFor(() => stream.messages.length);
        return {
          heard: () => stream.messages,
          close: async () => {
            stream.close();
            await stream.ended;
          },
        };
      },
      cancel: (abort) => Promise.resolve(abort.abort()),
      close: () => Promise.resolve(),
    };
  }
  const params = { protocolVersion: '2025-11-25', capabilities: EVERYTHING, clientInfo: { name: 't', version: '1' } };
  const sessionId = (await rpc(url, 'initialize', params, { key })).headers.get('mcp-session-id') ?? '';
  const options = { key, sessionId };
  return {
    ask: (method, given = {}, meta = {}, signal) =>
      rpc(url, method, { ...given, _meta: meta }, { ...options, id: 7, ...(signal === undefined ? {} : { signal }) }),
    listen: async (uri) => {
      const abort = new AbortController();
      const headers = clientHeaders({ ...options, headers: { accept: 'text/event-stream' } });
      const stream = await fetch(url, { headers, signal: abort.signal });
      let text = '';
      const read = (async () => {
        const decoder = new TextDecoder();
        for await (const chunk of stream.body ?? []) text += decoder.decode(chunk as Uint8Array, { stream: true });
      })().catch(() => undefined);
      await rpc(url, 'resources/subscribe', { uri }, options);
      return {
        heard: () => messagesOf('text/event-stream', text.slice(0, text.lastIndexOf('\n\n') + 2)),
        close: async () => {
          abort.abort();
          await read;
        },
      };
    },
    cancel: async () => {
      await rpc(url, 'notifications/cancelled', { requestId: 7 }, { ...options, id: null });
    },
    close: async () => {
      await fetch(url, { method: 'DELETE', headers: clientHeaders(options) });
    },
  };
}

describe.each(CELLS)('a $client client and a $server server', ({ client, server }) => {
  const upstream = (): RawUpstream => raw[server];
  let peer: Peer;

  afterEach(async () => {
    await peer.close();
  });

  test('a warm call costs one request there', async () => {
    peer = await connect(client, `raw_${server}`);
    await peer.ask('tools/call', { name: 't0', arguments: {} });
    upstream().clearLog();
    await peer.ask('tools/call', { name: 't1', arguments: {} });
    expect(upstream().requests.map(({ method }) => method)).toEqual(['tools/call']);
  });

  test('all pages of the server are read, and offered in pages of our own', async () => {
    peer = await connect(client, `raw_${server}`);
    const names: unknown[] = [];
    let cursor: unknown;
    do {
      const { message } = await peer.ask('tools/list', cursor === undefined ? {} : { cursor });
      const { tools, nextCursor } = message?.result as { tools: Json[]; nextCursor?: unknown };
      expect(tools.length).toBeLessThanOrEqual(3);
      names.push(...tools.map(({ name }) => name));
      cursor = nextCursor;
    } while (cursor !== undefined);
    expect(names).toEqual(TOOLS.map(({ name }) => name));
  });

  test('a call that its client withdraws is withdrawn there', async () => {
    peer = await connect(client, `raw_${server}`);
    await peer.ask('tools/list');
    upstream().clearLog();
    const abort = new AbortController();
    const call = peer.ask('tools/call', { name: 't4', arguments: {} }, {}, abort.signal).catch(() => undefined);
    const sent = await waitFor(() => upstream().last('tools/call'));
    expect(sent.isAbandoned()).toBe(false);
    await peer.cancel(abort);
    await waitFor(() => sent.isAbandoned());
    const { id } = JSON.parse(sent.bodyText) as { id: unknown };
    // Sessions are told in a message; elsewhere closing the stream says it.
    if (server === 'legacy') {
      const told = await waitFor(() => upstream().last('notifications/cancelled'));
      expect(JSON.parse(told.bodyText)).toMatchObject({ params: { requestId: id } });
    } else expect(upstream().last('notifications/cancelled')).toBeUndefined();
    await call;
  });

  test('the level of log messages that the client wants is asked for there', async () => {
    peer = await connect(client, `raw_${server}`);
    await peer.ask('tools/call', { name: 't0', arguments: {} });
    upstream().clearLog();
    if (client === 'legacy') await peer.ask('logging/setLevel', { level: 'error' });
    const meta = client === 'modern' ? { 'io.modelcontextprotocol/logLevel': 'error' } : {};
    await peer.ask('tools/call', { name: 't0', arguments: {} }, meta);
    if (server === 'legacy') {
      const asked = await waitFor(() => upstream().last('logging/setLevel'));
      expect(JSON.parse(asked.bodyText)).toMatchObject({ params: { level: 'error' } });
    } else {
      expect(upstream().last('logging/setLevel')).toBeUndefined();
      const { params } = JSON.parse(upstream().last('tools/call')?.bodyText ?? '{}') as { params?: { _meta?: Json } };
      expect(params?._meta?.['io.modelcontextprotocol/logLevel']).toBe('error');
    }
  });

  test('changes of lists and of a watched resource are heard', async () => {
    peer = await connect(client, `fixture_${server}`);
    await peer.ask('tools/list');
    const { heard, close } = await peer.listen(WATCHED);
    const hears = (what: string): boolean => heard().some(({ method }) => method === `notifications/${what}`);
    await waitFor(
      async () => {
        await peer.ask('tools/call', { name: 'test_trigger_tool_change', arguments: {} });
        return hears('tools/list_changed');
      },
      { everyMs: 100 },
    );
    await waitFor(
      async () => {
        await peer.ask('tools/call', { name: 'test_trigger_resource_update', arguments: {} });
        return hears('resources/updated');
      },
      { everyMs: 100 },
    );
    expect(heard().find(({ method }) => method?.endsWith('/updated'))?.params).toMatchObject({ uri: WATCHED });
    await close();
  });
});

describe.each(ERAS)('a %s client', (client) => {
  test('of several servers, one of which is dead, sees the others and is told of that one', async () => {
    const peer = await connect(client, 'raw_modern,dead');
    const { message } = await peer.ask('tools/list');
    expect((message?.result?.['tools'] as Json[])[0]).toMatchObject({ name: 'raw_modern-t0' });
    expect(message?.result?.['_meta']).toMatchObject({
      'gatehouse/outcomes': { dead: { status: 'failed', reason: expect.stringContaining('dead') as unknown } },
    });
    await peer.close();
  });

  test('never shares a session of a server with another principal', async () => {
    const { key } = await insertKey(gateway.databaseUrl, { permission: { servers: ['keeper'] } });
    keeper.clearLog();
    const sessions = async (used: string): Promise<unknown> => {
      const peer = await connect(client, 'keeper', used);
      await peer.ask('tools/call', { name: 'echo', arguments: {} });
      const session = keeper.seen('tools/call').at(-1)?.headers['mcp-session-id'];
      await peer.close();
      return session;
    };
    const [mine, theirs] = [await sessions(gateway.key), await sessions(key)];
    expect(mine).toEqual(expect.any(String));
    expect(theirs).toEqual(expect.any(String));
    expect(theirs).not.toBe(mine);
  });
});

test.each(ERAS)('a modern client is sent to a page by a %s server, and goes on after it', async (server) => {
  const peer = await connect('modern', `fixture_${server}`);
  const call = { name: 'test_elicitation_url', arguments: {} };
  const first = await peer.ask('tools/call', call);
  const { inputRequests, requestState } = first.message?.result as { inputRequests: Json; requestState?: string };
  const [[key, request]] = Object.entries(inputRequests) as [[string, unknown]];
  expect(request).toMatchObject({
    method: 'elicitation/create',
    params: { mode: 'url', url: expect.any(String) as unknown },
  });
  const state = requestState === undefined ? {} : { requestState };
  const second = await peer.ask('tools/call', { ...call, inputResponses: { [key]: { action: 'accept' } }, ...state });
  expect(second.message?.result).toMatchObject({ resultType: 'complete' });
  expect(second.text).toContain('action=accept');
});

test('a modern server is told who the client is, where it said so', async () => {
  const peer = await connect('modern', 'raw_modern');
  await peer.ask('tools/call', { name: 't0', arguments: {} });
  expect(raw.modern.last('tools/call')?.bodyText).toContain(
    '"io.modelcontextprotocol/clientInfo":{"name":"gatehouse-test"',
  );
  const old = await connect('legacy', 'raw_modern');
  await old.ask('tools/call', { name: 't0', arguments: {} });
  expect(raw.modern.last('tools/call')?.bodyText).toContain('"io.modelcontextprotocol/clientInfo":{"name":"gatehouse"');
  await old.close();
});

test('headers of the protocol that nobody here knows go along to modern servers, and keys never do', async () => {
  const call = (server: string, headers: Record<string, string>): Promise<RpcAnswer> =>
    modernRpc(
      `${gateway.url}/mcp/${server}`,
      'tools/call',
      { name: 't0', arguments: {} },
      { key: gateway.key, headers },
    );
  const encoded = `=?base64?${Buffer.from(gateway.key).toString('base64')}?=`;
  const headers = { 'mcp-param-unknown': 'x', 'mcp-future': 'y', 'mcp-param-a': gateway.key, 'mcp-param-b': encoded };
  await call('raw_modern', headers);
  expect(raw.modern.last('tools/call')?.headers).toMatchObject({ 'mcp-param-unknown': 'x', 'mcp-future': 'y' });
  expect(JSON.stringify(raw.modern.last('tools/call')?.headers)).not.toMatch(/mcp-param-[ab]/);
  await call('raw_legacy', headers);
  expect(Object.keys(raw.legacy.last('tools/call')?.headers ?? {})).not.toContain('mcp-future');
});
