import { modernRpc } from '../../harness/modern-rpc.js';
import { rawUpstream, type RawAnswer, type RawUpstream } from '../../harness/raw-upstream.js';
import { rpc, type RpcAnswer } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

type Era = 'legacy' | 'modern';
type Json = Record<string, unknown>;

const ERAS = ['legacy', 'modern'] as const;
const UI = 'io.modelcontextprotocol/ui';
const APPS = { extensions: { [UI]: { mimeTypes: ['text/html;profile=mcp-app'] } } };
const PAGE = 'ui://weather/page';
const SHARED = 'test://shared';
const TEMPLATE = 'test://items/{id}';
const ICONS = [{ src: 'https://example.test/i.png', sizes: ['any'] }];
const PAGE_META = {
  ui: { csp: { connectDomains: ['https://example.test'] }, permissions: { camera: {} }, domain: 'd' },
};

/** Two servers of each era, all of which have the same things under the same names. */
const SERVERS = ['legacy_a', 'legacy_b', 'modern_a', 'modern_b'] as const;
const TTLS: Readonly<Record<string, number>> = { modern_a: 60_000, modern_b: 600_000 };

function answers(name: string): (method: string, bodyText: string) => RawAnswer {
  const hints = { ttlMs: TTLS[name] ?? 0, cacheScope: 'public' };
  const complete = name.startsWith('modern') ? { resultType: 'complete' } : {};
  const cached = name.startsWith('modern') ? { ...complete, ...hints } : {};
  const of = (value: Json): RawAnswer => ({ result: JSON.stringify(value) });
  return (method, bodyText) => {
    const { params } = JSON.parse(bodyText) as { params?: Json };
    switch (method) {
      case 'tools/list':
        return of({
          ...cached,
          tools: [
            {
              name: 'show',
              icons: ICONS,
              inputSchema: { type: 'object' },
              _meta: { ui: { resourceUri: PAGE, visibility: ['app'], x: 1 }, 'ui/resourceUri': PAGE, 'x/y': PAGE },
            },
          ],
        });
      case 'tools/call':
        return of({
          ...complete,
          content: [
            { type: 'resource_link', uri: PAGE, name: 'page' },
            { type: 'resource_link', uri: SHARED, name: 'shared' },
            { type: 'resource_link', uri: `test://only/${name}`, name: 'own' },
            { type: 'resource', resource: { uri: PAGE, text: '<p>' } },
          ],
          _meta: { from: name },
        });
      case 'prompts/list':
        return of({ ...cached, prompts: [{ name: 'ask', icons: ICONS, arguments: [{ name: 'what' }] }] });
      case 'prompts/get':
        return of({ ...complete, messages: [], _meta: { from: name } });
      case 'resources/list':
        return of({
          ...cached,
          resources: [
            { uri: PAGE, name: 'page', mimeType: 'text/html;profile=mcp-app', icons: ICONS, _meta: PAGE_META },
            { uri: SHARED, name: 'shared' },
            { uri: `test://only/${name}`, name: 'own' },
          ],
        });
      case 'resources/templates/list':
        return of({ ...cached, resourceTemplates: [{ uriTemplate: TEMPLATE, name: 'items', icons: ICONS }] });
      case 'resources/read':
        return of({
          ...cached,
          contents: [{ uri: params?.['uri'], mimeType: 'text/html;profile=mcp-app', text: name, _meta: PAGE_META }],
        });
      case 'completion/complete':
        return of({ ...complete, completion: { values: [name, JSON.stringify(params?.['ref'])] } });
      default:
        return { error: '{"code":-32601,"message":"Method not found"}' };
    }
  };
}

let upstreams: Readonly<Record<string, RawUpstream>>;
let gateway: TestGateway;

beforeAll(async () => {
  const entries = await Promise.all(
    SERVERS.map(async (name) => {
      const capabilities = JSON.stringify({
        tools: {},
        prompts: {},
        resources: {},
        completions: {},
        extensions: { [UI]: { mimeTypes: ['text/html;profile=mcp-app'] }, [`example.test/${name}`]: { x: 1 } },
      });
      const era: Era = name.startsWith('modern') ? 'modern' : 'legacy';
      const instructions = `Use ${name} with care.`;
      return [name, await rawUpstream({ era, capabilities, instructions, answer: answers(name) })] as const;
    }),
  );
  upstreams = Object.fromEntries(entries);
  gateway = await startGateway({
    config: {
      mcp_servers: Object.fromEntries(entries.map(([name, { url }]) => [name, { url, transport: 'http' }])),
    },
  });
}, 60_000);

