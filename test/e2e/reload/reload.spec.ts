import { connectV1 } from '../../harness/mcp-client.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';

/** The configuration file is watched: contract §2. */
describe('reloading the configuration', () => {
  let upstream: FakeUpstream;
  let gateway: TestGateway;
  const held: { release?: () => void } = {};
  const server = (more: object = {}): object => ({ url: upstream.url, transport: 'http', ...more });

  beforeEach(async () => {
    upstream = await fakeUpstream({
      tools: [
        { name: 'echo', inputSchema: { type: 'object' } },
        {
          name: 'slow',
          inputSchema: { type: 'object' },
          run: () => new Promise((resolve) => (held.release = () => resolve('finished'))),
        },
      ],
    });
    gateway = await startGateway({ config: { mcp_servers: { a: server() } } });
  });

  afterEach(async () => {
    await gateway.close();
    await upstream.close();
  });

  const names = async (): Promise<string[]> => {
    const { message } = await rpc(`${gateway.url}/mcp`, 'tools/list', undefined, { key: gateway.key });
    return (message?.result?.['tools'] as { name: string }[]).map(({ name }) => name);
  };

  it('a valid change is live without dropping a running call, and sessions are told', async () => {
    const client = await connectV1(`${gateway.url}/mcp`, { key: gateway.key });
    const told = Promise.withResolvers<void>();
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => told.resolve());
    const running = client.callTool({ name: 'a-slow', arguments: {} });
    await waitFor(() => held.release, { what: 'the call to run' });
    await gateway.writeConfig({ mcp_servers: { b: server() } });
    await told.promise;
    await waitFor(async () => (await names()).includes('b-echo'), { what: 'the new server', timeoutMs: 2_000 });
    expect(await names()).toEqual(['b-echo', 'b-slow']);
    held.release?.();
    expect(await running).toMatchObject({ content: [{ text: 'finished' }] });
    await client.close();
  });

  it('an invalid change changes nothing and is reported', async () => {
    expect(await names()).toEqual(['a-echo', 'a-slow']);
    await gateway.writeConfig('mcp_servers:\n  b:\n    transport: carrier-pigeon\n');
    await waitFor(() => gateway.logs().includes('carrier-pigeon') || gateway.logs().includes('transport'), {
      what: 'the report',
    });
    expect(await names()).toEqual(['a-echo', 'a-slow']);
    const readiness = await fetch(`${gateway.url}/health/readiness`, { headers: { 'x-litellm-api-key': gateway.key } });
    expect(JSON.stringify(await readiness.json())).toMatch(/transport/);
    await gateway.writeConfig({ mcp_servers: { c: server() } });
    await waitFor(async () => (await names()).includes('c-echo'), { what: 'the corrected file' });
  });

  it('one entry that cannot be served is set aside with its reason; the others are served (defect 50)', async () => {
    await gateway.writeConfig({
      mcp_servers: {
        a: server(),
        later: server({ auth_type: 'true_passthrough' }),
        d: server(),
      },
    });
    await waitFor(async () => (await names()).includes('d-echo'), { what: 'the good entries' });
    expect((await names()).some((name) => name.startsWith('later'))).toBe(false);
    const health = await fetch(`${gateway.url}/health`, { headers: { 'x-litellm-api-key': gateway.key } });
    expect(JSON.stringify(await health.json())).toContain('true_passthrough');
  });

  it('changing a server’s own lists takes effect on lists and calls alike', async () => {
    const call = async (name: string): Promise<unknown> =>
      (await rpc(`${gateway.url}/mcp`, 'tools/call', { name }, { key: gateway.key })).message;
    expect(await call('a-echo')).toMatchObject({ result: {} });
    await gateway.writeConfig({ mcp_servers: { a: server({ allowed_tools: ['slow'] }) } });
    await waitFor(async () => !(await names()).includes('a-echo'), { what: 'the tool to go' });
    expect(await call('a-echo')).toMatchObject({ error: { code: -32602, message: 'Unknown tool: a-echo' } });
  });
});
