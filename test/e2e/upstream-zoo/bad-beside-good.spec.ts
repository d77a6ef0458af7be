import * as zoo from '../../harness/bad-upstreams.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc, type RpcAnswer } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

const LIST_TIMEOUT_S = 2;
const CALL_TIMEOUT_S = 2;
const RESULT_BYTES = 4 * 1024 * 1024;
/** What a busy machine may add to any wait. */
const SLACK_MS = 4_000;

/** Upstreams whose list is worth nothing, and what the outcome must say of them. */
const USELESS: Readonly<Record<string, { start: (from?: zoo.BadFrom) => Promise<zoo.BadUpstream>; reason: RegExp }>> = {
  dead_port: { start: zoo.deadPort, reason: /unreachable/i },
  hung_accept: { start: zoo.hungAccept, reason: /in time/i },
  hung_after_headers: { start: zoo.hungAfterHeaders, reason: /in time/i },
  hung_after_initialize: { start: zoo.hungAfterInitialize, reason: /in time/i },
  endless_sse: { start: zoo.endlessSse, reason: /in time/i },
  slow_loris: { start: zoo.slowLoris, reason: /in time|not MCP/i },
  wrong_id: { start: zoo.wrongId, reason: /not MCP/i },
  wrong_id_in_sse: { start: zoo.wrongIdInSse, reason: /not MCP|unreachable/i },
  invalid_json: { start: zoo.invalidJson, reason: /not MCP/i },
  web_page: { start: zoo.webPage, reason: /not MCP/i },
  truncated: { start: zoo.truncated, reason: /not MCP|unreachable/i },
  // On a busy machine the time may be up before they have grown too large.
  huge_result: { start: zoo.hugeResult, reason: /size|in time/i },
  huge_event: { start: zoo.hugeEvent, reason: /size|in time/i },
  huge_description: { start: zoo.hugeDescription, reason: /size/i },
  redirect_loop: { start: zoo.redirectLoop, reason: /redirect/i },
  unauthorized_storm: { start: zoo.unauthorizedStorm, reason: /credential/i },
  cyclic_cursor: { start: zoo.cyclicCursor, reason: /not MCP|cursor/i },
  endless_pages: { start: zoo.endlessPages, reason: /in time|size|more than|pages/i },
};

/** Those that can also list well and be bad when called. */
const BAD_CALLS: ReadonlySet<unknown> = new Set([
  zoo.hungAfterHeaders,
  zoo.hungAfterInitialize,
  zoo.endlessSse,
  zoo.slowLoris,
  zoo.wrongId,
  zoo.wrongIdInSse,
  zoo.invalidJson,
  zoo.truncated,
  zoo.hugeResult,
  zoo.hugeEvent,
]);

/** Upstreams that lie in part: what can be used is used. */
const HALF_GOOD: Readonly<Record<string, () => Promise<zoo.BadUpstream>>> = {
  duplicate_names: zoo.duplicateNames,
  malformed_items: zoo.malformedItems,
  deep_schema: zoo.deepSchema,
};

const bad = new Map<string, zoo.BadUpstream>();
let good: FakeUpstream;
let gateway: TestGateway;

beforeAll(async () => {
  for (const [name, { start }] of Object.entries(USELESS)) bad.set(name, await start());
  for (const [name, start] of Object.entries(HALF_GOOD)) bad.set(name, await start());
  good = await fakeUpstream();
});

afterAll(async () => {
  await Promise.all([good, ...bad.values()].map((upstream) => upstream.close()));
});

async function startBeside(names: readonly string[]): Promise<TestGateway> {
  const servers = [['good', good.url], ...names.map((name) => [name, bad.get(name)?.url])];
  return startGateway({
    config: {
      mcp_servers: Object.fromEntries(servers.map(([name, url]) => [name, { url, transport: 'http' }])),
      general_settings: {
        limits: {
          list_timeout: LIST_TIMEOUT_S,
          connect_timeout: 1,
          call_idle_timeout: 1,
          call_timeout: CALL_TIMEOUT_S,
          result_bytes: RESULT_BYTES,
        },
      },
    },
  });
}

const list = (path = '/mcp') => timed(rpc(`${gateway.url}${path}`, 'tools/list', {}, { key: gateway.key }));