afterAll(async () => {
  await gateway.close();
  await Promise.all(Object.values(upstreams).map((upstream) => upstream.close()));
});

async function session(path: string): Promise<string> {
  const params = { protocolVersion: '2025-11-25', capabilities: APPS, clientInfo: { name: 'host', version: '1' } };
  const { headers } = await rpc(`${gateway.url}${path}`, 'initialize', params, { key: gateway.key });
  return headers.get('mcp-session-id') ?? '';
}

const sessions = new Map<string, string>();

async function ask(client: Era, path: string, method: string, params: Json = {}): Promise<RpcAnswer> {
  const url = `${gateway.url}${path}`;
  if (client === 'modern') return await modernRpc(url, method, params, { key: gateway.key, capabilities: APPS });
  const known = sessions.get(path) ?? (await session(path));
  sessions.set(path, known);
  return await rpc(url, method, params, { key: gateway.key, sessionId: known });
}

async function listed(client: Era, path: string, method: string, member: string): Promise<Json[]> {
  return ((await ask(client, path, method)).message?.result?.[member] ?? []) as Json[];
}

describe.each(ERAS)('a %s client of servers of both eras', (client) => {
  test('is told of everything that any of them offers, and what each has to say', async () => {
    const init =
      client === 'modern'
        ? await ask(client, '/mcp', 'server/discover')
        : await rpc(
            `${gateway.url}/mcp`,
            'initialize',
            { protocolVersion: '2025-11-25', capabilities: APPS, clientInfo: { name: 'host', version: '1' } },
            { key: gateway.key },
          );
    const { capabilities, instructions } = init.message?.result as { capabilities: Json; instructions: string };
    expect(capabilities).toMatchObject({ tools: {}, prompts: {}, resources: {}, completions: {} });
    const extensions = Object.keys(capabilities['extensions'] as Json).sort();
    expect(extensions).toEqual([...SERVERS.map((name) => `example.test/${name}`), UI].sort());
    for (const name of SERVERS) expect(instructions).toContain(`## ${name}\n\nUse ${name} with care.`);
  });

  test('sees tools, prompts and templates of each, icons included, in an order that does not change', async () => {
    const tools = await listed(client, '/mcp', 'tools/list', 'tools');
    expect(tools.map(({ name }) => name)).toEqual(SERVERS.map((name) => `${name}-show`));
    const prompts = await listed(client, '/mcp', 'prompts/list', 'prompts');
    expect(prompts.map(({ name }) => name)).toEqual(SERVERS.map((name) => `${name}-ask`));
    const templates = await listed(client, '/mcp', 'resources/templates/list', 'resourceTemplates');
    expect(templates.map(({ uriTemplate }) => uriTemplate)).toEqual(
      SERVERS.map((name) => `gatehouse://${name}/${TEMPLATE}`),
    );
    for (const item of [...tools, ...prompts, ...templates]) expect(item['icons']).toEqual(ICONS);
    expect(await listed(client, '/mcp', 'tools/list', 'tools')).toEqual(tools);
  });

  test.each(SERVERS)('opens the app of %s, among others of the same name, and no other one', async (name) => {
    const upstream = upstreams[name];
    const tools = await listed(client, '/mcp', 'tools/list', 'tools');
    const page = `ui://gatehouse/${name}/weather/page`;
    expect(tools.find((tool) => tool['name'] === `${name}-show`)?.['_meta']).toEqual({
      ui: { resourceUri: page, visibility: ['app'], x: 1 },
      'ui/resourceUri': page,
      'x/y': PAGE,
    });
    const resources = await listed(client, '/mcp', 'resources/list', 'resources');
    expect(resources.find(({ uri }) => uri === page)).toMatchObject({ icons: ICONS, _meta: PAGE_META });
    const read = await ask(client, '/mcp', 'resources/read', { uri: page });
    expect(read.message?.result?.['contents']).toEqual([
      { uri: page, mimeType: 'text/html;profile=mcp-app', text: name, _meta: PAGE_META },
    ]);
    const seen = upstream?.last('resources/read');
    expect(JSON.parse(seen?.bodyText ?? '{}')).toMatchObject({ params: { uri: PAGE } });
    // The header says what the body says, at whichever hop.
    expect(seen?.headers['mcp-name']).toBe(name.startsWith('modern') ? PAGE : undefined);
    const called = await ask(client, '/mcp', 'tools/call', { name: `${name}-show`, arguments: {} });
    expect(called.message?.result).toMatchObject({
      _meta: { from: name },
      content: [
        { uri: page },
        { uri: `gatehouse://${name}/${SHARED}` },
        { uri: `test://only/${name}` },
        { resource: { uri: page } },
      ],
    });
    expect(upstream?.last('tools/call')?.headers['mcp-name']).toBe(name.startsWith('modern') ? 'show' : undefined);
  });

  test.each(SERVERS)('%s alone shows its own names and URIs', async (name) => {
    const path = `/mcp/${name}`;
    const [tool] = await listed(client, path, 'tools/list', 'tools');
    expect(tool).toMatchObject({ name: 'show', _meta: { ui: { resourceUri: PAGE }, 'ui/resourceUri': PAGE } });
    const read = await ask(client, path, 'resources/read', { uri: PAGE });
    expect(read.message?.result?.['contents']).toMatchObject([{ uri: PAGE, text: name }]);
  });

  test.each(SERVERS)('%s is told which apps the client can show, with lists and with calls', async (name) => {
    await ask(client, '/mcp', 'tools/call', { name: `${name}-show`, arguments: {} });
    // A server without sessions is introduced to once, for all.
    const methods = name.startsWith('modern') ? ['tools/list', 'tools/call'] : ['initialize'];
    for (const saying of methods) {
      const said = upstreams[name]?.requests.filter(({ method }) => method === saying) ?? [];
      expect(said.some(({ bodyText }) => bodyText.includes(JSON.stringify(APPS)))).toBe(true);
    }
  });

  test('resources that one server has keep their URIs; shared ones read back from the one that was meant', async () => {
    const resources = await listed(client, '/mcp', 'resources/list', 'resources');
    const uris = resources.map(({ uri }) => uri);
    for (const name of SERVERS) {
      expect(uris).toContain(`test://only/${name}`);
      expect(uris).toContain(`gatehouse://${name}/${SHARED}`);
      for (const uri of [`test://only/${name}`, `gatehouse://${name}/${SHARED}`]) {
        const { message } = await ask(client, '/mcp', 'resources/read', { uri });
        expect(message?.result?.['contents']).toMatchObject([{ uri, text: name }]);
      }
    }
    expect(uris).not.toContain(SHARED);
  });

  test('prompts and completions go to the server that they name', async () => {
    for (const name of SERVERS) {
      const prompt = await ask(client, '/mcp', 'prompts/get', { name: `${name}-ask` });
      expect(prompt.message?.result).toMatchObject({ _meta: { from: name } });
      for (const [ref, own] of [
        [
          { type: 'ref/prompt', name: `${name}-ask`, title: 't' },
          { type: 'ref/prompt', name: 'ask', title: 't' },
        ],
        [
          { type: 'ref/resource', uri: `gatehouse://${name}/${TEMPLATE}` },
          { type: 'ref/resource', uri: TEMPLATE },
        ],
      ] as const) {
        const argument = { name: 'what', value: '' };
        const { message } = await ask(client, '/mcp', 'completion/complete', { ref, argument });
        expect(message?.result?.['completion']).toEqual({ values: [name, JSON.stringify(own)] });
      }
    }
  });
});

