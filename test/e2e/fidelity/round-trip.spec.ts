import fc from 'fast-check';
import { envelope, mirrored } from '../../harness/modern-rpc.js';
import { rawUpstream, type RawAnswer, type RawUpstream } from '../../harness/raw-upstream.js';
import { clientHeaders, post, rpc, type RpcAnswer } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

type Era = 'legacy' | 'modern';
type Members = readonly (readonly [name: string, raw: string])[];

const ERAS = ['legacy', 'modern'] as const;
const CELLS = ERAS.flatMap((client) => ERAS.map((server) => ({ client, server })));
const RUNS = 25;
const CAPABILITIES =
  '{"tools":{"listChanged":true},"prompts":{},"resources":{},"completions":{},"logging":{},"x-vendor":{"n":1}}';

/** Members that one of the eras, or JSON-RPC, gives a meaning to. */
const RESERVED = new Set(
  (
    '_meta resultType requestState inputRequests inputResponses ttlMs cacheScope nextCursor cursor task taskId tasks ' +
    'content contents messages completion isError structuredContent tools prompts resources resourceTemplates name uri ' +
    'uriTemplate arguments argument ref execution inputSchema annotations progressToken progress level data code message ' +
    'type resource __proto__'
  ).split(' '),
);

const key = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 8 }),
    fc.constantFrom('x-unknown', 'icons', 'io.example/vendor', 'ключ', '钥匙', 'toString', 'constructor', 'length'),
  )
  .filter((name) => !RESERVED.has(name));

/** Raw JSON of any kind, with what parsers and printers like to change: big and odd numbers, escapes, lone surrogates. */
const { value: json } = fc.letrec<{ value: string; array: string; object: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map(String),
    fc.constantFrom('1.0', '1e400', '-0', '0.10', 'null', 'true', '"\\ud83d"', '"\\u0041\\/"', '""', '1E+2'),
    fc.string({ maxLength: 12 }).map((text) => JSON.stringify(text)),
    tie('array'),
    tie('object'),
  ),
  array: fc.array(tie('value'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
  object: fc
    .uniqueArray(fc.tuple(key, tie('value')), { selector: ([name]) => name, maxLength: 3 })
    .map((members) => `{${members.map(([name, raw]) => `${JSON.stringify(name)} : ${raw}`).join(',')}}`),
}));

const members: fc.Arbitrary<Members> = fc.uniqueArray(fc.tuple(key, json), {
  selector: ([name]) => name,
  maxLength: 4,
});

function object(...parts: Members[]): string {
  return `{${parts
    .flat()
    .map(([name, raw]) => `${JSON.stringify(name)}:${raw}`)
    .join(',')}}`;
}

/** Every one of them stands in the text as it was written. */
function expectKept(text: string | undefined, kept: Members): void {
  for (const [name, raw] of kept) expect(text).toContain(`${JSON.stringify(name)}:${raw}`);
}

/** Lists are kept: each cell has a server of its own for them. */
function listServer({ client, server }: { client: Era; server: Era }): string {
  return `lists_${client}_${server}`;
}

let next: (method: string) => RawAnswer = () => ({ error: '{"code":-32601,"message":"Method not found"}' });
/** Members of what the list servers answer. */
const lists = new Map<string, string>();
let upstreams: Record<Era, RawUpstream>;
let listUpstreams: readonly RawUpstream[];
let gateway: TestGateway;

beforeAll(async () => {
  const start = (era: Era): Promise<RawUpstream> =>
    rawUpstream({ era, capabilities: CAPABILITIES, answer: (method) => next(method) });
  const startLists = (era: Era): Promise<RawUpstream> =>
    rawUpstream({
      era,
      capabilities: CAPABILITIES,
      answer: (method) => ({
        result: `{${[object(required(era, 'resources/read')).slice(1, -1), lists.get(method) ?? ''].filter(Boolean).join(',')}}`,
      }),
    });
  upstreams = { legacy: await start('legacy'), modern: await start('modern') };
  listUpstreams = [await startLists('legacy'), await startLists('modern')];
  gateway = await startGateway({
    config: {
      general_settings: { limits: { list_cache_ttl: 0.001 } },
      mcp_servers: {
        legacy: { url: upstreams.legacy.url, transport: 'http' },
        modern: { url: upstreams.modern.url, transport: 'http' },
        ...Object.fromEntries(
          CELLS.map((cell) => [
            listServer(cell),
            { url: listUpstreams[cell.server === 'legacy' ? 0 : 1]?.url, transport: 'http' },
          ]),
        ),
      },
    },
  });
}, 60_000);

afterAll(async () => {
  await gateway.close();
  await Promise.all([...listUpstreams, ...ERAS.map((era) => upstreams[era])].map((upstream) => upstream.close()));
});