const callGood = () =>
  timed(rpc(`${gateway.url}/mcp`, 'tools/call', { name: 'good-echo', arguments: { n: 1 } }, { key: gateway.key }));

async function timed(pending: Promise<RpcAnswer>): Promise<RpcAnswer & { elapsedMs: number }> {
  const startedAt = performance.now();
  const answer = await pending;
  return { ...answer, elapsedMs: performance.now() - startedAt };
}

function toolNames({ message }: RpcAnswer): string[] {
  return (message?.result?.['tools'] as { name: string }[]).map(({ name }) => name);
}

function outcomes({ message }: RpcAnswer): Record<string, { status: string; reason: string }> {
  const meta = message?.result?.['_meta'] as
    Record<string, Record<string, { status: string; reason: string }>> | undefined;
  return meta?.['gatehouse/outcomes'] ?? {};
}

describe('the whole zoo beside one good server', () => {
  beforeAll(async () => {
    gateway = await startBeside([...bad.keys()]);
  });
  afterAll(() => gateway.close());

  test('the first list comes within its bound with the tools of the good one and the reason for every other', async () => {
    const listing = list();
    const calls = await Promise.all(Array.from({ length: 20 }, callGood));
    expect(calls.map(({ message }) => message?.result?.['content'])).toEqual(
      Array.from({ length: 20 }, () => [{ type: 'text', text: '{"n":1}' }]),
    );

    const first = await listing;
    expect(first.elapsedMs).toBeLessThan(LIST_TIMEOUT_S * 1000 + SLACK_MS);
    expect(toolNames(first)).toContain('good-echo');
    for (const [name, { reason }] of Object.entries(USELESS)) {
      expect([name, outcomes(first)[name]]).toEqual([
        name,
        { status: 'failed', reason: expect.stringMatching(reason) },
      ]);
      expect(toolNames(first).filter((tool) => tool.startsWith(`${name}-`))).toEqual([]);
    }
  });

  test('what can be used of a lying server is used', async () => {
    const names = toolNames(await list());
    expect(names.filter((name) => name.startsWith('duplicate_names-'))).toContain('duplicate_names-single');
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(expect.arrayContaining(['malformed_items-good_one', 'malformed_items-good_two']));
    expect(names).not.toContain('deep_schema-deep');
  });

  test('the next lists do not wait for servers that are known to be bad', async () => {
    await list();
    for (let round = 0; round < 5; round += 1) {
      const again = await list();
      expect(again.elapsedMs).toBeLessThan(1_000);
      expect(toolNames(again)).toContain('good-echo');
      expect(Object.keys(outcomes(again))).toEqual(expect.arrayContaining(['dead_port', 'hung_accept']));
    }
  });

  test('a result without end is not read beyond its limit', () => {
    for (const name of ['huge_result', 'huge_event', 'huge_description']) {
      // What is under way in sockets when the reader hangs up was sent too; each of a few attempts counts.
      expect(bad.get(name)?.bytesSent ?? 0).toBeLessThan(16 * RESULT_BYTES);
    }
  });
});

describe('one of the zoo beside a good server', () => {
  test.each(Object.keys(USELESS))(
    '%s: calls to it end in time with a reason, calls to the good one do not notice',
    async (name) => {
      gateway = await startBeside([name]);
      try {
        const toBad = timed(
          rpc(`${gateway.url}/mcp/${name}`, 'tools/call', { name: 'anything', arguments: {} }, { key: gateway.key }),
        );
        const toGood = await Promise.all([callGood(), callGood(), callGood()]);
        for (const { message } of toGood) expect(message?.result?.['content']).toBeDefined();

        const failed = await toBad;
        expect(failed.elapsedMs).toBeLessThan((LIST_TIMEOUT_S + CALL_TIMEOUT_S) * 1000 + SLACK_MS);
        expect(failed.message?.error).toMatchObject({ code: expect.any(Number), message: expect.any(String) });
        expect(failed.text).not.toContain('stolen');

        const listed = await list();
        expect(toolNames(listed)).toEqual(['good-echo']);
        expect(Object.keys(outcomes(listed))).toEqual([name]);
      } finally {
        await gateway.close();
      }
    },
  );
});

