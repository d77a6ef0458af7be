import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc, type RpcAnswer } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

const CAPACITY = 10;
const ROUNDS = 5;

/** Security page §3: overload is shed early and clearly, and what the gateway can do it goes on doing. */
describe('ten times as many calls as there is room for', () => {
  const held: (() => void)[] = [];
  let upstream: FakeUpstream;

  beforeAll(async () => {
    upstream = await fakeUpstream({
      tools: [
        { name: 'echo', inputSchema: { type: 'object' } },
        {
          name: 'hold',
          inputSchema: { type: 'object' },
          run: () => new Promise((resolve) => held.push(() => resolve('done'))),
        },
      ],
    });
  });
  afterAll(() => upstream.close());

  const call = (gateway: TestGateway, name: string): Promise<RpcAnswer> =>
    rpc(`${gateway.url}/mcp`, 'tools/call', { name }, { key: gateway.key });

  test.each([
    ['per key', { calls_per_key: CAPACITY }, { status: 429, words: 'calls_per_key' }],
    ['per upstream', { calls_per_upstream: CAPACITY }, { status: 200, words: 'Too many calls to this server' }],
  ])(
    '%s: the room is used to the full, round after round; the rest is told at once to come back',
    async (_of, limits, expected) => {
      const gateway = await startGateway({
        config: { general_settings: { limits }, mcp_servers: { up: { url: upstream.url, transport: 'http' } } },
      });
      try {
        for (let round = 0; round < ROUNDS; round += 1) {
          const refused: RpcAnswer[] = [];
          const served: RpcAnswer[] = [];
          const calls = Array.from({ length: CAPACITY * 10 }, async () => {
            const answer = await call(gateway, 'up-hold');
            (answer.message?.error === undefined ? served : refused).push(answer);
          });
          // They are refused while those that run still run, however long these take.
          await waitFor(() => refused.length === CAPACITY * 9, { what: 'the refusals' });
          expect(served).toEqual([]);
          await waitFor(() => held.length === CAPACITY, { what: 'the calls to run' });
          for (const { status, headers, message } of refused) {
            expect([status, message?.error?.code]).toEqual([expected.status, -32029]);
            expect(message?.error?.message).toContain(expected.words);
            if (expected.status === 429) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
            else expect(message?.error?.data).toMatchObject({ server: 'up', retryable: true });
          }
          for (const release of held.splice(0)) release();
          await Promise.all(calls);
          expect(served).toHaveLength(CAPACITY);
          for (const { message } of served) expect(message?.result).toMatchObject({ content: [{ text: 'done' }] });
        }
        expect((await call(gateway, 'up-echo')).message?.result).toBeDefined();
        const metrics = await gateway.metrics();
        expect(metrics).toMatch(/^gatehouse_upstream_calls 0$/m);
        // Being busy is no illness: nobody's circuit opened.
        expect(metrics).toMatch(/^gatehouse_upstream_circuits_open 0$/m);
      } finally {
        for (const release of held.splice(0)) release();
        await gateway.close();
      }
    },
  );
});
