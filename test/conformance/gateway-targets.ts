import { startGatewayProcess } from '../harness/gateway-process.js';
import { startFixture, type Era } from './fixture/start-fixture.js';
import { startPrefixFront } from './prefix-front.js';
import type { Target, TargetGroup } from './target.js';

/** Names of the servers behind the gateway, which are the fixture in each of its eras. */
const SERVERS: readonly (readonly [name: string, era: Era])[] = [
  ['dual', 'dual'],
  ['legacy', 'legacy'],
  ['modern', 'modern'],
];

/**
 * One gateway, as it runs in production, with the fixture in each of its eras behind it: each as the only server of its
 * path, and all three together on `/mcp`, where all they have collides.
 */
export async function gatewayTargets(): Promise<TargetGroup> {
  const fixtures = await Promise.all(SERVERS.map(async ([name, era]) => ({ name, ...(await startFixture({ era })) })));
  const gateway = await startGatewayProcess({
    config: { mcp_servers: Object.fromEntries(fixtures.map(({ name, url }) => [name, { url, transport: 'http' }])) },
    env: { LOG_LEVEL: 'warn' },
  });
  const key = await clientKey(gateway).catch(async (error: unknown) => {
    await gateway.close();
    throw error;
  });
  const headers = { 'x-litellm-api-key': `Bearer ${key}` };
  const fronts = await Promise.all(
    SERVERS.map(([name]) => startPrefixFront(`${gateway.url}/mcp`, `${name}-`, `gatehouse://${name}/`)),
  );
  const alone = SERVERS.map(([name]): Target => ({
    leg: 'server',
    name: `/mcp/${name}`,
    era: 'dual',
    url: `${gateway.url}/mcp/${name}`,
    headers,
  }));
  const together = SERVERS.flatMap(([name], index): Target[] => {
    const url = fronts[index]?.url;
    return url === undefined ? [] : [{ leg: 'server', name: `/mcp (${name})`, era: 'dual', url, headers }];
  });
  return {
    targets: [...alone, ...together],
    async close() {
      await Promise.all(fronts.map((front) => front.close()));
      await gateway.close();
      await Promise.all(fixtures.map((fixture) => fixture.close()));
    },
  };
}

/** A key of a client, which may use these servers and nothing else. */
async function clientKey({ url, key }: { readonly url: string; readonly key: string }): Promise<string> {
  const response = await fetch(`${url}/key/generate`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ object_permission: { mcp_servers: SERVERS.map(([name]) => name) } }),
  });
  const { key: made } = (await response.json()) as { key?: string };
  if (made === undefined) throw new Error(`no key: HTTP ${response.status}`);
  return made;
}
