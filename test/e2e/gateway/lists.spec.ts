import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc, type RpcAnswer } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

/** Lists from several servers: contract §7. */
describe('lists', () => {
  const upstreams: FakeUpstream[] = [];
  let gateway: TestGateway | undefined;

  afterEach(async () => {
    await gateway?.close();
    for (const upstream of upstreams.splice(0)) await upstream.close();
  });

  async function start(names: readonly string[], limits: object = {}, count = 7, pageSize = 3): Promise<string> {
    const servers: Record<string, object> = {};
    for (const name of names) {
      const tools = Array.from({ length: count }, (_, index) => ({
        name: `t${index}`,
        inputSchema: { type: 'object' },
      }));
      const upstream = await fakeUpstream({ tools, pageSize });
      upstreams.push(upstream);
      servers[name] = { url: upstream.url, transport: 'http' };
    }
    gateway = await startGateway({ config: { general_settings: { limits }, mcp_servers: servers } });
    return `${gateway.url}/mcp`;
  }

  const list = (url: string, params?: object): Promise<RpcAnswer> =>
    rpc(url, 'tools/list', params, { key: gateway?.key ?? '' });
  const names = (answer: RpcAnswer): string[] =>
    (answer.message?.result?.['tools'] as { name: string }[]).map(({ name }) => name);

  it('follow every page of an upstream (defect 39)', async () => {
    expect(names(await list(`${await start(['a'])}/a`))).toEqual(['t0', 't1', 't2', 't3', 't4', 't5', 't6']);
  });

  it('are offered in pages with cursors that are opaque and complete', async () => {
    const url = await start(['a', 'b', 'c'], { list_page_size: 5 });
    const seen: string[] = [];
    let cursor: unknown;
    do {
      const answer = await list(url, cursor === undefined ? undefined : { cursor });
      expect(names(answer).length).toBeLessThanOrEqual(5);
      seen.push(...names(answer));
      cursor = answer.message?.result?.['nextCursor'];
    } while (cursor !== undefined);
    expect(seen).toHaveLength(21);
    expect(new Set(seen).size).toBe(21);
  });

  it('a cursor of one scope is nothing in another', async () => {
    const url = await start(['a', 'b'], { list_page_size: 5 });
    const cursor = (await list(url)).message?.result?.['nextCursor'];
    expect((await list(`${url}/a`, { cursor })).message?.error?.code).toBe(-32602);
  });

  it('are answered from the cache, and refreshed behind the answer when old', async () => {
    const url = await start(['a'], { list_cache_ttl: 0.2 });
    await list(url);
    const asked = (): number => upstreams[0]?.seen('tools/list').length ?? 0;
    const before = asked();
    await Promise.all([list(url), list(url), list(url)]);
    expect(asked()).toBe(before);
    upstreams[0]?.setTools([{ name: 'new', inputSchema: { type: 'object' } }]);
    await waitFor(async () => names(await list(url)).includes('a-new'), { what: 'the refreshed list' });
  });

  it('show what answered and say what failed; only when everything failed is it an error (defect 40)', async () => {
    const url = await start(['good', 'bad']);
    upstreams[1]?.setFailure(() => ({ status: 500 }));
    const answer = await list(url);
    expect(names(answer)).toHaveLength(7);
    expect(answer.message?.result?.['_meta']).toEqual({
      'gatehouse/outcomes': { bad: { status: 'failed', reason: expect.stringContaining('bad') } },
    });
    const alone = await list(`${url}/bad`);
    expect(alone.message?.error).toMatchObject({ code: -32603, data: { server: 'bad', retryable: true } });
    upstreams[1]?.setFailure(undefined);
    await waitFor(async () => names(await list(url)).length === 14, { what: 'the server to be back' });
  });

  it('find a tool that the upstream grew since it was listed', async () => {
    const url = await start(['a']);
    await list(url);
    upstreams[0]?.setTools([{ name: 'grown', inputSchema: { type: 'object' }, run: () => 'here' }]);
    await waitFor(
      async () =>
        (await rpc(url, 'tools/call', { name: 'a-grown' }, { key: gateway?.key ?? '' })).message?.result !== undefined,
      { what: 'the new tool to be callable' },
    );
  });

  it('need one round trip per call to an upstream that keeps no session (contract §5)', async () => {
    const url = await start(['a']);
    await list(url);
    upstreams[0]?.clearLog();
    await rpc(url, 'tools/call', { name: 'a-t0' }, { key: gateway?.key ?? '' });
    await rpc(url, 'tools/call', { name: 'a-t1' }, { key: gateway?.key ?? '' });
    expect(upstreams[0]?.requests.map(({ rpc: seen }) => seen?.method)).toEqual(['tools/call', 'tools/call']);
  });
});
