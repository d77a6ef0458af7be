import { createHash } from 'node:crypto';
import { connectV1Sse } from '../../harness/mcp-client.js';
import { canary, findLeaks } from '../../harness/canaries.js';
import { fakeUpstream, type FakeTool, type FakeUpstream } from '../../harness/fake-upstream.js';
import { everythingOverStdio } from '../../harness/real-servers.js';
import { clientHeaders, rpc, type RpcAnswer } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

/**
 * Known defects of gateways of this kind, each asked for end to end on the surface where it was met. The numbers are
 * those of the register; `citations.spec.ts` says which of them are ours to show.
 */

const open: { close(): Promise<void> }[] = [];
const kept = <T extends { close(): Promise<void> }>(resource: T): T => {
  open.unshift(resource);
  return resource;
};

afterEach(async () => {
  for (const resource of open.splice(0)) await resource.close();
});

const tool = (name: string, run?: FakeTool['run']): FakeTool => ({
  name,
  inputSchema: { type: 'object' },
  ...(run === undefined ? {} : { run }),
});
const at = (upstream: FakeUpstream, more: object = {}): object => ({ url: upstream.url, transport: 'http', ...more });

function ask(
  gateway: TestGateway,
  path: string,
  method: string,
  params: unknown = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<RpcAnswer> {
  return rpc(`${gateway.url}${path}`, method, params, { key: gateway.key, headers });
}

const items = ({ message }: RpcAnswer, member: string): Record<string, unknown>[] =>
  (message?.result?.[member] ?? []) as Record<string, unknown>[];
const toolNames = (answer: RpcAnswer): unknown[] => items(answer, 'tools').map(({ name }) => name);
const firstText = ({ message }: RpcAnswer): unknown => (message?.result?.['content'] as { text: string }[])[0]?.text;

async function rest(gateway: TestGateway, path: string, body?: object): Promise<{ status: number; text: string }> {
  const response = await fetch(`${gateway.url}/mcp-rest/${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: clientHeaders({ key: gateway.key }),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, text: await response.text() };
}

describe('a scope', () => {
  let upstream: FakeUpstream;
  let gateway: TestGateway;
  beforeAll(async () => {
    upstream = await fakeUpstream();
    gateway = await startGateway({ config: { mcp_servers: { a: at(upstream), b: at(upstream) } } });
  });
  afterAll(async () => {
    await gateway.close();
    await upstream.close();
  });

  test.each<[string, string, Readonly<Record<string, string>>]>([
    ['x-mcp-servers', '/mcp', { 'x-mcp-servers': 'nobody' }],
    ['x-mcp-servers, several', '/mcp', { 'x-mcp-servers': 'nobody,none' }],
    ['x-mcp-servers, empty', '/mcp', { 'x-mcp-servers': '' }],
    ['x-mcp-servers, commas only', '/mcp', { 'x-mcp-servers': ' , ,' }],
    ['x-litellm-mcp-server', '/mcp', { 'x-litellm-mcp-server': 'nobody' }],
    ['x-litellm-mcp-server, empty', '/mcp', { 'x-litellm-mcp-server': '' }],
    ['?server=', '/mcp?server=nobody', {}],
    ['?server=, empty', '/mcp?server=', {}],
    ['a path', '/mcp/nobody', {}],
    ['a path, name first', '/nobody/mcp', {}],
    ['a path that looks like a suffix', '/mcp/nobody/tools', {}],
  ])('that matches no server is empty or refused, never everything: %s (defect 4)', async (_how, path, headers) => {
    const listed = await ask(gateway, path, 'tools/list', {}, headers);
    expect(toolNames(listed)).toEqual([]);
    const called = await ask(gateway, path, 'tools/call', { name: 'a-echo', arguments: {} }, headers);
    expect(called.message?.result).toBeUndefined();
  });
});

describe('a refusal', () => {
  test('names nothing of the servers behind it: neither address nor credential (defect 7)', async () => {
    const secret = canary('credential');
    const upstream = kept(await fakeUpstream({ tools: [tool('open'), tool('closed')] }));
    const more = { auth_type: 'bearer_token', auth_value: secret, static_headers: { 'X-Team': secret } };
    const gateway = kept(
      await startGateway({
        config: { mcp_servers: { a: at(upstream, { ...more, allowed_tools: ['open'] }), b: at(upstream, more) } },
      }),
    );
    const answers = [
      ...(await Promise.all(
        [
          ['/mcp', 'a-closed'],
          ['/mcp', 'no-such'],
          ['/mcp', 'open'],
          ['/mcp/a', 'b-closed'],
          ['/mcp/a', 'closed'],
        ].map(([path = '', name]) => ask(gateway, path, 'tools/call', { name, arguments: {} })),
      )),
      await ask(gateway, '/mcp', 'prompts/get', { name: 'no-such' }),
      await ask(gateway, '/mcp', 'resources/read', { uri: 'file:///no-such' }),
      await rest(gateway, 'tools/call', { server_id: 'a', name: 'closed' }),
      await rest(gateway, 'tools/call', { server_id: 'nobody', name: 'open' }),
    ].map(({ text }) => text);
    for (const text of answers) {
      expect(text).toMatch(/error/);
      expect(text).not.toContain(upstream.origin);
    }
    expect(findLeaks(answers.join('\n'), [secret])).toEqual([]);
  });

  test('covers every name that leads out of the scope, resolvable or not; no server hears of it (defect 8)', async () => {
    const inside = kept(await fakeUpstream({ tools: [tool('mine')] }));
    const outside = kept(await fakeUpstream({ tools: [tool('theirs')] }));
    const gateway = kept(
      await startGateway({
        config: { mcp_servers: { inside: at(inside), outside: at(outside, { alias: 'out', id: 'id_of_outside' }) } },
      }),
    );
    for (const name of ['theirs', 'out-theirs', 'outside-theirs', 'id_of_outside-theirs', '-theirs', 'nobody-theirs']) {
      for (const path of ['/mcp/inside', '/inside/mcp', '/mcp?server=inside']) {
        const { message } = await ask(gateway, path, 'tools/call', { name, arguments: {} });
        expect([name, message?.error]).toEqual([name, { code: -32602, message: `Unknown tool: ${name}` }]);
      }
    }
    expect([...inside.seen('tools/call'), ...outside.seen('tools/call')]).toEqual([]);
    expect(firstText(await ask(gateway, '/mcp', 'tools/call', { name: 'out-theirs' }))).toBe('{}');
  });
});

test('what is called like a server’s tool but stands in mcp_tools is no way around that server (defect 9)', async () => {
  const upstream = kept(await fakeUpstream({ tools: [tool('open'), tool('closed')] }));
  const gateway = kept(
    await startGateway({
      config: {
        mcp_servers: { a: at(upstream, { allowed_tools: ['open'] }) },
        mcp_tools: ['local', 'closed', 'a-closed'].map((name) => ({
          name,
          description: 'local',
          input_schema: { type: 'object' },
          handler: 'handlers.local',
        })),
      },
    }),
  );
  expect(toolNames(await ask(gateway, '/mcp', 'tools/list'))).toEqual(['a-open']);
  for (const name of ['local', 'closed', 'a-closed']) {
    const { message } = await ask(gateway, '/mcp', 'tools/call', { name, arguments: {} });
    expect(message?.error).toEqual({ code: -32602, message: `Unknown tool: ${name}` });
  }
});

test('equal tool names of two servers never influence each other, whoever was listed last (defect 11)', async () => {
  const [a, b] = [
    kept(await fakeUpstream({ tools: [tool('post', () => 'a')] })),
    kept(await fakeUpstream({ tools: [tool('post', () => 'b')] })),
  ];
  const gateway = kept(await startGateway({ config: { mcp_servers: { a: at(a), b: at(b) } } }));
  for (const listed of ['/mcp/a', '/mcp/b', '/mcp', '/mcp/a']) {
    await ask(gateway, listed, 'tools/list');
    const calls = [
      ['/mcp/a', 'post'],
      ['/b/mcp', 'post'],
      ['/mcp', 'a-post'],
      ['/mcp', 'b-post'],
    ].map(([path = '', name]) => ask(gateway, path, 'tools/call', { name, arguments: {} }));
    expect((await Promise.all(calls)).map(firstText)).toEqual(['a', 'b', 'a', 'b']);
  }
});

describe('every way in', () => {
  let release: (text: string) => void;
  let upstream: FakeUpstream;
  let gateway: TestGateway;

  beforeAll(async () => {
    const steps = tool('steps', (_args, call) => {
      call.progress(1, 2, 'half');
      return new Promise<string>((resolve) => (release = resolve));
    });
    upstream = await fakeUpstream({ tools: [tool('echo'), steps] });
    gateway = await startGateway({ config: { mcp_servers: { up: at(upstream) } } });
  });
  afterAll(async () => {
    await gateway.close();
    await upstream.close();
  });

  test.each(['/mcp', '/mcp/up', '/up/mcp', '/mcp?server=up'])(
    '%s streams: progress arrives while the call runs, and a GET stream begins at once (defect 35)',
    async (path) => {
      const url = `${gateway.url}${path}`;
      const response = await fetch(url, {
        method: 'POST',
        headers: clientHeaders({ key: gateway.key }),
        body: JSON.stringify({
          jsonrpc: '2.0',
          id: 1,
          method: 'tools/call',
          params: { name: 'up-steps', arguments: {}, _meta: { progressToken: 'p' } },
        }),
      });
      // The reply cannot have been written yet: only what is sent piece by piece gets here.
      const reader = (response.body ?? new ReadableStream<Uint8Array>())
        .pipeThrough(new TextDecoderStream())
        .getReader();
      let text = '';
      while (!text.includes('notifications/progress')) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`The answer ended without progress: ${text}`);
        text += value;
      }
      expect(text).not.toContain('"result"');
      release('done');
      for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) text += chunk.value;
      expect(text).toContain('done');

      const parameters = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } };
      const initialized = await ask(gateway, path, 'initialize', parameters);
      const abort = new AbortController();
      const stream = await fetch(url, {
        headers: {
          ...clientHeaders({ key: gateway.key, sessionId: initialized.headers.get('mcp-session-id') ?? '' }),
          accept: 'text/event-stream',
        },
        signal: abort.signal,
      });
      expect([stream.status, stream.headers.get('content-type')]).toEqual([
        200,
        expect.stringContaining('text/event-stream'),
      ]);
      abort.abort();
    },
  );

  test.each([
    ['/sse', 'up-echo'],
    ['/mcp/sse', 'up-echo'],
    ['/up/sse', 'echo'],
    ['/mcp/up/sse', 'echo'],
  ])('%s is reachable and speaks HTTP+SSE (defect 36)', async (path, name) => {
    const client = await connectV1Sse(`${gateway.url}${path}`, { key: gateway.key });
    expect((await client.listTools()).tools.map((listed) => listed.name)).toContain(name);
    expect(await client.callTool({ name, arguments: { n: 1 } })).toMatchObject({ content: [{ text: '{"n":1}' }] });
    await client.close();
  });
});

test('a header for one server finds it whatever the case of alias and header, in lists as in calls (defect 38)', async () => {
  const upstream = kept(await fakeUpstream({ accepts: ({ authorization }) => authorization === 'Bearer mine' }));
  const gateway = kept(
    await startGateway({ config: { mcp_servers: { github_server: at(upstream, { alias: 'GitHub' }) } } }),
  );
  for (const name of [
    'x-mcp-github-authorization',
    'X-MCP-GITHUB-Authorization',
    'X-Mcp-GitHub_Server-authorization',
  ]) {
    const headers = { [name]: 'Bearer mine' };
    expect(toolNames(await ask(gateway, '/mcp', 'tools/list', {}, headers))).toEqual(['GitHub-echo']);
    expect(toolNames(await ask(gateway, '/mcp/github', 'tools/list', {}, headers))).toEqual(['echo']);
    const call = { name: 'GitHub-echo', arguments: {} };
    expect(firstText(await ask(gateway, '/mcp', 'tools/call', call, headers))).toBe('{}');
    const listed = await fetch(`${gateway.url}/mcp-rest/tools/list`, {
      headers: { ...clientHeaders({ key: gateway.key }), ...headers },
    });
    expect(JSON.stringify(await listed.json())).toContain('"echo"');
  }
});

const LISTS = [
  { method: 'tools/list', member: 'tools' },
  { method: 'prompts/list', member: 'prompts' },
  { method: 'resources/list', member: 'resources' },
  { method: 'resources/templates/list', member: 'resourceTemplates' },
] as const;

describe('every list', () => {
  const numbers = [0, 1, 2, 3, 4];
  const upstreams: FakeUpstream[] = [];
  let gateway: TestGateway;

  beforeAll(async () => {
    const offer = {
      pageSize: 2,
      tools: numbers.map((n) => tool(`t${n}`)),
      prompts: numbers.map((n) => ({ name: `p${n}` })),
      resources: numbers.map((n) => ({ uri: `file:///${n}`, name: `r${n}` })),
      resourceTemplates: numbers.map((n) => ({ uriTemplate: `t${n}://{x}`, name: `t${n}` })),
    };
    const good = await fakeUpstream(offer);
    const failing = await fakeUpstream({
      ...offer,
      failWith: ({ method }) => (method.endsWith('/list') ? { status: 500 } : undefined),
    });
    upstreams.push(good, failing);
    gateway = await startGateway({ config: { mcp_servers: { up: at(good), failing: at(failing) } } });
  });
  afterAll(async () => {
    await gateway.close();
    for (const upstream of upstreams) await upstream.close();
  });

  test.each(LISTS)('has all pages of an upstream: $method (defect 39)', async ({ method, member }) => {
    for (const path of ['/mcp', '/mcp/up']) {
      expect(items(await ask(gateway, path, method), member)).toHaveLength(numbers.length);
    }
  });

  test.each(LISTS)('is an error, not empty, when its only server fails: $method (defect 40)', async ({ method }) => {
    const { message } = await ask(gateway, '/mcp/failing', method);
    expect(message?.result).toBeUndefined();
    expect(message?.error).toMatchObject({ code: -32603, data: { server: 'failing', retryable: true } });
    const beside = await ask(gateway, '/mcp', method);
    expect(beside.message?.result?.['_meta']).toMatchObject({
      'gatehouse/outcomes': { failing: { status: 'failed', reason: expect.any(String) } },
    });
  });
});

