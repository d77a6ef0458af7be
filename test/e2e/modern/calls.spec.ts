import fc from 'fast-check';
import { insertKey } from '../../factory/insert-key.js';
import { fakeUpstream, RawResult, type FakeUpstream } from '../../harness/fake-upstream.js';
import { envelope, mirrored, modernRpc, modernStream, type ModernOptions } from '../../harness/modern-rpc.js';
import { post, type RpcAnswer } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

const SERVER_INFO = { 'io.modelcontextprotocol/serverInfo': expect.objectContaining({ name: 'gatehouse' }) as unknown };

/** Modern clients in front of upstreams of the legacy era: protocol page §1.5, contract §§5–7, 14. */
describe('calls of modern clients to legacy upstreams', () => {
  let upstream: FakeUpstream;
  let keeper: FakeUpstream;
  let gateway: TestGateway;
  let mcp: string;
  let next: RawResult = new RawResult('{"content":[]}');
  const ended: string[] = [];

  beforeAll(async () => {
    upstream = await fakeUpstream({
      tools: [
        {
          name: 'echo',
          inputSchema: { type: 'object', properties: { to: { type: 'string', 'x-mcp-header': 'To' } } },
          execution: { taskSupport: 'optional' },
          'x-unknown': { n: 1 },
        },
        { name: 'raw', inputSchema: { type: 'object' }, run: () => next },
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
          run: (args, call) =>
            new Promise((resolve) => {
              call.progress(0);
              call.signal.addEventListener('abort', () => {
                ended.push(String(args['who']));
                resolve('aborted');
              });
            }),
        },
      ],
      prompts: [{ name: 'hello' }],
      resources: [{ uri: 'test://a', name: 'a', text: 'A' }],
      resourceTemplates: [{ uriTemplate: 'test://{id}', name: 't' }],
      failWith: ({ method, params }) =>
        method === 'tools/call' && params['name'] === 'echo' && JSON.stringify(params).includes('break')
          ? { error: { code: -32002, message: 'gone', data: { n: 1 } } }
          : undefined,
    });
    keeper = await fakeUpstream({ stateful: true, tools: [{ name: 'one', inputSchema: { type: 'object' } }] });
    gateway = await startGateway({
      config: {
        mcp_servers: {
          up: { url: upstream.url, transport: 'http' },
          keeper: { url: keeper.url, transport: 'http' },
        },
      },
    });
    mcp = `${gateway.url}/mcp/up`;
  });

  afterAll(async () => {
    await gateway.close();
    await upstream.close();
    await keeper.close();
  });

  const ask = (method: string, params: Record<string, unknown> = {}, more: ModernOptions = {}): Promise<RpcAnswer> =>
    modernRpc(mcp, method, params, { key: gateway.key, ...more });

  describe('lists', () => {
    it.each([
      ['tools/list', 'tools'],
      ['prompts/list', 'prompts'],
      ['resources/list', 'resources'],
      ['resources/templates/list', 'resourceTemplates'],
    ])('%s is complete, not to be shared, and says who answers ("Caching")', async (method, member) => {
      const { message } = await ask(method);
      expect(message?.result).toEqual({
        [member]: expect.any(Array) as unknown,
        resultType: 'complete',
        ttlMs: 0,
        cacheScope: 'private',
        _meta: SERVER_INFO,
      });
    });

    it('tools lose execution, which was of 2025-11-25, and keep what nobody knows', async () => {
      const { message } = await ask('tools/list');
      const [echo] = message?.result?.['tools'] as Record<string, unknown>[];
      expect(echo).toEqual({
        name: 'echo',
        inputSchema: { type: 'object', properties: { to: { type: 'string', 'x-mcp-header': 'To' } } },
        'x-unknown': { n: 1 },
      });
    });

    it('an aggregate has prefixed names, which calls and Mcp-Name use alike', async () => {
      const url = `${gateway.url}/mcp`;
      const list = await modernRpc(url, 'tools/list', {}, { key: gateway.key });
      expect(list.text).toContain('"up-raw"');
      const call = await modernRpc(url, 'tools/call', { name: 'keeper-one', arguments: {} }, { key: gateway.key });
      expect(call.message?.result).toMatchObject({ resultType: 'complete' });
      expect(keeper.seen('tools/call').at(-1)?.rpc?.params['name']).toBe('one');
    });
  });

  describe('requests on their way', () => {
    it('lose their envelope and nothing else; trace context goes along', async () => {
      upstream.clearLog();
      const body =
        `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"raw","arguments":{"n":12345678901234567890, "u":"\\ud83d"},` +
        `"_meta":{"traceparent":"00-abc","vendor/x":1.0,${JSON.stringify(envelope()).slice(1)},"more":1e400}}`;
      const { status } = await post(mcp, body, {
        key: gateway.key,
        headers: mirrored('tools/call', { name: 'raw' }),
      });
      expect(status).toBe(200);
      expect(upstream.seen('tools/call')[0]?.bodyText).toMatch(
        /^\{"jsonrpc":"2\.0","id":\d+,"method":"tools\/call","params":\{"name":"raw","arguments":\{"n":12345678901234567890, "u":"\\ud83d"\},"_meta":\{"traceparent":"00-abc","vendor\/x":1\.0\},"more":1e400\}\}$/,
      );
      expect(upstream.transcript()).not.toContain('io.modelcontextprotocol/');
    });

    it('go on one upstream session of their principal, which declares what their client can do', async () => {
      const url = `${gateway.url}/mcp/keeper`;
      const call = (capabilities: Record<string, unknown>): Promise<RpcAnswer> =>
        modernRpc(url, 'tools/call', { name: 'one', arguments: {} }, { key: gateway.key, capabilities });
      await call({ sampling: {} });
      keeper.clearLog();
      await call({ sampling: {} });
      expect(keeper.seen('initialize')).toEqual([]);
      await call({ elicitation: { url: {} }, x: { y: 1 } });
      expect(keeper.seen('initialize').map(({ rpc }) => rpc?.params['capabilities'])).toContainEqual({
        elicitation: { url: {} },
        x: { y: 1 },
      });
    });
  });

  describe('results on their way back', () => {
    it('any JSON comes through with its members, numbers and unknown blocks as they were', async () => {
      const key = fc.string({ minLength: 1, maxLength: 8 }).filter((name) => !['_meta', 'resultType'].includes(name));
      const value = fc.oneof(
        fc.bigInt({ min: 10n ** 18n, max: 10n ** 30n }).map(String),
        fc.constantFrom('1.0', '1e400', '-0', 'null', '[ ]', '{ }', '"\\ud83d"'),
        fc.string().map((text) => JSON.stringify(text)),
      );
      const members = fc.uniqueArray(fc.tuple(key, value), { selector: ([name]) => name, maxLength: 6 });
      await fc.assert(
        fc.asyncProperty(members, members, async (outer, block) => {
          const text = (parts: [string, string][]): string =>
            parts.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',');
          const blockText = `{${text([['type', '"hologram"'], ...block.filter(([name]) => name !== 'type')])}}`;
          const rest = outer.filter(([name]) => !['content', 'isError'].includes(name));
          next = new RawResult(`{${text([['content', `[${blockText}]`], ...rest])}}`);
          const answer = await ask('tools/call', { name: 'raw', arguments: {} });
          expect(answer.status).toBe(200);
          expect(answer.text).toContain(blockText);
          for (const part of rest) expect(answer.text).toContain(text([part]));
        }),
        { numRuns: 40 },
      );
    });

    it('results of every method say that they are complete', async () => {
      next = new RawResult('{"content":[],"_meta":{"a/b":1}}');
      const tool = await ask('tools/call', { name: 'raw', arguments: {} });
      expect(tool.message?.result).toEqual({
        content: [],
        resultType: 'complete',
        _meta: { 'a/b': 1, ...SERVER_INFO },
      });
      const prompt = await ask('prompts/get', { name: 'hello' });
      expect(prompt.message?.result).toMatchObject({ resultType: 'complete', _meta: SERVER_INFO });
      const read = await ask('resources/read', { uri: 'test://a' });
      expect(read.message?.result).toMatchObject({ contents: [{ text: 'A' }], ttlMs: 0, cacheScope: 'private' });
      const ref = { type: 'ref/prompt', name: 'hello' };
      const completion = await ask('completion/complete', { ref, argument: { name: 'a', value: '' } });
      expect(completion.message?.result).toMatchObject({ resultType: 'complete', completion: { total: 2 } });
      expect(completion.message?.result).not.toHaveProperty('ttlMs');
    });

    it('a resource that is not there is −32602 with its URI; errors of upstreams get codes of this era', async () => {
      const read = await ask('resources/read', { uri: 'test://none' });
      expect(read.message?.error).toMatchObject({ code: -32602, data: { uri: 'test://none' } });
      const aggregate = await modernRpc(`${gateway.url}/mcp`, 'resources/read', { uri: 'none:x' }, gateway);
      expect(aggregate.message?.error).toMatchObject({ code: -32602, data: { uri: 'none:x' } });
      const call = await ask(
        'tools/call',
        { name: 'echo', arguments: { to: 'break' } },
        { headers: { 'mcp-param-to': 'break' } },
      );
      expect(call.message?.error).toEqual({ code: -32602, message: 'gone', data: { n: 1 } });
    });
  });

  describe('Mcp-Param-* ("Custom Headers from Tool Parameters")', () => {
    it('must repeat the argument that the tool annotates', async () => {
      const call = (headers: Record<string, string>): Promise<RpcAnswer> =>
        ask('tools/call', { name: 'echo', arguments: { to: 'ü' } }, { headers });
      expect((await call({ 'mcp-param-to': '=?base64?w7w=?=' })).status).toBe(200);
      for (const headers of [{}, { 'mcp-param-to': 'u' }, { 'mcp-param-to': '=?base64?w7w?=' }]) {
        const { status, message } = await call(headers as Record<string, string>);
        expect([status, message?.error?.code]).toEqual([400, -32020]);
      }
    });
  });

  describe('progress, log messages, cancellation', () => {
    const meta = { progressToken: 'p' };

    it('progress comes on the stream of the call, under its own token; no log without a level', async () => {
      const { headers, messages } = await ask('tools/call', { name: 'steps', arguments: {} }, { meta });
      expect(headers.get('content-type')).toBe('text/event-stream');
      expect(headers.get('x-accel-buffering')).toBe('no');
      expect(messages.map(({ method }) => method)).toEqual(['notifications/progress', undefined]);
      expect(messages[0]?.params?.['progressToken']).toBe('p');
    });

    it('a level lets through what is as severe, and is passed on to the upstream', async () => {
      upstream.clearLog();
      const { messages } = await ask('tools/call', { name: 'steps', arguments: {} }, { logLevel: 'info' });
      expect(messages.map(({ params }) => params?.['data'])).toEqual(['working', undefined]);
      expect(upstream.seen('logging/setLevel').map(({ rpc }) => rpc?.params)).toEqual([{ level: 'info' }]);
    });

    it('whoever closes the stream cancels the call upstream ("Cancellation")', async () => {
      const stream = await modernStream(
        mcp,
        'tools/call',
        { name: 'wait', arguments: { who: 'closer' } },
        { key: gateway.key, meta },
      );
      await waitFor(() => stream.messages.length, { what: 'progress' });
      stream.close();
      await waitFor(() => ended.includes('closer'), { what: 'the upstream to hear of it' });
      await waitFor(() => upstream.seen('notifications/cancelled').length, { what: 'notifications/cancelled' });
    });
  });

  describe('access (contract §9)', () => {
    it('what is denied reads exactly like what does not exist', async () => {
      const key = await insertKey(gateway.databaseUrl, {
        permission: { servers: ['up'], toolPermissions: { up: ['echo'] } },
      });
      const call = (name: string): Promise<RpcAnswer> =>
        modernRpc(`${gateway.url}/mcp`, 'tools/call', { name, arguments: {} }, { key: key.key });
      const denied = [await call('up-raw'), await call('keeper-one')];
      const absent = await call('up-nothing');
      expect(absent.message?.error?.code).toBe(-32602);
      for (const { status, message } of denied) {
        expect(status).toBe(absent.status);
        expect(message?.error?.message.replace(/up-raw|keeper-one/, 'up-nothing')).toBe(absent.message?.error?.message);
      }
      const list = await modernRpc(`${gateway.url}/mcp`, 'tools/list', {}, { key: key.key });
      expect((list.message?.result?.['tools'] as { name: string }[]).map(({ name }) => name)).toEqual(['up-echo']);
    });
  });
});
