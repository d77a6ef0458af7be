import { startFixture, type Fixture } from '../../conformance/fixture/start-fixture.js';
import { modernRpc } from '../../harness/modern-rpc.js';
import { testPostgres } from '../../harness/postgres.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

type Json = Record<string, unknown>;

const CAPABILITIES = { elicitation: {}, sampling: {}, roots: {}, extensions: { 'io.modelcontextprotocol/tasks': {} } };

/** Between a modern client and a modern server nothing is kept by the gateway: what goes on later goes on anywhere. */
describe('modern clients of modern servers, when the gateway they began at is gone', () => {
  let fixture: Fixture;
  let database: Awaited<ReturnType<typeof testPostgres>>;

  beforeAll(async () => {
    fixture = await startFixture({ era: 'modern' });
    database = await testPostgres();
  }, 60_000);

  afterAll(async () => {
    await fixture.close();
    await database.drop();
  });

  const start = (): Promise<TestGateway> =>
    startGateway({
      config: { mcp_servers: { up: { url: fixture.url, transport: 'http' } } },
      databaseUrl: database.url.reveal(),
    });

  const ask = async (gateway: TestGateway, method: string, params: Json): Promise<Json> => {
    const url = `${gateway.url}/mcp`;
    const { message } = await modernRpc(url, method, params, { key: gateway.key, capabilities: CAPABILITIES });
    return message?.result ?? { error: message?.error };
  };

  it('rounds go on at another one, each of them', async () => {
    const name = 'up-test_input_required_result_multi_round';
    let gateway = await start();
    let result = await ask(gateway, 'tools/call', { name, arguments: {} });
    let rounds = 0;
    while (result['resultType'] === 'input_required' && rounds < 5) {
      await gateway.close();
      gateway = await start();
      rounds += 1;
      const [asked] = Object.entries(result['inputRequests'] as Record<string, { params: Json }>);
      const [key, request] = asked ?? ['', { params: {} }];
      const { properties } = request.params['requestedSchema'] as { properties: Json };
      const content = Object.fromEntries(Object.keys(properties).map((property) => [property, 'x']));
      const inputResponses = { [key]: { action: 'accept', content } };
      const { requestState } = result;
      result = await ask(gateway, 'tools/call', { name, arguments: {}, inputResponses, requestState });
    }
    await gateway.close();
    expect(rounds).toBe(2);
    expect(result['resultType']).toBe('complete');
  }, 60_000);

  it('so do tasks, the questions of which are answered at a third', async () => {
    const first = await start();
    const call = { name: 'up-confirm_delete', arguments: { filename: 'a.txt' } };
    const { taskId } = await ask(first, 'tools/call', call);
    await first.close();
    const second = await start();
    const asking = await waitFor(async () => {
      const task = await ask(second, 'tasks/get', { taskId });
      return task['status'] === 'input_required' ? task : undefined;
    });
    await second.close();
    const third = await start();
    const [key = ''] = Object.keys(asking['inputRequests'] as Json);
    const inputResponses = { [key]: { action: 'accept', content: { confirm: true } } };
    await ask(third, 'tasks/update', { taskId, inputResponses });
    const done = await waitFor(async () => {
      const task = await ask(third, 'tasks/get', { taskId });
      return task['status'] === 'completed' ? task : undefined;
    });
    await third.close();
    expect(done).toMatchObject({ result: { content: [{ text: 'Deleted a.txt.' }] } });
  }, 60_000);
});