/** Lists that make the things that are asked for; a modern server's are kept for long. */
function listing(method: string): RawAnswer | undefined {
  const cache = '"resultType":"complete","ttlMs":600000,"cacheScope":"public"';
  switch (method) {
    case 'tools/list':
      return { result: `{"tools":[{"name":"t","inputSchema":{"type":"object"}}],${cache}}` };
    case 'prompts/list':
      return { result: `{"prompts":[{"name":"p"}],${cache}}` };
    case 'resources/list':
      return { result: `{"resources":[{"uri":"test://r","name":"r"}],${cache}}` };
    case 'resources/templates/list':
      return { result: `{"resourceTemplates":[{"uriTemplate":"test://{id}","name":"r"}],${cache}}` };
    default:
      return undefined;
  }
}

interface Asked {
  readonly method: string;
  /** Members of params beside `_meta`. */
  readonly params: Members;
  readonly meta?: Members;
  readonly session?: string;
}

/** Sends raw params in the way of an era. */
function ask(client: Era, server: string, { method, params, meta = [], session }: Asked): Promise<RpcAnswer> {
  const own = client === 'modern' ? JSON.stringify(envelope()).slice(1, -1) : '';
  const metaText = object(meta).slice(1, -1);
  const metas = [own, metaText].filter((part) => part !== '').join(',');
  const text = object(params, [['_meta', `{${metas}}`]]);
  const options = { key: gateway.key, ...(session === undefined ? {} : { sessionId: session }) };
  const value = JSON.parse(text) as Record<string, unknown>;
  return post(
    `${gateway.url}/mcp${server === '' ? '' : `/${server}`}`,
    `{"jsonrpc":"2.0","id":1,"method":"${method}","params":${text}}`,
    {
      ...options,
      headers: client === 'modern' ? mirrored(method, value) : { 'mcp-protocol-version': '2025-11-25' },
    },
  );
}

type Target = readonly [
  method: string,
  /** Params, where names and URIs begin with these; the server's own begin with nothing. */
  params: (name: string, uri: string) => Members,
  holding: (block: string) => readonly [string, string],
];

const TARGETS: readonly Target[] = [
  ['tools/call', (name) => [['name', `"${name}t"`]], (block) => ['content', `[${block}]`]],
  ['prompts/get', (name) => [['name', `"${name}p"`]], (block) => ['messages', `[{"role":"user","content":${block}}]`]],
  ['resources/read', (_name, uri) => [['uri', `"${uri}test://r"`]], (block) => ['contents', `[${block}]`]],
  [
    'completion/complete',
    (name) => [
      ['ref', `{"type":"ref/prompt","name":"${name}p","x":1.0}`],
      ['argument', '{"name":"a","value":"","x":1e400}'],
    ],
    (block) => ['completion', `{"values":[],"x":${block}}`],
  ],
];

const CASES = TARGETS.flatMap((target) =>
  [true, false].map((isAggregate) => ({
    title: `${target[0]} ${isAggregate ? 'among several servers' : 'of one server'}`,
    isAggregate,
    target,
  })),
);

const TRACE: Members = [
  ['traceparent', '"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"'],
  ['tracestate', '"a=1"'],
  ['baggage', '"b=2"'],
];
const SERVER_INFO: Members = [['io.modelcontextprotocol/serverInfo', '{"name":"raw","version":"1.0"}']];
const OF_THE_ERA: readonly string[] = ['resultType', 'ttlMs', 'cacheScope'];

/** What results of this server must have. */
function required(server: Era, method: string): Members {
  if (server === 'legacy') return [];
  const hints: Members =
    method === 'resources/read'
      ? [
          ['ttlMs', '5'],
          ['cacheScope', '"private"'],
        ]
      : [];
  return [['resultType', '"complete"'], ...hints];
}

