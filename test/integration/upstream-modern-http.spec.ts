import { createServer, type IncomingHttpHeaders } from 'node:http';
import { clientCapabilities } from '../../src/core/model/client-capabilities.js';
import { requestText } from '../../src/core/protocol/rpc-message.js';
import type { ClientInteraction, ClientReply, ServerRequest } from '../../src/engine/upstream/client-interaction.js';
import { CallControl, type UpstreamRequest } from '../../src/engine/upstream/upstream.js';
import { startFixture, type Era } from '../conformance/fixture/start-fixture.js';
import { listen } from '../harness/listen.js';
import { waitFor } from '../harness/wait-for.js';
import { httpEntry, makeOwner, makeRequest, Resources, SHARED, startPool } from './upstream-http-fixture.js';

const resources = new Resources();

afterEach(() => resources.close());

interface Seen {
  readonly method: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** In front of a server that may be exchanged for another: what was sent, and to whom it goes on. */
async function startFront(target: string): Promise<{ url: string; seen: Seen[]; turnTo(url: string): void }> {
  const seen: Seen[] = [];
  let current = target;
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks).toString();
      const method = body === '' ? request.method : (JSON.parse(body) as { method?: string }).method;
      seen.push({ method, headers: request.headers, body });
      const leaving = new AbortController();
      response.once('close', () => leaving.abort());
      const { host: _, 'content-length': __, connection: ___, ...headers } = request.headers;
      const answer = await fetch(current, {
        method: request.method ?? 'POST',
        headers: headers as Record<string, string>,
        ...(body === '' ? {} : { body }),
        signal: leaving.signal,
      });
      response.statusCode = answer.status;
      for (const name of ['content-type', 'mcp-session-id']) {
        const value = answer.headers.get(name);
        if (value !== null) response.setHeader(name, value);
      }
      response.flushHeaders();
      for await (const chunk of answer.body ?? []) response.write(chunk);
      response.end();
    })().catch(() => response.destroy());
  });
  const listening = await listen(server);
  resources.add(listening);
  return { url: `${listening.origin}/mcp`, seen, turnTo: (url) => void (current = url) };
}

async function startServer(era: Era): Promise<string> {
  return resources.add(await startFixture({ era })).url;
}

function call(name: string, args: object = {}, overrides: Partial<UpstreamRequest> = {}): UpstreamRequest {
  const request = makeRequest('tools/call', overrides);
  const params = { name, arguments: args };
  return { ...request, text: requestText(request.id, 'tools/call', JSON.stringify(params)) };
}

/** A client that declared this, and answers so. */
function makeClient(capabilities: object, answer: (request: ServerRequest) => unknown): ClientInteraction {
  return {
    key: 'client',
    capabilities: clientCapabilities(JSON.stringify(capabilities)),
    ask: (request): Promise<ClientReply> => Promise.resolve({ kind: 'result', text: JSON.stringify(answer(request)) }),
  };
}

function textOf(reply: { readonly value: Readonly<Record<string, unknown>> }): string {
  const result = reply.value['result'] as { content?: { text?: string }[] } | undefined;
  return result?.content?.[0]?.text ?? JSON.stringify(reply.value);
}

