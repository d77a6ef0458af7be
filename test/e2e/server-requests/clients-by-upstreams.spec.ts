import { fileURLToPath } from 'node:url';
import { startFixture, type Fixture } from '../../conformance/fixture/start-fixture.js';
import { answeringClient, type AnsweringClient, type AnsweringOptions } from '../../harness/answering-client.js';
import { everythingOverHttp, everythingOverStdio, type RealServer } from '../../harness/real-servers.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

let fixture: Fixture;
let http: RealServer;
let sse: RealServer;
let gateway: TestGateway;
const clients: AnsweringClient[] = [];

beforeAll(async () => {
  [fixture, http, sse] = await Promise.all([
    startFixture({ era: 'legacy' }),
    everythingOverHttp('streamableHttp'),
    everythingOverHttp('sse'),
  ]);
  gateway = await startGateway({
    config: {
      mcp_servers: {
        everything_stdio: everythingOverStdio(),
        everything_http: { url: http.url, transport: 'http' },
        everything_sse: { url: sse.url, transport: 'sse' },
        fixture_http: { url: fixture.url, transport: 'http' },
        fixture_sse: { url: fixture.url.replace('/mcp', '/sse'), transport: 'sse' },
        fixture_stdio: {
          transport: 'stdio',
          command: process.execPath,
          args: [
            '--import',
            `${ROOT}scripts/load-typescript.mjs`,
            `${ROOT}test/conformance/fixture/main.ts`,
            '--stdio',
            '--era',
            'legacy',
          ],
        },
      },
    },
  });
}, 60_000);

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});

afterAll(async () => {
  await gateway.close();
  await Promise.all([fixture.close(), http.close(), sse.close()]);
});

async function connect(path: string, options: Partial<AnsweringOptions> = {}): Promise<AnsweringClient> {
  const client = await answeringClient(`${gateway.url}${path}`, { key: gateway.key, ...options });
  clients.push(client);
  return client;
}

const CLIENTS = [
  { sdk: 'v1', transport: 'http' },
  { sdk: 'v2', transport: 'http' },
  { sdk: 'v1', transport: 'sse' },
  { sdk: 'v2', transport: 'sse' },
] as const;
const CASES = CLIENTS.flatMap((client) =>
  (['stdio', 'http', 'sse'] as const).map((upstream) => ({
    ...client,
    upstream,
    path: (server: string) => `/${server}/${client.transport === 'sse' ? 'sse' : 'mcp'}`,
    title: `SDK ${client.sdk} over ${client.transport}, server over ${upstream}`,
  })),
);

describe.each(CASES)('$title', ({ sdk, transport, upstream, path }) => {
  test('the fixture asks the model with tools, the user by form and by page, and for roots', async () => {
    const client = await connect(path(`fixture_${upstream}`), { sdk, transport });
    expect(await client.text('test_sampling_with_tools')).toBe('stopReason=endTurn: sunny');
    expect(client.asked.at(-1)?.params['tools']).toEqual([expect.objectContaining({ name: 'weather' })]);
    expect(await client.text('test_elicitation', { message: 'Who are you?' })).toContain('"username":"ada"');
    expect(client.asked.at(-1)?.params).toMatchObject({ message: 'Who are you?' });
    expect(await client.text('test_roots')).toContain('file:///home/someone');
    expect(await client.text('test_elicitation_url')).toContain('action=accept');
    expect(client.asked.at(-1)?.params).toMatchObject({ mode: 'url', elicitationId: 'fixture-page-1' });
    await waitFor(() => client.told.some(({ method }) => method === 'notifications/elicitation/complete'));
    // A child is shared, and remembers who has been there.
    if (upstream === 'stdio') return;
    await expect(client.text('test_url_elicitation_required')).rejects.toMatchObject({
      code: -32042,
      data: { elicitations: [expect.objectContaining({ mode: 'url' })] },
    });
  });

  test('what the server asks at once is asked at once', async () => {
    const client = await connect(path(`fixture_${upstream}`), { sdk, transport });
    const text = await client.text('test_input_required_result_multiple_inputs');
    expect(JSON.parse(text)).toMatchObject({
      user_name: { content: { name: 'Ada' } },
      greeting: { content: { text: 'sunny' } },
      client_roots: { roots: [{ uri: 'file:///home/someone' }] },
    });
    expect(client.asked.map(({ method }) => method).sort()).toEqual([
      'elicitation/create',
      'roots/list',
      'sampling/createMessage',
    ]);
  });

  test('server-everything offers and runs what needs the client', async () => {
    const client = await connect(path(`everything_${upstream}`), { sdk, transport });
    const names = await client.toolNames();
    expect(names).toEqual(expect.arrayContaining(['trigger-sampling-request', 'trigger-elicitation-request']));
    expect(await client.text('trigger-sampling-request', { prompt: 'weather?', maxTokens: 10 })).toContain('sunny');
    expect(await client.text('trigger-elicitation-request')).toContain('Ada');
    expect(await client.text('get-roots-list')).toContain('file:///home/someone');
    expect(await client.text('trigger-long-running-operation', { duration: 0.2, steps: 2 })).toContain('completed');
  });
});

test('a client that cannot be asked is not: the server is told so, and hides what needs it', async () => {
  const client = await connect('/everything_stdio/mcp', { capabilities: {} });
  expect(await client.toolNames()).not.toContain('trigger-sampling-request');
  const poor = await connect('/fixture_http/mcp', { capabilities: { roots: {} } });
  expect(await poor.text('test_roots')).toContain('file:///home/someone');
  expect(await poor.text('test_sampling', { prompt: 'x' })).toBe('The client does not support sampling.');
  expect(poor.asked.map(({ method }) => method)).toEqual(['roots/list']);
});

test.each([
  [{ elicitation: { url: {} } }, 'test_elicitation', /did not declare/],
  [{ elicitation: { form: {} } }, 'test_elicitation_url', /did not declare/],
  [{ sampling: {} }, 'test_sampling_with_tools', /did not declare/],
] as const)('a client that declared %j is not asked for more of it (%s)', async (capabilities, tool, answer) => {
  const client = await connect('/fixture_http/mcp', { capabilities });
  const outcome = await client.text(tool, { message: 'm', prompt: 'p' }).catch(String);
  expect(outcome).toMatch(answer);
  expect(client.asked).toEqual([]);
});

test('changed roots are told to the servers of the session, which ask again', async () => {
  const client = await connect('/everything_http/mcp');
  expect(await client.text('get-roots-list')).toContain('home');
  client.roots.push({ uri: 'file:///srv', name: 'srv' });
  const before = client.asked.length;
  await client.rootsChanged();
  await waitFor(() => client.asked.length > before);
  await waitFor(async () => (await client.text('get-roots-list')).includes('file:///srv'));
});
