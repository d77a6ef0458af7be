import { startFixture, type Fixture } from '../../conformance/fixture/start-fixture.js';
import { answeringClient } from '../../harness/answering-client.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { everythingOverStdio } from '../../harness/real-servers.js';
import { roundRobin, type RoundRobin } from '../../harness/round-robin.js';
import { clientHeaders, rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

const WATCHED = 'test://watched-resource';

/** Two replicas on one database, behind a front that sends every request to the other one (contract §5). */
describe('a session that two replicas serve', () => {
  let fixture: Fixture;
  let upstream: FakeUpstream;
  let gateways: TestGateway[];
  let front: RoundRobin;
  const finish = new Map<string, () => void>();

  beforeAll(async () => {
    fixture = await startFixture({ era: 'legacy' });
    upstream = await fakeUpstream({
      stateful: true,
      tools: [
        {
          name: 'who',
          inputSchema: { type: 'object' },
          run: (_args, { headers }) => String(headers['mcp-session-id']),
        },
        {
          name: 'slow',
          inputSchema: { type: 'object' },
          run: async ({ name }, call) => {
            const { promise, resolve } = Promise.withResolvers<void>();
            finish.set(String(name), resolve);
            call.signal.addEventListener('abort', () => resolve());
            call.log('info', `${String(name)} began`);
            await promise;
            return call.signal.aborted ? 'aborted' : `${String(name)} done`;
          },
        },
      ],
    });
    const config = {
      mcp_servers: {
        fixture: { url: fixture.url, transport: 'http' },
        up: { url: upstream.url, transport: 'http' },
        own: { ...everythingOverStdio(), isolation: 'session' },
      },
    };
    const first = await startGateway({ config });
    gateways = [first, await startGateway({ config, databaseUrl: first.databaseUrl })];
    front = await roundRobin(gateways.map(({ url }) => url));
  }, 90_000);

  afterEach(() => front.prefer(undefined));

  afterAll(async () => {
    await front.close();
    for (const gateway of gateways.reverse()) await gateway.close();
    await upstream.close();
    await fixture.close();
  });

  const key = (): string => gateways[0]?.key ?? '';
  const client = (path: string, sdk: 'v1' | 'v2' = 'v1') => answeringClient(`${front.url}${path}`, { key: key(), sdk });

  async function openSession(path: string): Promise<string> {
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
    const { headers } = await rpc(`${front.url}${path}`, 'initialize', params, { key: key() });
    return headers.get('mcp-session-id') ?? '';
  }

  it.each(['v1', 'v2'] as const)(
    'lists, calls, is asked, and watches, wherever its requests arrive (SDK %s)',
    async (sdk) => {
      const begun = front.taken.length;
      const one = await client('/fixture/mcp', sdk);
      expect(await one.toolNames()).toContain('test_simple_text');
      for (let round = 0; round < 4; round += 1) {
        expect(await one.text('test_simple_text')).toContain('simple text');
        expect(await one.text('test_elicitation', { message: 'Who?' })).toContain('ada');
        expect(await one.text('test_sampling', { prompt: 'weather' })).toContain('sunny');
      }
      await one.subscribe(WATCHED);
      const other = await client('/fixture/mcp');
      await other.text('test_trigger_resource_update');
      await waitFor(() => one.told.some(({ params }) => params['uri'] === WATCHED));
      await one.unsubscribe(WATCHED);
      await Promise.all([one.close(), other.close()]);
      expect(new Set(front.taken.slice(begun))).toEqual(new Set([0, 1]));
    },
  );

  it('keeps one session with a server that has sessions', async () => {
    const sessionId = await openSession('/up/mcp');
    const seen = new Set<string>();
    for (let call = 0; call < 6; call += 1) {
      const answer = await rpc(`${front.url}/up/mcp`, 'tools/call', { name: 'who' }, { key: key(), sessionId });
      seen.add(answer.text.replace(/.*"text":"([^"]*)".*/s, '$1'));
    }
    expect([...seen]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)]);
  });

  it('keeps the child of its own', async () => {
    const one = await client('/own/mcp');
    for (let call = 0; call < 4; call += 1) expect(await one.text('echo', { message: 'hi' })).toContain('hi');
    const children = await Promise.all(
      gateways.map(async (gateway) =>
        Number(/^gatehouse_upstream_children (\d+)$/m.exec(await gateway.metrics())?.[1]),
      ),
    );
    // The warm-up of each replica may still hold one that nobody else uses.
    expect(Math.min(...children)).toBeLessThanOrEqual(1);
    await one.close();
  });

  it('resumes the stream of a call at the replica that the call does not run on', async () => {
    const sessionId = await openSession('/up/mcp');
    for (const name of ['first', 'second']) {
      const abort = new AbortController();
      const params = { name: 'slow', arguments: { name } };
      const response = await fetch(`${front.url}/up/mcp`, {
        method: 'POST',
        headers: clientHeaders({ key: key(), sessionId }),
        body: JSON.stringify({ jsonrpc: '2.0', id: name, method: 'tools/call', params }),
        signal: abort.signal,
      });
      let text = '';
      for await (const chunk of response.body ?? []) {
        text += Buffer.from(chunk as Uint8Array).toString();
        if (text.includes('began')) break;
      }
      abort.abort();
      const ids = [...text.matchAll(/^id: (.+)$/gm)].map(([, id]) => id ?? '');
      expect(ids.length).toBeGreaterThan(1);
      const headers = clientHeaders({ key: key(), sessionId, headers: { 'last-event-id': ids.at(-1) ?? '' } });
      const again = await fetch(`${front.url}/up/mcp`, { headers });
      finish.get(name)?.();
      expect(await again.text()).toContain(`${name} done`);
    }
    expect(upstream.seen('tools/call').filter(({ bodyText }) => bodyText.includes('slow'))).toHaveLength(2);
  });

  it('cancels a call wherever the cancellation arrives', async () => {
    const sessionId = await openSession('/up/mcp');
    for (const name of ['third', 'fourth']) {
      const call = rpc(
        `${front.url}/up/mcp`,
        'tools/call',
        { name: 'slow', arguments: { name } },
        { key: key(), sessionId, id: name },
      );
      await waitFor(() => finish.has(name));
      await rpc(
        `${front.url}/up/mcp`,
        'notifications/cancelled',
        { requestId: name },
        { key: key(), sessionId, id: null },
      );
      expect((await call).text).not.toContain('done');
    }
  });

  it('ends everywhere with its DELETE, wherever that arrives', async () => {
    for (let round = 0; round < 2; round += 1) {
      const sessionId = await openSession('/up/mcp');
      front.prefer(round);
      const headers = clientHeaders({ key: key(), sessionId });
      expect((await fetch(`${front.url}/up/mcp`, { method: 'DELETE', headers })).status).toBe(200);
      for (const index of [0, 1]) {
        front.prefer(index);
        expect((await rpc(`${front.url}/up/mcp`, 'tools/list', {}, { key: key(), sessionId })).status).toBe(404);
      }
      front.prefer(undefined);
    }
  });

  it('is served over the old transport, too', async () => {
    const one = await answeringClient(`${front.url}/fixture/sse`, { key: key(), transport: 'sse' });
    for (let call = 0; call < 4; call += 1) expect(await one.text('test_simple_text')).toContain('simple text');
    expect(await one.text('test_elicitation', { message: 'Who?' })).toContain('ada');
    await one.close();
  });

  it('counts what was passed on', async () => {
    const totals = await Promise.all(
      gateways.map(async (gateway) =>
        Number(/^gatehouse_relayed_requests_total (\d+)$/m.exec(await gateway.metrics())?.[1]),
      ),
    );
    expect(totals.every((total) => total > 0)).toBe(true);
    const metrics = await gateways[0]?.metrics();
    expect(metrics).toMatch(/^gatehouse_replicas 2$/m);
    // Clients that went away are no failures.
    expect(metrics).toMatch(/^gatehouse_relay_failures_total 0$/m);
    await waitFor(async () => (await gateways[0]?.metrics())?.includes('\ngatehouse_relays 0\n'));
  });
});