test.each(['modern', 'dual'] as const)(
  'a %s server is asked in the modern way, each request on its own',
  async (era) => {
    const front = await startFront(await startServer(era));
    const pool = startPool(resources);
    const entry = httpEntry('one', front.url);
    const info = await pool.info(entry, SHARED, makeOwner('a'));
    expect(info.protocolVersion).toBe('2026-07-28');
    expect(info.capabilities).toHaveProperty('tools');

    const reply = await pool.request(entry, SHARED, makeOwner('a'), call('test_simple_text'));
    expect(reply.value['result']).not.toHaveProperty('resultType');
    expect(reply.value['result']).toHaveProperty('content');
    expect(front.seen.map(({ method }) => method)).toEqual(['server/discover', 'tools/call']);
    const [, sent] = front.seen;
    expect(sent?.headers).toMatchObject({
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'test_simple_text',
    });
    expect(sent?.headers).not.toHaveProperty('mcp-session-id');
    expect(JSON.parse(sent?.body ?? '')).toMatchObject({
      params: {
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    });
  },
);

test('a legacy server is asked for its era once, not for each session or call', async () => {
  const front = await startFront(await startServer('legacy'));
  const pool = startPool(resources);
  const entry = httpEntry('one', front.url);
  for (const owner of ['a', 'b', 'c']) {
    const reply = await pool.request(entry, SHARED, makeOwner(owner), call('test_simple_text'));
    expect(reply.value['result']).toHaveProperty('content');
  }
  expect(front.seen.filter(({ method }) => method === 'server/discover')).toHaveLength(1);
  expect(front.seen.filter(({ method }) => method === 'initialize')).toHaveLength(3);
});

test('statuses that are no evidence do not settle the era', async () => {
  for (const status of [403, 500, 503]) {
    const server = createServer((_request, response) => void response.writeHead(status).end());
    const broken = await listen(server);
    const front = await startFront(broken.origin);
    const pool = startPool(resources);
    const entry = httpEntry('one', front.url);
    await expect(pool.info(entry, SHARED, makeOwner('a'))).rejects.toMatchObject({ code: /^upstream/ });
    front.turnTo(await startServer('modern'));
    const info = await pool.info(entry, SHARED, makeOwner('b'));
    expect(info.protocolVersion).toBe('2026-07-28');
    await broken.close();
  }
});

test('an argument that a tool annotates is repeated in a header, whatever is in it', async () => {
  const front = await startFront(await startServer('modern'));
  const pool = startPool(resources);
  const mirrored = [
    { name: 'Region', path: ['region'], isNumeric: false },
    { name: 'Count', path: ['deep', 'count'], isNumeric: true },
    { name: 'Absent', path: ['absent'], isNumeric: false },
  ];
  const args = { region: 'Grüße', deep: { count: 7 }, absent: null };
  await pool.request(httpEntry('one', front.url), SHARED, makeOwner('a'), call('test_simple_text', args, { mirrored }));
  const sent = front.seen.at(-1);
  expect(sent?.headers['mcp-param-region']).toBe(`=?base64?${Buffer.from('Grüße').toString('base64')}?=`);
  expect(sent?.headers['mcp-param-count']).toBe('7');
  expect(sent?.headers).not.toHaveProperty('mcp-param-absent');
});

test('what a server asks is put to a legacy client, and the call goes on with a new id and the answers', async () => {
  const front = await startFront(await startServer('modern'));
  const pool = startPool(resources);
  const asked: ServerRequest[] = [];
  const client = makeClient({ elicitation: {} }, (request) => {
    asked.push(request);
    return { action: 'accept', content: { username: 'ada', email: 'ada@example.org' } };
  });
  const entry = httpEntry('one', front.url);
  const reply = await pool.request(
    entry,
    SHARED,
    makeOwner('a'),
    call('test_elicitation', { message: 'Who?' }, { client }),
  );
  expect(textOf(reply)).toContain('ada');
  expect(asked.map(({ method }) => method)).toEqual(['elicitation/create']);
  const rounds = front.seen.filter(({ method }) => method === 'tools/call').map(({ body }) => JSON.parse(body) as Json);
  expect(rounds).toHaveLength(2);
  expect(rounds[0]?.['id']).not.toBe(rounds[1]?.['id']);
  expect(rounds[0]).toMatchObject({
    params: { _meta: { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } } },
  });
});

type Json = Record<string, unknown>;

test('state of a server comes back to it byte for byte', async () => {
  const front = await startFront(await startServer('modern'));
  const pool = startPool(resources);
  const client = makeClient({ elicitation: {}, sampling: {}, roots: {} }, ({ method }) =>
    method === 'elicitation/create'
      ? { action: 'accept', content: { ok: true, name: 'ada' } }
      : method === 'roots/list'
        ? { roots: [] }
        : { role: 'assistant', model: 'm', content: { type: 'text', text: 'hi' } },
  );
  const entry = httpEntry('one', front.url);
  for (const tool of ['test_input_required_result_request_state', 'test_input_required_result_multi_round']) {
    const reply = await pool.request(entry, SHARED, makeOwner('a'), call(tool, {}, { client }));
    expect(reply.value).toHaveProperty('result.content');
  }
});

test('a client that cannot be asked learns what it lacks, and the server is never told otherwise', async () => {
  const pool = startPool(resources);
  const entry = httpEntry('one', await startServer('modern'));
  const client = makeClient({}, () => ({}));
  const outcome = await pool
    .request(entry, SHARED, makeOwner('a'), call('test_elicitation', { message: 'Who?' }, { client }))
    .catch((error: unknown) => error);
  expect(JSON.stringify(outcome) + String(outcome)).toMatch(/capability|elicitation/i);
});

test('a caller of the modern era gets the question itself', async () => {
  const pool = startPool(resources);
  const entry = httpEntry('one', await startServer('modern'));
  const client = makeClient({ elicitation: {} }, () => ({}));
  const modern = { clientInfoText: '{"name":"m","version":"1"}', logLevel: undefined };
  const request = call('test_elicitation', { message: 'Who?' }, { client, modern });
  const reply = await pool.request(entry, SHARED, makeOwner('a'), request);
  expect(reply.value).toMatchObject({ result: { resultType: 'input_required' } });
});

