import { startFixture, type Fixture } from '../../conformance/fixture/start-fixture.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { modernStream } from '../../harness/modern-rpc.js';
import { clientHeaders, rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

const BOTH = 'application/json, text/event-stream';

let upstream: FakeUpstream;
let fixture: Fixture;
let gateway: TestGateway;
const waiting: (() => void)[] = [];

beforeAll(async () => {
  upstream = await fakeUpstream({
    tools: [
      {
        name: 'silent',
        inputSchema: { type: 'object' },
        run: () => new Promise((resolve) => waiting.push(() => resolve('at last'))),
      },
      {
        name: 'talking',
        inputSchema: { type: 'object' },
        run: (_args, call) => {
          call.progress(1, 2);
          call.log('info', 'half');
          return 'done';
        },
      },
    ],
  });
  fixture = await startFixture({ era: 'legacy' });
  gateway = await startGateway({
    config: {
      mcp_servers: { up: { url: upstream.url, transport: 'http' }, fixture: { url: fixture.url, transport: 'http' } },
    },
  });
}, 60_000);

afterAll(async () => {
  await gateway.close();
  await Promise.all([upstream.close(), fixture.close()]);
});

const url = (server: string): string => `${gateway.url}/mcp/${server}`;

test('a call that is silent for long becomes a stream, which proxies keep open, for who can read one', async () => {
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'silent', arguments: {} } };
  const legacy = (accept: string): Promise<Response> =>
    fetch(url('up'), {
      method: 'POST',
      headers: clientHeaders({ key: gateway.key, headers: { accept, 'mcp-protocol-version': '2025-06-18' } }),
      body: JSON.stringify(call),
    });
  const json = legacy('application/json');
  const [old, modern] = await Promise.all([
    legacy(BOTH),
    modernStream(url('up'), 'tools/call', { name: 'silent', arguments: {} }, { key: gateway.key }),
  ]);
  // Both were answered while nobody has anything to say yet.
  expect(waiting).toHaveLength(3);
  expect(old.headers.get('content-type')).toBe('text/event-stream');
  expect(modern.headers.get('content-type')).toBe('text/event-stream');
  for (const end of waiting) end();
  expect(await old.text()).toContain('at last');
  await modern.ended;
  expect(modern.messages.at(-1)?.result).toMatchObject({ resultType: 'complete', content: [{ text: 'at last' }] });
  const plain = await json;
  expect(plain.headers.get('content-type')).toBe('application/json');
  expect(await plain.text()).toContain('at last');
}, 40_000);

test('a client that reads only JSON gets the result alone, whatever comes before it', async () => {
  const answer = await rpc(
    url('up'),
    'tools/call',
    { name: 'talking', arguments: {}, _meta: { progressToken: 1 } },
    { key: gateway.key, headers: { accept: 'application/json' } },
  );
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect(answer.message?.result).toMatchObject({ content: [{ text: 'done' }] });
});

test('in a session, such a client is asked on its other stream', async () => {
  const init = await rpc(
    url('fixture'),
    'initialize',
    {
      protocolVersion: '2025-06-18',
      capabilities: { elicitation: {} },
      clientInfo: { name: 'json only', version: '1' },
    },
    { key: gateway.key },
  );
  const sessionId = init.headers.get('mcp-session-id') ?? '';
  const options = { key: gateway.key, sessionId };
  const answer = rpc(
    url('fixture'),
    'tools/call',
    { name: 'test_elicitation', arguments: { message: 'Who?' } },
    { ...options, headers: { accept: 'application/json' } },
  );
  const stream = await fetch(url('fixture'), { headers: clientHeaders({ ...options, headers: { accept: BOTH } }) });
  let heard = '';
  const read = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of stream.body ?? []) {
      heard += decoder.decode(chunk as Uint8Array, { stream: true });
    }
  })().catch(() => undefined);
  const id = await waitFor(() => /"id":"(gatehouse-[^"]+)"/.exec(heard)?.[1]);
  await fetch(url('fixture'), {
    method: 'POST',
    headers: clientHeaders(options),
    body: JSON.stringify({
      jsonrpc: '2.0',
      id,
      result: { action: 'accept', content: { username: 'ada', email: 'a@b.c' } },
    }),
  });
  const { headers, text } = await answer;
  expect(headers.get('content-type')).toBe('application/json');
  expect(text).toContain('ada');
  await fetch(url('fixture'), { method: 'DELETE', headers: clientHeaders(options) });
  await read;
});
