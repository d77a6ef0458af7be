import fc from 'fast-check';
import type { ObjectPermission } from '../../../src/core/model/permission.js';
import { insertKey, insertTeam } from '../../factory/insert-key.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

const TOOLS = ['a', 'b', 'c'] as const;
const SERVERS = ['one', 'two', 'three'] as const;
const CALLERS = 25;

const server = fc.constantFrom(...SERVERS);
const permission: fc.Arbitrary<ObjectPermission> = fc.record(
  {
    servers: fc.uniqueArray(server, { maxLength: 3 }),
    accessGroups: fc.uniqueArray(fc.constantFrom('odd', 'even'), { maxLength: 2 }),
    toolPermissions: fc.dictionary(server, fc.subarray([...TOOLS]), { maxKeys: 2 }),
  },
  { requiredKeys: [] },
);

/** Security page §1: listed ⇔ callable; denied = unknown, in the same words. Through the doors, with random grants. */
describe('for keys with random grants', () => {
  let upstreams: FakeUpstream[];
  let gateway: TestGateway;

  beforeAll(async () => {
    upstreams = await Promise.all(
      SERVERS.map(() => fakeUpstream({ tools: TOOLS.map((name) => ({ name, inputSchema: { type: 'object' } })) })),
    );
    const [one, two, three] = upstreams.map(({ url }) => ({ url, transport: 'http' }));
    gateway = await startGateway({
      config: {
        mcp_servers: {
          one: { ...one, access_groups: ['odd'] },
          two: { ...two, access_groups: ['even'], disallowed_tools: ['c'] },
          three: { ...three, access_groups: ['odd'], allow_all_keys: true },
        },
      },
    });
  });

  afterAll(async () => {
    await gateway.close();
    for (const upstream of upstreams) await upstream.close();
  });

  it('what is listed is what can be called, on every door, and the rest reads as unknown', async () => {
    for (const [key, team] of fc.sample(fc.tuple(permission, permission), { numRuns: CALLERS, seed: 20_260 })) {
      const teamId = await insertTeam(gateway.databaseUrl, { permission: team });
      const { key: secret } = await insertKey(gateway.databaseUrl, { permission: key, teamId });
      const send = (path: string, method: string, params: object) =>
        rpc(`${gateway.url}${path}`, method, params, { key: secret });
      const answer = await send('/mcp', 'tools/list', {});
      const listed = (answer.message?.result?.['tools'] as { name: string }[]).map(({ name }) => name);
      const rest = await fetch(`${gateway.url}/mcp-rest/tools/list`, { headers: { 'x-litellm-api-key': secret } });
      const { tools } = (await rest.json()) as { tools: { name: string; mcp_info: { server_name: string } }[] };
      const byRest = tools.map(({ name, mcp_info: { server_name } }) => `${server_name}-${name}`);
      expect([key, team, byRest.sort()]).toEqual([key, team, [...listed].sort()]);

      await Promise.all(
        SERVERS.flatMap((prefix) =>
          TOOLS.map(async (tool) => {
            const name = `${prefix}-${tool}`;
            const called = await send('/mcp', 'tools/call', { name, arguments: {} });
            const byCall = await fetch(`${gateway.url}/mcp-rest/tools/call`, {
              method: 'POST',
              headers: { 'x-litellm-api-key': secret, 'content-type': 'application/json' },
              body: JSON.stringify({ server_id: prefix, name: tool, arguments: {} }),
            });
            const isListed = listed.includes(name);
            expect([key, team, name, called.message?.error?.message, byCall.status]).toEqual([
              key,
              team,
              name,
              isListed ? undefined : `Unknown tool: ${name}`,
              isListed ? 200 : 404,
            ]);
          }),
        ),
      );
    }
    // The upstreams heard of no call that was not listed, or the test would have seen its answer.
    expect(upstreams.every((upstream) => upstream.seen('tools/call').length > 0)).toBe(true);
  });
});
