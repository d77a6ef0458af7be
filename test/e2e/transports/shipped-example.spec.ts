import { CLIENT_KINDS } from '../../harness/mcp-client.js';
import { type GatewayProcess, startGatewayProcess } from '../../harness/gateway-process.js';

/** The servers of the example that ships, and a call that shows each is the real one. */
const SERVERS = [
  { name: 'everything', tool: 'echo', args: { message: 'hello' }, answer: 'Echo: hello' },
  { name: 'everything_http', tool: 'echo', args: { message: 'hello' }, answer: 'Echo: hello' },
  { name: 'everything_sse', tool: 'echo', args: { message: 'hello' }, answer: 'Echo: hello' },
  { name: 'filesystem', tool: 'list_allowed_directories', args: {}, answer: 'files' },
  { name: 'memory', tool: 'read_graph', args: {}, answer: 'entities' },
] as const;

let gateway: GatewayProcess;

beforeAll(async () => {
  gateway = await startGatewayProcess({ viaNpm: true, until: 'listening', timeoutMs: 240_000 });
}, 250_000);

afterAll(() => gateway.close());

describe('npm start without any configuration', () => {
  const clients = CLIENT_KINDS.filter(({ transport }) => transport === 'http');
  const scopes = [
    { path: '/mcp', toolName: (server: string, tool: string) => `${server}-${tool}` },
    { path: '/mcp/{name}', toolName: (_server: string, tool: string) => tool },
    { path: '/{name}/mcp', toolName: (_server: string, tool: string) => tool },
  ];

  test.each(clients.flatMap((client) => scopes.map((scope) => ({ client, scope }))))(
    'serves the servers of the example to $client.name at $scope.path',
    async ({ client, scope }) => {
      for (const { name, tool, args, answer } of SERVERS) {
        const url = `${gateway.url}${scope.path.replace('{name}', name)}`;
        const peer = await client.connect(url, { key: gateway.key });
        const names = (await peer.listTools()).tools.map((listed) => listed.name);
        expect(names).toContain(scope.toolName(name, tool));
        const result = await peer.callTool(scope.toolName(name, tool), args);
        expect(JSON.stringify(result.content)).toContain(answer);
        await peer.close();
      }
    },
  );

  test('says where it listens and how many servers are ready', () => {
    expect(gateway.output()).toContain(gateway.url);
    expect(gateway.output()).toMatch(/\b5\b.*(servers|ready)/);
  });
});
