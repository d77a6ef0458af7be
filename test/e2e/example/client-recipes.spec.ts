import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { messagesOf, type RpcReply } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

const run = promisify(execFile);
const hasCurl = spawnSync('curl', ['--version']).status === 0;

let upstream: FakeUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await fakeUpstream({
    stateful: true,
    tools: [{ name: 'search_issues', inputSchema: { type: 'object' } }],
    prompts: [{ name: 'review' }],
    resources: [{ uri: 'file:///readme', name: 'readme' }],
  });
  gateway = await startGateway({
    config: {
      mcp_servers: {
        github: { url: upstream.url, transport: 'http' },
        jira: { url: upstream.url, transport: 'http', access_groups: ['dev'] },
      },
    },
  });
});

afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly message: RpcReply | undefined;
}

/** `claude mcp add --transport http NAME http://HOST/mcp/NAME --header "x-litellm-api-key: Bearer sk-…"`, as it goes over the wire. */
describe.each(['2025-11-25', '2025-06-18', '2025-03-26'])('Claude Code speaking %s', (version) => {
  const url = () => `${gateway.url}/mcp/github`;
  let session: Record<string, string>;

  const headers = (): Record<string, string> => ({
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    'user-agent': 'claude-code/2.1.197 (sdk-cli)',
    'accept-encoding': 'identity',
    'x-litellm-api-key': `Bearer ${gateway.key}`,
    ...session,
  });

  async function send(method: string, params?: object, id?: number): Promise<Answer> {
    const body = JSON.stringify({ method, ...(params === undefined ? {} : { params }), jsonrpc: '2.0', id });
    const response = await fetch(url(), { method: 'POST', headers: headers(), body });
    const messages = messagesOf(response.headers.get('content-type') ?? '', await response.text());
    return { status: response.status, headers: response.headers, message: messages.at(-1) };
  }

  beforeAll(async () => {
    session = {};
    const {
      status,
      headers: answered,
      message,
    } = await send(
      'initialize',
      {
        protocolVersion: version,
        capabilities: { roots: {}, elicitation: {} },
        clientInfo: {
          name: 'claude-code',
          title: 'Claude Code',
          version: '2.1.197',
          websiteUrl: 'https://example.com',
        },
      },
      0,
    );
    expect(status).toBe(200);
    expect(message).toMatchObject({ id: 0, result: { protocolVersion: version, capabilities: { tools: {} } } });
    session = {
      'mcp-session-id': answered.get('mcp-session-id') ?? '',
      ...(version === '2025-03-26' ? {} : { 'mcp-protocol-version': version }),
    };
    expect(session['mcp-session-id']).not.toBe('');
    expect((await send('notifications/initialized')).status).toBe(202);
  });

  test('gets its stream', async () => {
    const abort = new AbortController();
    const stream = await fetch(url(), {
      headers: { ...headers(), accept: 'text/event-stream' },
      signal: abort.signal,
    });
    expect([stream.status, stream.headers.get('content-type')]).toEqual([
      200,
      expect.stringContaining('text/event-stream'),
    ]);
    abort.abort();
  });

  test.each([
    ['tools/list', { tools: [{ name: 'search_issues' }] }],
    ['prompts/list', { prompts: [{ name: 'review' }] }],
    ['resources/list', { resources: [{ uri: 'file:///readme' }] }],
  ])('lists by %s under the server’s own names', async (method, result) => {
    expect((await send(method, undefined, 1)).message).toMatchObject({ id: 1, result });
  });

  test('calls with its own _meta, and its key stays here', async () => {
    const params = {
      name: 'search_issues',
      arguments: { q: version },
      _meta: { 'claudecode/toolUseId': 'toolu_01', progressToken: 2 },
    };
    const { message } = await send('tools/call', params, 2);
    expect(message).toMatchObject({ id: 2, result: { content: [{ text: JSON.stringify({ q: version }) }] } });
    expect(upstream.seen('tools/call').at(-1)?.rpc?.params['_meta']).toMatchObject({
      'claudecode/toolUseId': 'toolu_01',
    });
    expect(upstream.transcript()).not.toContain(gateway.key);
  });

  test('says good-bye', async () => {
    const ended = await fetch(url(), { method: 'DELETE', headers: headers() });
    expect([200, 204]).toContain(ended.status);
    expect((await send('tools/list', undefined, 3)).status).toBe(404);
  });
});

/** `curl` itself, with the arguments of documentation of this field. */
(hasCurl ? describe : describe.skip)('curl', () => {
  async function curl(path: string, ...args: readonly string[]): Promise<RpcReply> {
    const { stdout } = await run('curl', ['-s', `${gateway.url}${path}`, ...args]);
    return (stdout.startsWith('{') ? JSON.parse(stdout) : messagesOf('text/event-stream', stdout).at(-1)) as RpcReply;
  }
  const key = (): string[] => ['-H', `x-litellm-api-key: Bearer ${gateway.key}`];
  const bearer = (): string[] => ['-H', `Authorization: Bearer ${gateway.key}`];
  const json = ['-H', 'Content-Type: application/json'];
  const both = ['-H', 'Accept: application/json, text/event-stream'];
  const full = '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}';
  const own = [{ name: 'search_issues' }];
  const prefixed = [{ name: 'github-search_issues' }, { name: 'jira-search_issues' }];

  test.each<[string, string, () => string[], object[]]>([
    ['a bare method', '/mcp/github', () => [...key(), '-d', '{"method":"tools/list"}'], own],
    ['with -X POST', '/mcp/github', () => ['-X', 'POST', ...bearer(), '-d', '{"method":"tools/list"}'], own],
    ['the whole request', '/mcp/github', () => [...key(), ...json, ...both, '-d', full], own],
    ['name first', '/github/mcp', () => [...key(), ...json, '-d', full], own],
    ['everything', '/mcp', () => [...key(), ...json, '-d', full], prefixed],
    ['with a slash', '/mcp/', () => [...bearer(), ...json, ...both, '-d', full], prefixed],
    ['servers by header', '/mcp/', () => [...key(), '-H', 'x-mcp-servers: github,dev', ...json, '-d', full], prefixed],
    ['a group by header', '/mcp', () => [...key(), '-H', 'x-mcp-servers: dev', '-d', full], prefixed.slice(1)],
    ['--json', '/mcp/github', () => [...key(), '--json', full], own],
    ['events only', '/mcp/github', () => [...key(), ...json, '-H', 'Accept: text/event-stream', '-d', full], own],
  ])('lists with %s', async (_title, path, args, tools) => {
    expect((await curl(path, ...args())).result?.['tools']).toMatchObject(tools);
  });

  test('calls a tool', async () => {
    const body = '{"method":"tools/call","params":{"name":"search_issues","arguments":{"q":1}}}';
    expect((await curl('/mcp/github', ...key(), '-d', body)).result).toMatchObject({ content: [{ text: '{"q":1}' }] });
  });
});