describe('a server that lists well and is bad when called', () => {
  const badWhenCalled = Object.entries(USELESS).filter(([, { start }]) => BAD_CALLS.has(start));

  test.each(badWhenCalled)(
    '%s: the call ends in time with a reason, and no other call notices',
    async (_name, { start, reason }) => {
      const upstream = await start('call');
      bad.set('bad', upstream);
      gateway = await startBeside(['bad']);
      try {
        expect(toolNames(await list()).sort()).toEqual(['bad-anything', 'good-echo']);
        const toBad = timed(
          rpc(`${gateway.url}/mcp`, 'tools/call', { name: 'bad-anything', arguments: {} }, { key: gateway.key }),
        );
        const toGood = await Promise.all([callGood(), callGood(), callGood()]);
        for (const { message } of toGood) expect(message?.result?.['content']).toBeDefined();

        const failed = await toBad;
        expect(failed.elapsedMs).toBeLessThan(CALL_TIMEOUT_S * 1000 + SLACK_MS);
        expect(failed.message?.error?.message).toMatch(reason);
        expect(failed.message?.error?.data).toMatchObject({ server: 'bad', retryable: expect.any(Boolean) });
        expect(failed.text).not.toContain('stolen');
        // Seen once: what was asked for may have happened, so it is not asked for again.
        expect(upstream.asked.filter((method) => method === 'tools/call')).toHaveLength(1);
        expect(upstream.bytesSent).toBeLessThan(4 * RESULT_BYTES);
      } finally {
        await gateway.close();
        await upstream.close();
        bad.delete('bad');
      }
    },
  );
});

/** A child or an event stream that is worth nothing, and what the outcome must say of it. */
const OTHER_TRANSPORTS: Readonly<Record<string, { server: () => object; reason: RegExp }>> = {
  missing_command: { server: () => ({ command: 'there-is-no-such-command' }), reason: /command|found|unreachable/i },
  leaving_child: { server: () => child('process.exit(3)'), reason: /unreachable/i },
  hung_child: { server: () => child('setInterval(() => undefined, 60_000)'), reason: /in time/i },
  babbling_child: { server: () => child("setInterval(() => console.log('no JSON'), 20)"), reason: /in time|not MCP/i },
  hung_sse: { server: () => ({ url: bad.get('hung_accept')?.url, transport: 'sse' }), reason: /in time/i },
  page_for_sse: { server: () => ({ url: bad.get('web_page')?.url, transport: 'sse' }), reason: /not MCP|unreachable/i },
  dead_sse: { server: () => ({ url: bad.get('dead_port')?.url, transport: 'sse' }), reason: /unreachable/i },
};
const child = (program: string): object => ({ command: process.execPath, args: ['-e', program] });

describe('bad servers over stdio and HTTP+SSE beside a good one', () => {
  beforeAll(async () => {
    const others = Object.entries(OTHER_TRANSPORTS).map(([name, { server }]) => [name, server()] as const);
    gateway = await startGateway({
      config: {
        mcp_servers: { good: { url: good.url, transport: 'http' }, ...Object.fromEntries(others) },
        general_settings: { limits: { list_timeout: LIST_TIMEOUT_S, connect_timeout: 1, call_idle_timeout: 1 } },
      },
    });
  });
  afterAll(() => gateway.close());

  test('the list comes within its bound with the reason for every other; the good one’s calls do not notice', async () => {
    const listing = list();
    const calls = await Promise.all([callGood(), callGood(), callGood()]);
    for (const { message } of calls) expect(message?.result?.['content']).toBeDefined();
    const listed = await listing;
    expect(listed.elapsedMs).toBeLessThan(LIST_TIMEOUT_S * 1000 + SLACK_MS);
    expect(toolNames(listed)).toEqual(['good-echo']);
    for (const [name, { reason }] of Object.entries(OTHER_TRANSPORTS)) {
      expect([name, outcomes(listed)[name]]).toEqual([
        name,
        { status: 'failed', reason: expect.stringMatching(reason) },
      ]);
    }
  });

  test.each(Object.keys(OTHER_TRANSPORTS))('a call to %s ends in time with a reason', async (name) => {
    const failed = await timed(
      rpc(`${gateway.url}/mcp/${name}`, 'tools/call', { name: 'anything', arguments: {} }, { key: gateway.key }),
    );
    expect(failed.elapsedMs).toBeLessThan(LIST_TIMEOUT_S * 1000 + SLACK_MS);
    expect(failed.message?.error).toMatchObject({ data: { server: name, reason: expect.any(String) } });
  });
});