test('a binary resource keeps its type, one of several servers is read without naming it (defect 44)', async () => {
  const other = kept(await fakeUpstream({ resources: [{ uri: 'file:///other', name: 'other' }] }));
  const gateway = kept(
    await startGateway({ config: { mcp_servers: { real: everythingOverStdio(), other: at(other) } } }),
  );
  const uri = 'demo://resource/dynamic/blob/1';
  for (const path of ['/mcp/real', '/mcp']) {
    const [content] = items(await ask(gateway, path, 'resources/read', { uri }), 'contents');
    expect(content).toMatchObject({
      uri,
      mimeType: expect.any(String),
      blob: expect.stringMatching(/^[A-Za-z0-9+/]+=*$/),
    });
  }
  expect(items(await ask(gateway, '/mcp', 'resources/read', { uri: 'file:///other' }), 'contents')).toHaveLength(1);
});

test('another separator separates everywhere: lists, calls, and the tools a server allows (defect 46)', async () => {
  const upstream = kept(
    await fakeUpstream({ tools: ['get-it', 'put-it', 'drop__it', 'drop'].map((name) => tool(name)) }),
  );
  const gateway = kept(
    await startGateway({
      env: { MCP_TOOL_PREFIX_SEPARATOR: '__' },
      config: {
        mcp_servers: {
          'up-1': at(upstream, { disallowed_tools: ['up-1__drop__it', 'drop'] }),
          'up-2': at(upstream, { allowed_tools: ['up-2__get-it'] }),
        },
      },
    }),
  );
  expect(toolNames(await ask(gateway, '/mcp', 'tools/list'))).toEqual(['up-1__get-it', 'up-1__put-it', 'up-2__get-it']);
  const outcome = async (path: string, name: string): Promise<unknown> => {
    const { message } = await ask(gateway, path, 'tools/call', { name, arguments: {} });
    return message?.error?.message ?? 'called';
  };
  expect(await outcome('/mcp', 'up-1__put-it')).toBe('called');
  expect(await outcome('/mcp', 'up-2__get-it')).toBe('called');
  expect(await outcome('/mcp/up-2', 'get-it')).toBe('called');
  expect(await outcome('/mcp', 'up-1__drop__it')).toBe('Unknown tool: up-1__drop__it');
  expect(await outcome('/mcp', 'up-2__put-it')).toBe('Unknown tool: up-2__put-it');
  expect(await outcome('/mcp/up-2', 'put-it')).toBe('Unknown tool: put-it');
  expect(await outcome('/mcp', 'up-1-put-it')).toBe('Unknown tool: up-1-put-it');
});