describe('hints for caches are those of the part that promises least', () => {
  const hints = async (path: string, method = 'tools/list', params: Json = {}): Promise<Json> =>
    (await ask('modern', path, method, params)).message?.result ?? {};

  test('a server alone: what it says, less the time that has gone by, and for this caller only', async () => {
    const { ttlMs, cacheScope } = await hints('/mcp/modern_b');
    expect(cacheScope).toBe('private');
    expect(ttlMs).toBeLessThanOrEqual(600_000);
    expect(ttlMs).toBeGreaterThan(300_000);
  });

  test('several: the shortest', async () => {
    const { ttlMs } = await hints('/mcp/modern_a,modern_b');
    expect(ttlMs).toBeLessThanOrEqual(60_000);
    expect(ttlMs).toBeGreaterThan(30_000);
  });

  test('with a server that promises nothing: nothing', async () => {
    for (const method of ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list']) {
      expect(await hints('/mcp', method)).toMatchObject({ ttlMs: 0, cacheScope: 'private' });
    }
  });

  test('a read: what its server says', async () => {
    expect(await hints('/mcp', 'resources/read', { uri: 'test://only/modern_a' })).toMatchObject({
      ttlMs: 60_000,
      cacheScope: 'private',
    });
    expect(await hints('/mcp', 'resources/read', { uri: 'test://only/legacy_a' })).toMatchObject({ ttlMs: 0 });
  });
});