test('progress and log lines come with their call', async () => {
  const pool = startPool(resources);
  const entry = httpEntry('one', await startServer('modern'));
  const methods: unknown[] = [];
  const onMessage = (message: { value: Json }): void => void methods.push(message.value['method']);
  const client = makeClient({}, () => ({}));
  const request = makeRequest('tools/call', { client, onMessage: onMessage });
  const params = { name: 'test_tool_with_progress', arguments: {}, _meta: { progressToken: request.id } };
  const text = requestText(request.id, 'tools/call', JSON.stringify(params));
  await pool.request(entry, SHARED, makeOwner('a'), { ...request, text });
  expect(methods).toEqual(Array.from({ length: 3 }, () => 'notifications/progress'));
  methods.length = 0;
  const logging = call('test_tool_with_logging', {}, { client, logLevel: 'info', onMessage: onMessage });
  await pool.request(entry, SHARED, makeOwner('a'), logging);
  expect(methods).toContain('notifications/message');
});

test('cancelling closes the stream, which the server hears', async () => {
  const front = await startFront(await startServer('modern'));
  const pool = startPool(resources);
  const control = new CallControl();
  const running = pool.request(httpEntry('one', front.url), SHARED, makeOwner('a'), call('test_wait', {}, { control }));
  await waitFor(() => front.seen.some(({ method }) => method === 'tools/call'));
  control.cancel();
  await expect(running).rejects.toMatchObject({ code: 'call/cancelled' });
  expect(front.seen.some(({ method }) => method === 'notifications/cancelled')).toBe(false);
});

test('one listen stream serves all who listen, and says what changed', async () => {
  const front = await startFront(await startServer('modern'));
  const pool = startPool(resources);
  const entry = httpEntry('one', front.url);
  const [a, b] = [makeOwner('a'), makeOwner('b')];
  pool.setListening(a, true);
  pool.setListening(b, true);
  await pool.request(entry, SHARED, a, call('test_simple_text'));
  await pool.request(entry, SHARED, b, call('test_simple_text'));
  await waitFor(() => front.seen.some(({ method }) => method === 'subscriptions/listen'));
  const changes = (owner: typeof a): unknown[] => owner.received.map(({ value }) => value['method']);
  await waitFor(async () => {
    await pool.request(entry, SHARED, a, call('test_trigger_tool_change'));
    return changes(a).length > 0 && changes(b).length > 0;
  });
  expect(changes(b)[0]).toBe('notifications/tools/list_changed');
  expect(a.received[0]?.text).not.toContain('subscriptionId');
  expect(front.seen.filter(({ method }) => method === 'subscriptions/listen')).toHaveLength(1);
});

test('a resource that is not there is −32002 for the legacy era', async () => {
  const pool = startPool(resources);
  const entry = httpEntry('one', await startServer('modern'));
  const request = makeRequest('resources/read');
  const text = requestText(request.id, 'resources/read', '{"uri":"test://nowhere"}');
  const reply = await pool.request(entry, SHARED, makeOwner('a'), { ...request, text });
  expect(reply.value['error']).toMatchObject({ code: -32_002 });
});

describe('a server that changes its era under the gateway', () => {
  test.each([
    ['legacy', 'modern'],
    ['modern', 'legacy'],
  ] as const)('from %s to %s is found out within one failed request', async (before, after) => {
    const front = await startFront(await startServer(before));
    const pool = startPool(resources);
    const entry = httpEntry('one', front.url);
    const owner = makeOwner('a');
    await pool.request(entry, SHARED, owner, call('test_simple_text'));
    front.turnTo(await startServer(after));
    const first = await pool.request(entry, SHARED, owner, call('test_simple_text')).then(
      () => 'served',
      (error: unknown) => (error as { code: string }).code,
    );
    expect(['served', 'upstream/session_lost']).toContain(first);
    const second = await pool.request(entry, SHARED, owner, call('test_simple_text'));
    expect(second.value).toHaveProperty('result.content');
    const info = await pool.info(entry, SHARED, owner);
    expect(info.protocolVersion === '2026-07-28').toBe(after === 'modern');
  });

  test('costs what is free of side effects nothing', async () => {
    const front = await startFront(await startServer('modern'));
    const pool = startPool(resources);
    const entry = httpEntry('one', front.url);
    const owner = makeOwner('a');
    await pool.request(entry, SHARED, owner, makeRequest('tools/list', { repeatable: true }));
    front.turnTo(await startServer('legacy'));
    const reply = await pool.request(entry, SHARED, owner, makeRequest('tools/list', { repeatable: true }));
    expect(reply.value).toHaveProperty('result.tools');
  });
});