test('a server is found by the ids that older files derived for it, wherever an id is read (defect 47)', async () => {
  const upstream = kept(await fakeUpstream());
  const gateway = kept(await startGateway({ config: { mcp_servers: { up: { url: upstream.url } } } }));
  for (const transport of ['http', 'MCPTransport.http']) {
    const id = createHash('sha256').update(`up|${upstream.url}|${transport}||`).digest('hex').slice(0, 32);
    for (const [path, headers] of [
      [`/mcp/${id}`, {}],
      ['/mcp', { 'x-mcp-servers': id }],
    ] as const) {
      expect(toolNames(await ask(gateway, path, 'tools/list', {}, headers))).toEqual(['echo']);
    }
    expect(await rest(gateway, 'tools/call', { server_id: id, name: 'echo', arguments: {} })).toMatchObject({
      status: 200,
    });
  }
});

test('a redirect to another origin takes no credential there, and no session id that is not its own (defect 49)', async () => {
  const secrets = { value: canary('value'), header: canary('header'), users: canary('users') };
  const elsewhere = kept(await fakeUpstream());
  const upstream = kept(
    await fakeUpstream({ failWith: () => ({ status: 307, headers: { location: elsewhere.url } }) }),
  );
  const gateway = kept(
    await startGateway({
      config: {
        mcp_servers: {
          up: at(upstream, {
            auth_type: 'bearer_token',
            auth_value: secrets.value,
            static_headers: { 'X-Team': secrets.header },
          }),
        },
      },
    }),
  );
  const headers = { 'x-mcp-up-x-token': secrets.users };
  await ask(gateway, '/mcp/up', 'tools/list', {}, headers);
  await ask(gateway, '/mcp/up', 'tools/call', { name: 'echo', arguments: {} }, headers);
  expect(findLeaks(upstream.transcript(), Object.values(secrets))).not.toEqual([]);
  expect(elsewhere.requests.length).toBeGreaterThan(0);
  expect(findLeaks(elsewhere.transcript(), Object.values(secrets))).toEqual([]);
});
