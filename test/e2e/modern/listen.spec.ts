import { startFixture, type Fixture } from '../../conformance/fixture/start-fixture.js';
import { changePermission, changeRow, insertKey, insertTeam } from '../../factory/insert-key.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { modernRpc, modernStream, type ModernOptions, type ModernStream } from '../../harness/modern-rpc.js';
import type { RpcReply } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';
const ALL = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true };

/** `subscriptions/listen` of 2026-07-28 ("Subscriptions") in front of legacy upstreams. */
describe('a modern client that listens', () => {
  let keeper: FakeUpstream;
  let fixture: Fixture;
  let gateway: TestGateway;
  let mcp: string;
  const open: ModernStream[] = [];

  beforeAll(async () => {
    keeper = await fakeUpstream({
      stateful: true,
      tools: [{ name: 'one', inputSchema: { type: 'object' } }],
      prompts: [{ name: 'hello' }],
    });
    fixture = await startFixture({ era: 'legacy' });
    gateway = await startGateway({
      config: {
        mcp_servers: {
          keeper: { url: keeper.url, transport: 'http' },
          fixture: { url: fixture.url, transport: 'http' },
        },
      },
      settings: {},
    });
    mcp = `${gateway.url}/mcp`;
  });

  afterEach(async () => {
    for (const stream of open.splice(0)) {
      stream.close();
      await stream.ended;
    }
  });

  afterAll(async () => {
    await gateway.close();
    await keeper.close();
    await fixture.close();
  });

  async function listen(notifications: unknown, options: ModernOptions = {}, url = mcp): Promise<ModernStream> {
    const stream = await modernStream(
      url,
      'subscriptions/listen',
      { notifications },
      { key: gateway.key, id: 'listen:0', ...options },
    );
    open.push(stream);
    return stream;
  }

  const arrived = (stream: ModernStream, method: string): Promise<RpcReply> =>
    waitFor(() => stream.messages.find((message) => message.method === method), { what: method });

  it('is told first what is honoured, under the id it asked with, whatever its type', async () => {
    for (const id of ['listen:0', 7]) {
      const stream = await listen({ ...ALL, toolsListChanged: false }, { id });
      expect(stream.headers.get('content-type')).toBe('text/event-stream');
      expect(stream.headers.get('x-accel-buffering')).toBe('no');
      await waitFor(() => stream.messages.length, { what: 'the acknowledgement' });
      expect(stream.messages[0]).toEqual({
        jsonrpc: '2.0',
        method: 'notifications/subscriptions/acknowledged',
        params: {
          _meta: { [SUBSCRIPTION]: id },
          notifications: { promptsListChanged: true, resourcesListChanged: true },
        },
      });
    }
  });

  it('hears that a list changed, and only of those it asked for', async () => {
    const tools = await listen({ toolsListChanged: true });
    const prompts = await listen({ promptsListChanged: true });
    await arrived(tools, 'notifications/subscriptions/acknowledged');
    await arrived(prompts, 'notifications/subscriptions/acknowledged');
    await keeper.announceListChanged('tools');
    const message = await arrived(tools, 'notifications/tools/list_changed');
    expect(message.params).toEqual({ _meta: { [SUBSCRIPTION]: 'listen:0' } });
    await keeper.announceListChanged('prompts');
    await arrived(prompts, 'notifications/prompts/list_changed');
    expect(prompts.messages.map(({ method }) => method)).not.toContain('notifications/tools/list_changed');
  });

  it('hears of nothing that its caller may not see, and hears when that changes', async () => {
    const team = await insertTeam(gateway.databaseUrl, { permission: { servers: ['fixture'] } });
    const { key } = await insertKey(gateway.databaseUrl, { teamId: team });
    const stream = await listen(ALL, { key });
    const other = await listen(ALL);
    await arrived(stream, 'notifications/subscriptions/acknowledged');
    await keeper.announceListChanged('tools');
    await arrived(other, 'notifications/tools/list_changed');
    expect(stream.messages.map(({ method }) => method)).not.toContain('notifications/tools/list_changed');
    await changePermission(gateway.databaseUrl, 'team', team, { servers: ['fixture', 'keeper'] });
    await arrived(stream, 'notifications/tools/list_changed');
  });

  it('hears of resources it named, as their server tells, and only while it listens', async () => {
    const uri = 'test://watched-resource';
    const stream = await listen({ resourceSubscriptions: [uri, 'test://nowhere-to-be-found'] });
    const ack = await arrived(stream, 'notifications/subscriptions/acknowledged');
    expect(ack.params?.['notifications']).toEqual({ resourceSubscriptions: [uri] });
    await waitFor(
      async () => {
        await modernRpc(mcp, 'tools/call', { name: 'fixture-test_trigger_resource_update', arguments: {} }, gateway);
        return stream.messages.some(({ method }) => method === 'notifications/resources/updated');
      },
      { what: 'the update', everyMs: 200 },
    );
    const message = await arrived(stream, 'notifications/resources/updated');
    expect(message.params).toMatchObject({ uri, _meta: { [SUBSCRIPTION]: 'listen:0' } });
  });

  it.each([undefined, null, [], { toolsListChanged: 1 }, { resourceSubscriptions: 'x' }])(
    'must say what it wants to hear: %j is −32602',
    async (notifications) => {
      const answer = await modernRpc(mcp, 'subscriptions/listen', { notifications }, gateway);
      expect(answer.message?.error?.code).toBe(-32602);
    },
  );

  it('has a bounded number of streams', async () => {
    const key = await insertKey(gateway.databaseUrl, { permission: { servers: ['keeper'] } });
    const streams = await Promise.all(Array.from({ length: 20 }, () => listen(ALL, { key: key.key })));
    for (const stream of streams) await arrived(stream, 'notifications/subscriptions/acknowledged');
    const refused = await modernRpc(mcp, 'subscriptions/listen', { notifications: ALL }, { key: key.key });
    expect(refused.status).toBe(429);
    streams[0]?.close();
    await waitFor(async () => {
      const again = await modernStream(mcp, 'subscriptions/listen', { notifications: ALL }, { key: key.key });
      open.push(again);
      return again.status === 200;
    });
  });

  it('ends with its credential', async () => {
    const key = await insertKey(gateway.databaseUrl, { permission: { servers: ['keeper'] } });
    const stream = await listen(ALL, { key: key.key });
    await arrived(stream, 'notifications/subscriptions/acknowledged');
    await changeRow(gateway.databaseUrl, 'key', key.id, 'UPDATE virtual_key SET blocked = true WHERE id = $1', [
      key.id,
    ]);
    await stream.ended;
  });

  it('gets the empty result when the gateway shuts down', async () => {
    const second = await startGateway({ config: { mcp_servers: { keeper: { url: keeper.url, transport: 'http' } } } });
    const stream = await listen(ALL, { key: second.key, id: 5 }, `${second.url}/mcp`);
    await arrived(stream, 'notifications/subscriptions/acknowledged');
    await second.close();
    await stream.ended;
    expect(stream.messages.at(-1)).toMatchObject({
      id: 5,
      result: { resultType: 'complete', _meta: { [SUBSCRIPTION]: 5 } },
    });
  });
});
