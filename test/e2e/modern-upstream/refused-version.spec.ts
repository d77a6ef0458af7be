import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { createServer } from 'node:http';
import { listen, type Listening } from '../../harness/listen.js';
import { modernRpc } from '../../harness/modern-rpc.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

/** A server that refuses the revision of some first requests, naming what it supports. */
async function startRefusing(times: number, supported: readonly string[]): Promise<Listening> {
  const serve = toNodeHandler(
    createMcpHandler(
      () => {
        const server = new McpServer({ name: 'refusing', version: '1' });
        server.registerTool('late', {}, () => ({ content: [{ type: 'text', text: 'here at last' }] }));
        return server;
      },
      { legacy: 'reject' },
    ),
  );
  let refusals = 0;
  return await listen(
    createServer((request, response) => {
      if (refusals >= times) return void serve(request, response);
      refusals += 1;
      const error = { code: -32022, message: 'Unsupported protocol version', data: { supported, requested: 'x' } };
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error }));
    }),
  );
}

describe('a modern server that refuses the revision it is first spoken to in', () => {
  let servers: readonly Listening[];
  let gateway: TestGateway;

  beforeAll(async () => {
    servers = await Promise.all([startRefusing(1, ['2026-07-28']), startRefusing(Infinity, ['2030-01-01'])]);
    const [relents, insists] = servers.map(({ origin }) => ({ url: `${origin}/mcp`, transport: 'http' }));
    gateway = await startGateway({ config: { mcp_servers: { relents, insists } } });
  }, 60_000);

  afterAll(async () => {
    await gateway.close();
    await Promise.all(servers.map((server) => server.close()));
  });

  const call = (server: string) =>
    modernRpc(`${gateway.url}/mcp/${server}`, 'tools/call', { name: 'late', arguments: {} }, { key: gateway.key });

  it('is asked once more when it names one that the gateway speaks', async () => {
    expect((await call('relents')).message?.result).toMatchObject({ content: [{ text: 'here at last' }] });
  });

  it('is an error that says so when they have none in common', async () => {
    expect((await call('insists')).message?.error?.message).toContain('-32022');
  });
});
