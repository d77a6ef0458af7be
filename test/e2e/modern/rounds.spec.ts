import { startFixture, type Fixture } from '../../conformance/fixture/start-fixture.js';
import { changePermission, changeRow, insertKey, insertTeam } from '../../factory/insert-key.js';
import { modernRpc, modernStream, type ModernOptions } from '../../harness/modern-rpc.js';
import type { RpcAnswer } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

type Json = Record<string, unknown>;

const EVERYTHING = { sampling: { tools: {} }, elicitation: { form: {}, url: {} }, roots: {} };

/** A modern client is asked by legacy upstreams in the middle of its calls: 2026-07-28, "Multi Round-Trip Requests". */
describe('input that a legacy upstream wants of a modern client', () => {
  let fixture: Fixture;
  let gateway: TestGateway;
  let mcp: string;

  beforeAll(async () => {
    fixture = await startFixture({ era: 'legacy' });
    gateway = await startGateway({ config: { mcp_servers: { up: { url: fixture.url, transport: 'http' } } } });
    mcp = `${gateway.url}/mcp/up`;
  });

  afterAll(async () => {
    await gateway.close();
    await fixture.close();
  });

  const call = (name: string, params: Json = {}, more: ModernOptions = {}): Promise<RpcAnswer> =>
    modernRpc(
      mcp,
      'tools/call',
      { name, arguments: {}, ...params },
      { key: gateway.key, capabilities: EVERYTHING, ...more },
    );

  const requestsOf = ({ message }: RpcAnswer): Record<string, { method: string; params: Json }> =>
    (message?.result?.['inputRequests'] ?? {}) as Record<string, { method: string; params: Json }>;

  const stateOf = ({ message }: RpcAnswer): string => String(message?.result?.['requestState']);

  const keyOf = (answer: RpcAnswer): string => Object.keys(requestsOf(answer))[0] ?? '';

  const textOf = ({ message }: RpcAnswer): string =>
    ((message?.result?.['content'] ?? []) as { text?: string }[]).map(({ text }) => text).join(' ');

  const accept = (content: Json): Json => ({ action: 'accept', content });

  it('comes as input_required; the answers go on with the call where it stopped', async () => {
    const args = { arguments: { message: 'Who are you?' } };
    const first = await call('test_elicitation', args, { id: 'one' });
    expect(first.status).toBe(200);
    expect(first.message).toMatchObject({
      id: 'one',
      result: { resultType: 'input_required', requestState: expect.any(String) as unknown },
    });
    expect(first.message?.result).not.toHaveProperty('ttlMs');
    expect(Object.values(requestsOf(first))).toEqual([
      { method: 'elicitation/create', params: expect.objectContaining({ message: 'Who are you?' }) as unknown },
    ]);
    const inputResponses = { [keyOf(first)]: accept({ username: 'ada', email: 'a@b.c' }) };
    const second = await call('test_elicitation', { ...args, inputResponses, requestState: stateOf(first) }, { id: 2 });
    expect(second.message).toMatchObject({ id: 2, result: { resultType: 'complete' } });
    expect(textOf(second)).toContain('"username":"ada"');
  });

  it('a model and roots are asked the same way, and what is asked at once comes in one round', async () => {
    const sampled = await call('test_sampling', { arguments: { prompt: 'hi' } });
    expect(Object.values(requestsOf(sampled)).map(({ method }) => method)).toEqual(['sampling/createMessage']);
    const several = await call('test_input_required_result_multiple_inputs');
    expect(
      Object.values(requestsOf(several))
        .map(({ method }) => method)
        .sort(),
    ).toEqual(['elicitation/create', 'roots/list', 'sampling/createMessage']);
  });

  it('several rounds follow each other; what was not answered is asked again', async () => {
    const name = 'test_input_required_result_multi_round';
    const first = await call(name);
    const empty = await call(name, { inputResponses: { other: {} }, requestState: stateOf(first) });
    expect(empty.message?.result?.['resultType']).toBe('input_required');
    expect(keyOf(empty)).toBe(keyOf(first));
    let answer = empty;
    let rounds = 0;
    while (answer.message?.result?.['resultType'] === 'input_required' && rounds < 5) {
      rounds += 1;
      const properties = (requestsOf(answer)[keyOf(answer)]?.params['requestedSchema'] as { properties: Json })
        .properties;
      const content = Object.fromEntries(Object.keys(properties).map((name) => [name, 'x']));
      answer = await call(name, {
        inputResponses: { [keyOf(answer)]: accept(content) },
        requestState: stateOf(answer),
      });
    }
    expect(rounds).toBeGreaterThan(1);
    expect(answer.message?.result?.['resultType']).toBe('complete');
  });

  it('prompts ask too', async () => {
    const name = 'test_input_required_result_prompt';
    const get = (params: Json = {}): Promise<RpcAnswer> =>
      modernRpc(mcp, 'prompts/get', { name, ...params }, { key: gateway.key, capabilities: EVERYTHING });
    const first = await get();
    const second = await get({
      inputResponses: { [keyOf(first)]: accept({ context: 'tests' }) },
      requestState: stateOf(first),
    });
    expect(second.text).toContain('tests');
    expect(second.message?.result?.['resultType']).toBe('complete');
  });

  it('a client is not asked for what it did not declare: the upstream is told that it cannot', async () => {
    for (const capabilities of [{}, { sampling: {} }, { elicitation: { url: {} } }]) {
      const answer = await call('test_elicitation', { arguments: { message: 'm' } }, { capabilities });
      expect(answer.message?.result?.['resultType']).not.toBe('input_required');
    }
  });

  it('what a server cannot do without, and asked for in vain, is 400 and −32021 with what it takes', async () => {
    const answer = await call('test_missing_capability', {}, { capabilities: {} });
    expect(answer.status).toBe(400);
    expect(answer.message?.error).toMatchObject({ code: -32021, data: { requiredCapabilities: { sampling: {} } } });
  });

  describe('requestState is believed only as it was given', () => {
    const args = { arguments: { message: 'm' } };
    const name = 'test_elicitation';

    it.each<[string, (state: string) => [string, Json, ModernOptions?]]>([
      ['changed', (state) => [name, { ...args, requestState: `${state}x` }]],
      ['made up', () => [name, { ...args, requestState: 'abc' }]],
      ['for other arguments', (state) => [name, { arguments: { message: 'other' }, requestState: state }]],
      ['for another tool', (state) => ['test_sampling', { ...args, requestState: state }]],
    ])('%s: −32602', async (_what, change) => {
      const first = await call(name, args);
      const [tool, params, options] = change(stateOf(first));
      const answer = await call(tool, { ...params, inputResponses: { [keyOf(first)]: accept({}) } }, options);
      expect(answer.message?.error).toMatchObject({ code: -32602, message: 'Invalid or expired requestState' });
    });

    it("somebody else's, or one that was used before: −32602", async () => {
      const other = await insertKey(gateway.databaseUrl, { permission: { servers: ['up'] } });
      const first = await call(name, args);
      const params = {
        ...args,
        inputResponses: { [keyOf(first)]: accept({ username: 'a', email: 'b' }) },
        requestState: stateOf(first),
      };
      const stolen = await call(name, params, { key: other.key });
      expect(stolen.message?.error?.code).toBe(-32602);
      expect((await call(name, params)).message?.result?.['resultType']).toBe('complete');
      expect((await call(name, params)).message?.error?.code).toBe(-32602);
    });

    it('of the wrong type: −32602', async () => {
      for (const params of [{ requestState: 7 }, { inputResponses: null }, { inputResponses: [] }]) {
        expect((await call(name, { ...args, ...params })).message?.error?.code).toBe(-32602);
      }
    });

    it('answers without it begin anew', async () => {
      const answer = await call(name, { ...args, inputResponses: { 'input-1': accept({}) } });
      expect(answer.message?.result?.['resultType']).toBe('input_required');
    });
  });

  describe('a page to visit first (−32042 of 2025-11-25)', () => {
    const name = 'test_url_elicitation_required';

    it('becomes a round; afterwards the request is made again and succeeds', async () => {
      const first = await call(name);
      expect(Object.values(requestsOf(first))).toEqual([
        { method: 'elicitation/create', params: expect.objectContaining({ mode: 'url' }) as unknown },
      ]);
      const second = await call(name, {
        inputResponses: { [keyOf(first)]: { action: 'accept' } },
        requestState: stateOf(first),
      });
      expect(textOf(second)).toBe('You have been there.');
    });

    it('is 400 and −32021 for a client that cannot open pages', async () => {
      const capabilities = { elicitation: { form: {} }, other: {} };
      const { status, message } = await call(name, {}, { capabilities });
      expect(status).toBe(400);
      expect(message?.error).toMatchObject({
        code: -32021,
        data: { requiredCapabilities: { elicitation: { url: {} } } },
      });
    });
  });

  describe('a call that waits', () => {
    it('ends with its credential', async () => {
      const key = await insertKey(gateway.databaseUrl, { permission: { servers: ['up'] } });
      const first = await call('test_elicitation', { arguments: { message: 'm' } }, { key: key.key });
      expect(stateOf(first)).not.toBe('undefined');
      await changeRow(gateway.databaseUrl, 'key', key.id, 'UPDATE virtual_key SET blocked = true WHERE id = $1', [
        key.id,
      ]);
      const retry = (): Promise<RpcAnswer> =>
        call('test_elicitation', { arguments: { message: 'm' }, requestState: stateOf(first) }, { key: key.key });
      await waitFor(async () => (await retry()).status === 401, { what: '401' });
      await waitFor(() => gateway.logs().includes('call/cancelled'), { what: 'the call to end' });
    });

    it('is not gone on with once its caller may not see the server any more', async () => {
      const team = await insertTeam(gateway.databaseUrl, { permission: { servers: ['up'] } });
      const { key } = await insertKey(gateway.databaseUrl, { teamId: team });
      const args = { arguments: { message: 'm' } };
      const url = `${gateway.url}/mcp`;
      const ask = (params: Json): Promise<RpcAnswer> =>
        modernRpc(
          url,
          'tools/call',
          { name: 'up-test_elicitation', ...args, ...params },
          { key, capabilities: EVERYTHING },
        );
      const first = await ask({});
      await changePermission(gateway.databaseUrl, 'team', team, { servers: [] });
      await waitFor(async () => {
        const { message } = await modernRpc(url, 'tools/list', {}, { key });
        return (message?.result?.['tools'] as unknown[]).length === 0;
      });
      const inputResponses = { [keyOf(first)]: accept({ username: 'a', email: 'b' }) };
      const second = await ask({ inputResponses, requestState: stateOf(first) });
      expect(second.message?.error?.code).toBe(-32602);
    });

    it('is cancelled by a client that closes the stream of a further round', async () => {
      const name = 'test_streaming_elicitation';
      const first = await call(name, {}, { meta: { progressToken: 1 } });
      expect(first.message?.result?.['resultType']).toBe('input_required');
      expect(first.messages.some(({ method }) => method === 'notifications/progress')).toBe(true);
      const stream = await modernStream(
        mcp,
        'tools/call',
        { name, arguments: {}, requestState: stateOf(first), inputResponses: {} },
        { key: gateway.key, capabilities: EVERYTHING },
      );
      stream.close();
      expect(stream.status).toBe(200);
    });
  });
});
