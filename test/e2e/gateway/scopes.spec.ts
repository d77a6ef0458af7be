import { fakeUpstream, type FakeTool, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc, type RpcAnswer } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

const tool = (name: string, more: object = {}): FakeTool => ({ name, inputSchema: { type: 'object' }, ...more });

/** Which servers a request sees, and how their things are called: contract §§3, 4, 9. */
describe('scopes and names', () => {
  let github: FakeUpstream;
  let jira: FakeUpstream;
  let gateway: TestGateway;

  beforeAll(async () => {
    github = await fakeUpstream({
      tools: [
        tool('create-issue', { run: () => 'github made it' }),
        tool('search'),
        tool('delete-repo'),
        tool('limited'),
        tool('jira-search', { run: () => 'github’s own' }),
      ],
      prompts: [{ name: 'review' }],
      resources: [
        { uri: 'file:///shared', name: 'shared', text: 'of github' },
        { uri: 'file:///github', name: 'own', text: 'mine' },
      ],
      resourceTemplates: [{ uriTemplate: 'repo://{owner}/{name}', name: 'repo' }],
    });
    jira = await fakeUpstream({
      tools: [tool('create-issue', { run: () => 'jira made it' }), tool('x'.repeat(140), { run: () => 'long' })],
      prompts: [{ name: 'review' }, { name: 'plan' }],
      resources: [
        { uri: 'file:///shared', name: 'shared', text: 'of jira' },
        { uri: 'ui://board/view', name: 'view', text: '<b>' },
      ],
    });
    gateway = await startGateway({
      config: {
        litellm_settings: { mcp_aliases: { gh: 'github_server' } },
        mcp_servers: {
          github_server: {
            url: github.url,
            transport: 'http',
            access_groups: ['dev'],
            disallowed_tools: ['gh-delete-repo'],
            allowed_params: { 'gh-limited': ['q'] },
          },
          jira: { url: jira.url, transport: 'http', access_groups: ['dev', 'ops'] },
        },
      },
    });
  });

  afterAll(async () => {
    await gateway.close();
    await github.close();
    await jira.close();
  });

  const ask = (
    path: string,
    method: string,
    params?: unknown,
    headers: Record<string, string> = {},
  ): Promise<RpcAnswer> => rpc(`${gateway.url}${path}`, method, params, { key: gateway.key, headers });

  async function names(path: string, headers: Record<string, string> = {}): Promise<unknown> {
    const { message, status } = await ask(path, 'tools/list', undefined, headers);
    const tools = message?.result?.['tools'] as { name: string }[] | undefined;
    return tools?.map(({ name }) => (name.length > 60 ? name.slice(0, 10) : name)) ?? status;
  }

  const GITHUB = ['create-issue', 'search', 'limited', 'jira-search'];
  const PREFIXED = GITHUB.map((name) => `gh-${name}`);
  const LONG = 'jira-xxxxx';

  it.each<[string, string, Record<string, string>, unknown]>([
    ['everything', '/mcp', {}, [...PREFIXED, 'jira-create-issue', LONG]],
    ['everything, with a slash and no redirect', '/mcp/', {}, [...PREFIXED, 'jira-create-issue', LONG]],
    ['one server by path', '/mcp/github_server', {}, GITHUB],
    ['one server by alias', '/mcp/gh', {}, GITHUB],
    ['one server, name first', '/github_server/mcp', {}, GITHUB],
    ['one server with a harmless suffix (defect 5)', '/mcp/github_server/tools', {}, GITHUB],
    ['two servers', '/mcp/gh,jira', {}, [...PREFIXED, 'jira-create-issue', LONG]],
    ['two servers, names first', '/gh,jira/mcp', {}, [...PREFIXED, 'jira-create-issue', LONG]],
    ['a group', '/mcp/dev', {}, [...PREFIXED, 'jira-create-issue', LONG]],
    ['a group, name first', '/dev/mcp', {}, [...PREFIXED, 'jira-create-issue', LONG]],
    ['a group of one server is an aggregate still', '/mcp/ops', {}, ['jira-create-issue', LONG]],
    ['x-mcp-servers with one server', '/mcp', { 'x-mcp-servers': 'jira' }, ['create-issue', 'x'.repeat(10)]],
    ['x-mcp-servers with a group', '/mcp', { 'x-mcp-servers': 'ops' }, ['jira-create-issue', LONG]],
    ['an empty x-mcp-servers', '/mcp', { 'x-mcp-servers': '' }, []],
    ['?server=', '/mcp?server=jira', {}, ['create-issue', 'x'.repeat(10)]],
    ['x-litellm-mcp-server', '/mcp', { 'x-litellm-mcp-server': 'jira' }, ['create-issue', 'x'.repeat(10)]],
    ['the path wins over the header', '/mcp/jira', { 'x-mcp-servers': 'gh' }, ['create-issue', 'x'.repeat(10)]],
    ['an unknown server on a path', '/mcp/nobody', {}, 404],
    ['an unknown server beside a known one', '/mcp/gh,nobody', {}, 404],
    ['a path that is no name', '/mcp/gh/other', {}, 404],
    ['a toolset nobody made', '/toolset/none/mcp', {}, 404],
    ['an unknown server in the header never widens (defect 4)', '/mcp', { 'x-mcp-servers': 'gh,nobody' }, 400],
  ])('%s', async (_title, path, headers, expected) => {
    expect(await names(path, headers)).toEqual(expected);
  });

  it('names the unknown entries of a filter', async () => {
    const { message } = await ask('/mcp', 'tools/list', undefined, { 'x-mcp-servers': 'gh,nobody,none' });
    expect(message?.error).toMatchObject({
      code: -32602,
      message: 'Unknown server: nobody, none',
      data: { unknown: ['nobody', 'none'] },
    });
  });

  async function called(path: string, name: string, args: object = {}): Promise<unknown> {
    const { message } = await ask(path, 'tools/call', { name, arguments: args });
    return (message?.result?.['content'] as { text: string }[] | undefined)?.[0]?.text ?? message?.error;
  }

  it.each<[string, string, string, unknown]>([
    ['prefixed on the aggregate', '/mcp', 'gh-create-issue', 'github made it'],
    ['by another prefix', '/mcp', 'jira-create-issue', 'jira made it'],
    ['bare where the server is alone', '/mcp/jira', 'create-issue', 'jira made it'],
    ['prefixed where the server is alone', '/mcp/jira', 'jira-create-issue', 'jira made it'],
    ['bare on the aggregate when one server has it', '/mcp', 'search', '{}'],
    ['a name that holds the separator and begins like a prefix (defect 11)', '/mcp/gh', 'jira-search', 'github’s own'],
    ['the same on the aggregate, bare', '/mcp', 'jira-search', 'github’s own'],
    ['the same on the aggregate, prefixed', '/mcp', 'gh-jira-search', 'github’s own'],
  ])('calls %s', async (_title, path, name, expected) => {
    expect(await called(path, name)).toEqual(expected);
  });

  it('shortens a name beyond 128 characters, and calls it by that', async () => {
    const { message } = await ask('/mcp', 'tools/list');
    const long = (message?.result?.['tools'] as { name: string }[])
      .map(({ name }) => name)
      .find((name) => name.startsWith('jira-x'));
    expect(long).toHaveLength(128);
    expect(await called('/mcp', long ?? '')).toBe('long');
  });

  it('an ambiguous bare name is an error that names the candidates', async () => {
    expect(await called('/mcp', 'create-issue')).toMatchObject({
      code: -32602,
      data: { candidates: ['gh-create-issue', 'jira-create-issue'] },
    });
  });

  it('words a denied tool exactly as one that does not exist, listed ⇔ callable (defects 7, 8, 46)', async () => {
    for (const [path, prefix] of [
      ['/mcp', 'gh-'],
      ['/mcp/gh', ''],
      ['/mcp/gh', 'gh-'],
      ['/mcp', ''],
    ]) {
      const answer = async (name: string): Promise<string> =>
        JSON.stringify(await called(path ?? '', `${prefix ?? ''}${name}`)).replaceAll(name, 'NAME');
      expect(await answer('delete-repo')).toBe(await answer('no-such-tool'));
    }
    expect(await called('/mcp', 'gh-delete-repo')).toEqual({ code: -32602, message: 'Unknown tool: gh-delete-repo' });
    expect(github.seen('tools/call').map(({ rpc: call }) => call?.params['name'])).not.toContain('delete-repo');
  });

  it('refuses argument names that allowed_params does not name, also when its key carries the prefix (defect 17)', async () => {
    expect(await called('/mcp', 'gh-limited', { q: 1 })).toBe('{"q":1}');
    expect(await called('/mcp', 'gh-limited', { q: 1, evil: 2 })).toMatchObject({ code: -32602 });
    expect(await called('/mcp/gh', 'limited', { evil: 2 })).toMatchObject({ code: -32602 });
  });

  it('prompts are named and routed like tools', async () => {
    const { message } = await ask('/mcp', 'prompts/list');
    expect((message?.result?.['prompts'] as { name: string }[]).map(({ name }) => name)).toEqual([
      'gh-review',
      'jira-review',
      'jira-plan',
    ]);
    const got = async (name: string): Promise<unknown> => (await ask('/mcp', 'prompts/get', { name })).message;
    expect(await got('jira-review')).toMatchObject({ result: { messages: [{ content: { text: 'review' } }] } });
    expect(await got('plan')).toMatchObject({ result: {} });
    expect(await got('review')).toMatchObject({ error: { code: -32602 } });
    expect(await got('nothing')).toMatchObject({ error: { code: -32602, message: 'Unknown prompt: nothing' } });
  });

  it('a resource that two servers own is rewritten to a form that reads back from the right one (defect 44)', async () => {
    const { message } = await ask('/mcp', 'resources/list');
    const uris = (message?.result?.['resources'] as { uri: string }[]).map(({ uri }) => uri);
    expect(uris).toEqual([
      'gatehouse://gh/file:///shared',
      'file:///github',
      'gatehouse://jira/file:///shared',
      'ui://gatehouse/jira/board/view',
    ]);
    const read = async (path: string, uri: string): Promise<unknown> =>
      (await ask(path, 'resources/read', { uri })).message;
    expect(await read('/mcp', uris[0] ?? '')).toMatchObject({
      result: { contents: [{ uri: uris[0], text: 'of github' }] },
    });
    expect(await read('/mcp', uris[2] ?? '')).toMatchObject({
      result: { contents: [{ uri: uris[2], text: 'of jira' }] },
    });
    expect(await read('/mcp', uris[3] ?? '')).toMatchObject({ result: { contents: [{ uri: uris[3], text: '<b>' }] } });
    expect(await read('/mcp', 'file:///github')).toMatchObject({
      result: { contents: [{ uri: 'file:///github', text: 'mine' }] },
    });
    expect(await read('/mcp', 'file:///shared')).toMatchObject({ error: { code: -32602 } });
    expect(await read('/mcp/jira', 'file:///shared')).toMatchObject({
      result: { contents: [{ uri: 'file:///shared', text: 'of jira' }] },
    });
    expect(await read('/mcp', 'file:///none')).toMatchObject({
      error: { code: -32002, message: 'Resource not found: file:///none' },
    });
    expect(await read('/mcp', 'repo://me/mine')).toMatchObject({
      error: { code: -32002, data: { uri: 'repo://me/mine' } },
    });
  });

  it('completions go to the server that owns the prompt or template', async () => {
    const completed = async (ref: object): Promise<unknown> =>
      (await ask('/mcp', 'completion/complete', { ref, argument: { name: 'a', value: '' } })).message;
    expect(await completed({ type: 'ref/prompt', name: 'jira-plan' })).toMatchObject({
      result: { completion: { total: 2 } },
    });
    expect(jira.seen('completion/complete').at(-1)?.rpc?.params['ref']).toEqual({ type: 'ref/prompt', name: 'plan' });
    expect(await completed({ type: 'ref/resource', uri: 'repo://{owner}/{name}' })).toMatchObject({ result: {} });
    expect(await completed({ type: 'ref/other' })).toMatchObject({ error: { code: -32602 } });
  });
});
