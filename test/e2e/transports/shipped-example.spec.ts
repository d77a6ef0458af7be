import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { CLIENT_KINDS, type ClientKind, type ToolList, type ToolResult } from '../../harness/mcp-client.js';
import { type GatewayProcess, startGatewayProcess } from '../../harness/gateway-process.js';

/** The servers of the example that ships, and a call that shows each is the real one. */
const SERVERS = [
  { name: 'everything', tool: 'echo', args: { message: 'hello' }, answer: 'Echo: hello' },
  { name: 'everything_http', tool: 'echo', args: { message: 'hello' }, answer: 'Echo: hello' },
  { name: 'everything_sse', tool: 'echo', args: { message: 'hello' }, answer: 'Echo: hello' },
  { name: 'filesystem', tool: 'list_allowed_directories', args: {}, answer: 'files' },
  { name: 'memory', tool: 'read_graph', args: {}, answer: 'entities' },
] as const;

const SCOPES = [
  { transport: 'http', path: '/mcp', isAggregate: true },
  { transport: 'http', path: '/mcp/{name}', isAggregate: false },
  { transport: 'http', path: '/{name}/mcp', isAggregate: false },
  { transport: 'sse', path: '/sse', isAggregate: true },
  { transport: 'sse', path: '/{name}/sse', isAggregate: false },
] as const;

/** The program itself, with what the README has typed. */
const CURL: ClientKind = {
  name: 'the curl program',
  transport: 'http',
  connect: (url, { key = '' } = {}) => {
    const ask = async (body: object): Promise<unknown> => {
      const headers = ['-H', `x-litellm-api-key: Bearer ${key}`];
      const { stdout } = await promisify(execFile)('curl', ['-s', url, ...headers, '-d', JSON.stringify(body)]);
      return (JSON.parse(stdout) as { result: unknown }).result;
    };
    return Promise.resolve({
      listTools: async () => (await ask({ method: 'tools/list' })) as ToolList,
      callTool: async (name, args) =>
        (await ask({ method: 'tools/call', params: { name, arguments: args } })) as ToolResult,
      close: () => Promise.resolve(),
    });
  },
};
const hasCurl = spawnSync('curl', ['--version']).status === 0;

let gateway: GatewayProcess;

beforeAll(async () => {
  gateway = await startGatewayProcess({ viaNpm: true, until: 'listening', timeoutMs: 240_000 });
}, 250_000);

afterAll(() => gateway.close());

describe('npm start without any configuration', () => {
  const cases = [...CLIENT_KINDS, ...(hasCurl ? [CURL] : [])].flatMap((client) =>
    SCOPES.filter(({ transport }) => transport === client.transport).map((scope) => ({ client, scope })),
  );

  test.each(cases)('serves the servers of the example to $client.name at $scope.path', async ({ client, scope }) => {
    for (const { name, tool, args, answer } of SERVERS) {
      const url = `${gateway.url}${scope.path.replace('{name}', name)}`;
      const peer = await client.connect(url, { key: gateway.key });
      const toolName = scope.isAggregate ? `${name}-${tool}` : tool;
      const names = (await peer.listTools()).tools.map((listed) => listed.name);
      expect(names).toContain(toolName);
      const result = await peer.callTool(toolName, args);
      expect(JSON.stringify(result.content)).toContain(answer);
      await peer.close();
    }
  });

  test('says where it listens and how many servers are ready', () => {
    expect(gateway.output()).toContain(gateway.url);
    expect(gateway.output()).toMatch(/\b5\b.*(servers|ready)/);
  });
});
