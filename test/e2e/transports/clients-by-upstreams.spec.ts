import { CLIENT_KINDS, type McpPeer } from '../../harness/mcp-client.js';
import { everythingOverHttp, everythingOverStdio, type RealServer } from '../../harness/real-servers.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

/** Name under `mcp_servers`, and the transport the gateway speaks to it. */
const UPSTREAMS = [
  { server: 'over_stdio', transport: 'stdio' },
  { server: 'over_http', transport: 'streamable HTTP' },
  { server: 'over_sse', transport: 'HTTP+SSE' },
] as const;

/** Paths by transport of the client, and what the scope calls the tools of a server. */
const SCOPES = [
  { transport: 'http', path: '/mcp', isAggregate: true },
  { transport: 'http', path: '/mcp/{name}', isAggregate: false },
  { transport: 'http', path: '/{name}/mcp', isAggregate: false },
  { transport: 'sse', path: '/sse', isAggregate: true },
  { transport: 'sse', path: '/{name}/sse', isAggregate: false },
] as const;

const CASES = CLIENT_KINDS.flatMap((client) =>
  UPSTREAMS.flatMap(({ server, transport }) =>
    SCOPES.filter((scope) => scope.transport === client.transport).map(({ path, isAggregate }) => ({
      title: `${client.name} lists and calls a server over ${transport} through ${path}`,
      client,
      path: path.replace('{name}', server),
      toolName: (tool: string) => (isAggregate ? `${server}-${tool}` : tool),
      otherServers: UPSTREAMS.filter((other) => other.server !== server).map((other) => other.server),
      isAggregate,
    })),
  ),
);

let http: RealServer;
let sse: RealServer;
let gateway: TestGateway;

beforeAll(async () => {
  [http, sse] = await Promise.all([everythingOverHttp('streamableHttp'), everythingOverHttp('sse')]);
  gateway = await startGateway({
    config: {
      mcp_servers: {
        over_stdio: everythingOverStdio(),
        over_http: { url: http.url, transport: 'http' },
        over_sse: { url: sse.url, transport: 'sse' },
      },
    },
  });
}, 60_000);

afterAll(async () => {
  await gateway.close();
  await Promise.all([http.close(), sse.close()]);
});

test.each(CASES)('$title', async ({ client, path, toolName, otherServers, isAggregate }) => {
  const peer: McpPeer = await client.connect(`${gateway.url}${path}`, { key: gateway.key });
  try {
    const { tools } = await peer.listTools();
    const names = tools.map(({ name }) => name);
    expect(names).toContain(toolName('echo'));
    expect(names).toContain(toolName('get-sum'));
    for (const other of otherServers) expect(names.includes(`${other}-echo`)).toBe(isAggregate);

    const echo = await peer.callTool(toolName('echo'), { message: 'hello through the gateway' });
    expect(echo.content).toEqual([{ type: 'text', text: 'Echo: hello through the gateway' }]);
    const sum = await peer.callTool(toolName('get-sum'), { a: 2, b: 40 });
    expect(sum.content[0]?.text).toContain('42');
  } finally {
    await peer.close();
  }
});

test('a transport that the file does not name is found out', async () => {
  await gateway.close();
  gateway = await startGateway({
    config: {
      mcp_servers: {
        guessed_http: { url: http.url },
        guessed_sse: { url: sse.url },
        guessed_stdio: withoutTransport(),
      },
    },
  });
  const [client] = CLIENT_KINDS;
  const peer = await client?.connect(`${gateway.url}/mcp`, { key: gateway.key });
  const names = (await peer?.listTools())?.tools.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['guessed_http-echo', 'guessed_sse-echo', 'guessed_stdio-echo']));
});

function withoutTransport() {
  const { transport: _, ...definition } = everythingOverStdio();
  return definition;
}
