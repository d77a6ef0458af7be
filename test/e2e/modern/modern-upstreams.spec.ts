import { startFixture, type Fixture } from '../../conformance/fixture/start-fixture.js';
import { insertKey } from '../../factory/insert-key.js';
import { modernRpc, modernStream, type ModernOptions } from '../../harness/modern-rpc.js';
import type { RpcAnswer } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

type Json = Record<string, unknown>;

const TASKS = 'io.modelcontextprotocol/tasks';

/** Modern clients in front of modern upstreams: what the upstream says is passed on, state included (protocol page §1.5). */
describe('modern clients and modern upstreams', () => {
  let fixture: Fixture;
  let gateway: TestGateway;
  let mcp: string;

  beforeAll(async () => {
    fixture = await startFixture({ era: 'modern' });
    gateway = await startGateway({ config: { mcp_servers: { up: { url: fixture.url, transport: 'http' } } } });
    mcp = `${gateway.url}/mcp`;
  });

  afterAll(async () => {
    await gateway.close();
    await fixture.close();
  });

  const ask = (method: string, params: Json = {}, more: ModernOptions = {}): Promise<RpcAnswer> =>
    modernRpc(mcp, method, params, { key: gateway.key, capabilities: { elicitation: {}, sampling: {} }, ...more });

  const call = (name: string, params: Json = {}, more: ModernOptions = {}): Promise<RpcAnswer> =>
    ask('tools/call', { name: `up-${name}`, arguments: {}, ...params }, more);

  it('discovery unites what upstreams offer, extensions included', async () => {
    const { message } = await ask('server/discover');
    const { capabilities } = message?.result as { capabilities: { extensions: Json; tasks?: unknown } };
    expect(Object.keys(capabilities.extensions).sort()).toEqual([TASKS, 'io.modelcontextprotocol/ui']);
    expect(capabilities.tasks).toBeUndefined();
  });

  it('lists say how long they last, and are never to be shared', async () => {
    const { message } = await ask('tools/list');
    const { ttlMs, cacheScope } = message?.result as { ttlMs: number; cacheScope: string };
    expect(Number.isInteger(ttlMs) && ttlMs >= 0 && ttlMs <= 1000).toBe(true);
    expect(cacheScope).toBe('private');
    const read = await ask('resources/read', { uri: 'test://static-text' });
    expect(read.message?.result).toMatchObject({ resultType: 'complete', cacheScope: 'private' });
  });

  it('questions have the keys of the upstream; answers without state reach it', async () => {
    const name = 'test_input_required_result_elicitation';
    const first = await call(name);
    expect(Object.keys(first.message?.result?.['inputRequests'] as Json)).toEqual(['user_name']);
    const inputResponses = { user_name: { action: 'accept', content: { name: 'Ada' } }, more: {} };
    const second = await call(name, { inputResponses });
    expect(second.message?.result).toMatchObject({ resultType: 'complete', content: [{ text: 'Hello, Ada!' }] });
  });

  it('what the upstream asks at once is asked in one round', async () => {
    const name = 'test_input_required_result_multiple_inputs';
    const capabilities = { elicitation: {}, sampling: {}, roots: {} };
    const first = await call(name, {}, { capabilities });
    const { requestState, inputRequests } = first.message?.result as { requestState: string; inputRequests: Json };
    expect(Object.keys(inputRequests).sort()).toEqual(['client_roots', 'greeting', 'user_name']);
    const inputResponses = {
      user_name: { action: 'accept', content: { name: 'Ada' } },
      greeting: { role: 'assistant', model: 'm', content: { type: 'text', text: 'hi' } },
      client_roots: { roots: [{ uri: 'file:///a' }] },
    };
    const second = await call(name, { requestState, inputResponses }, { capabilities });
    expect(second.message?.result).toMatchObject({ resultType: 'complete' });
    expect(second.text).toContain('file:///a');
  });

  it("the upstream's state comes back to it as it was, and serves nobody but whom it was given to", async () => {
    const name = 'test_input_required_result_request_state';
    const first = await call(name);
    const result = first.message?.result as { requestState: string; inputRequests: Json };
    const [key = ''] = Object.keys(result.inputRequests);
    const params = {
      requestState: result.requestState,
      inputResponses: { [key]: { action: 'accept', content: { ok: true, name: 'x' } } },
    };
    const other = await insertKey(gateway.databaseUrl, { permission: { servers: ['up'] } });
    expect((await call(name, params, { key: other.key })).message?.error?.code).toBe(-32602);
    expect((await call(name, { ...params, requestState: `${result.requestState}x` })).message?.error?.code).toBe(
      -32602,
    );
    expect((await call(name, params)).message?.result).toMatchObject({ resultType: 'complete' });
  });

  it('a capability that the client lacks is the 400 and −32021 of the upstream', async () => {
    const { status, message } = await call('test_missing_capability', {}, { capabilities: {} });
    expect(status).toBe(400);
    expect(message?.error).toMatchObject({ code: -32021, data: { requiredCapabilities: { sampling: {} } } });
  });

  it('arguments that headers repeat are checked here and repeated there', async () => {
    const name = 'test_x_mcp_header';
    const args = { arguments: { region: 'eu-west' } };
    const good = await call(name, args, { headers: { 'mcp-param-region': 'eu-west' } });
    expect(good.message?.result).toMatchObject({ resultType: 'complete' });
    expect(good.message?.result?.['isError']).not.toBe(true);
    const bad = await call(name, args, { headers: { 'mcp-param-region': 'us' } });
    expect([bad.status, bad.message?.error?.code]).toEqual([400, -32020]);
  });

  it('changes are heard through the gateway', async () => {
    const uri = 'test://watched-resource';
    const stream = await modernStream(
      mcp,
      'subscriptions/listen',
      { notifications: { toolsListChanged: true, resourceSubscriptions: [uri] } },
      { key: gateway.key, id: 3 },
    );
    await waitFor(() => stream.messages.length);
    expect(stream.messages[0]?.params?.['notifications']).toEqual({
      toolsListChanged: true,
      resourceSubscriptions: [uri],
    });
    await waitFor(
      async () => {
        await call('test_trigger_resource_update');
        return stream.messages.some(({ method }) => method === 'notifications/resources/updated');
      },
      { everyMs: 200 },
    );
    await call('test_trigger_tool_change');
    await waitFor(() => stream.messages.some(({ method }) => method === 'notifications/tools/list_changed'));
    for (const { params } of stream.messages) {
      expect(params?.['_meta']).toMatchObject({ 'io.modelcontextprotocol/subscriptionId': 3 });
    }
    stream.close();
    await stream.ended;
  });
});