describe.each(CELLS)('a $client client and a $server server', ({ client, server }) => {
  test.each(CASES)(
    '$title: what nobody knows arrives as it was sent, in either direction',
    async ({ isAggregate, target: [method, paramsOf, holding] }) => {
      const place = isAggregate ? '' : server;
      const given = isAggregate ? paramsOf(`${server}-`, `gatehouse://${server}/`) : paramsOf('', '');
      await fc.assert(
        fc.asyncProperty(
          members,
          members,
          members,
          members,
          members,
          json,
          async (args, extra, meta, back, metaBack, any) => {
            const block = object([['type', '"hologram"']], [['x', any]]);
            const result = object(
              required(server, method),
              [['_meta', object(SERVER_INFO, metaBack)]],
              [holding(block)],
              back,
            );
            next = (asked) => listing(asked) ?? { result };
            const more: Members = method === 'tools/call' ? [['arguments', object(args)], ...extra] : extra;
            const answer = await ask(client, place, {
              method,
              params: [...given, ...more],
              meta: [...TRACE, ...meta],
            });
            expect([answer.status, answer.message?.error]).toEqual([200, undefined]);
            const seen = upstreams[server].last(method)?.bodyText;
            expectKept(seen, [...paramsOf('', ''), ...more, ...TRACE, ...meta]);
            if (server === 'legacy') expect(seen).not.toContain('io.modelcontextprotocol/');
            expect(answer.text).toContain(block);
            expectKept(answer.text, [...back, ...metaBack, ...SERVER_INFO]);
            const told = OF_THE_ERA.filter((name) => answer.message?.result?.[name] !== undefined);
            const wanted = method === 'resources/read' ? OF_THE_ERA : ['resultType'];
            expect(told).toEqual(client === 'legacy' ? [] : wanted);
          },
        ),
        { numRuns: RUNS },
      );
    },
  );

  test('tools, prompts, resources and templates are listed as they were written', async () => {
    const icons = '"icons":[{"src":"https://example.test/a.png","sizes":["48x48"],"x":1.0}]';
    for (const [method, member, identifies, rest] of [
      ['tools/list', 'tools', 'name', '"inputSchema":{"type":"object","x-odd":1.0,"$defs":{"a":true}}'],
      ['prompts/list', 'prompts', 'name', '"arguments":[{"name":"a","x":1.0}]'],
      ['resources/list', 'resources', 'uri', '"name":"r","size":1e2'],
      ['resources/templates/list', 'resourceTemplates', 'uriTemplate', '"name":"r","mimeType":"a/b"'],
    ] as const) {
      const items = fc.sample(fc.tuple(members, members), 30).map(([extra, meta], index) => {
        const known = `"${identifies}":"test://${index}",${rest},${icons}`;
        return `{${known},${object(extra, [['_meta', object(meta)]]).slice(1)}`;
      });
      const execution = '"execution":{"taskSupport":"forbidden"}';
      const run = `{"${identifies}":"test://run","inputSchema":{"type":"object"},${execution}}`;
      lists.set(method, `"${member}":[${[...items, run].join(',')}]`);
      const { text } = await ask(client, listServer({ client, server }), { method, params: [] });
      for (const item of items) expect(text).toContain(item);
      // Of 2025-11-25, and nowhere else.
      if (member === 'tools') expect(text.includes(execution)).toBe(client === 'legacy');
    }
  });

  test("an upstream's error keeps its code, message and data", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: -31_999, max: 40_000 }), json, fc.string(), async (code, data, message) => {
        const error = `{"code":${code},"message":${JSON.stringify(message)},"data":${data},"x":1.0}`;
        next = (method) => listing(method) ?? { error };
        const answer = await ask(client, server, { method: 'tools/call', params: [['name', '"t"']] });
        expect(answer.text).toContain(error);
      }),
      { numRuns: RUNS },
    );
  });

  test('progress and log messages come with all they carry, before the reply', async () => {
    const upstream = upstreams[server];
    next = (method) => listing(method) ?? { result: '{"content":[],"resultType":"complete"}' };
    await ask(client, server, { method: 'tools/call', params: [['name', '"t"']] });
    let session: string | undefined;
    if (client === 'legacy') {
      const init = await rpc(
        `${gateway.url}/mcp/${server}`,
        'initialize',
        { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 't', version: '1' } },
        { key: gateway.key },
      );
      session = init.headers.get('mcp-session-id') ?? '';
    }
    try {
      await fc.assert(
        fc.asyncProperty(members, members, json, async (inProgress, inLog, data) => {
          const log = object([['level', '"error"']], [['data', data]], inLog);
          const progress = object([['progressToken', '"$TOKEN"']], inProgress, [['progress', '1.0']]);
          upstream.before = [
            `{"jsonrpc":"2.0","method":"notifications/progress","params":${progress}}`,
            `{"jsonrpc":"2.0","method":"notifications/message","params":${log}}`,
          ];
          const level: Members = client === 'modern' ? [['io.modelcontextprotocol/logLevel', '"info"']] : [];
          const answer = await ask(client, server, {
            method: 'tools/call',
            params: [['name', '"t"']],
            meta: [['progressToken', '"mine"'], ...level],
            ...(session === undefined ? {} : { session }),
          });
          const { headers } = answer;
          expect(headers.get('content-type')).toBe('text/event-stream');
          expectKept(answer.text, [...inProgress, ['progressToken', '"mine"'], ...inLog, ['data', data]]);
          expect(answer.messages.map(({ method }) => method)).toEqual([
            'notifications/progress',
            'notifications/message',
            undefined,
          ]);
        }),
        { numRuns: 10 },
      );
    } finally {
      upstream.before = [];
      if (session !== undefined) {
        const headers = clientHeaders({ key: gateway.key, sessionId: session });
        await fetch(`${gateway.url}/mcp/${server}`, { method: 'DELETE', headers });
      }
    }
  });
});
