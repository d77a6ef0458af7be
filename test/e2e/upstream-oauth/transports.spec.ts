import { createServer } from 'node:http';
import { startFixture, type Fixture } from '../../conformance/fixture/start-fixture.js';
import { bearerFront, type BearerFront } from '../../harness/bearer-front.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { listen } from '../../harness/listen.js';
import { everythingOverHttp, type RealServer } from '../../harness/real-servers.js';
import { rpc, type RpcReply } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { tokenServer, type TokenServer } from '../../harness/token-server.js';
import { waitFor } from '../../harness/wait-for.js';

/** Tokens on every way to a server: each request carries one that is good when it is sent (protocol page §4). */
describe('fetched tokens over each transport', () => {
  let tokens: TokenServer;
  let sse: RealServer;
  let modern: Fixture;
  let sseFront: BearerFront;
  let modernFront: BearerFront;
  let stateful: FakeUpstream;
  let gateway: TestGateway;

  beforeAll(async () => {
    tokens = await tokenServer();
    [sse, modern] = await Promise.all([everythingOverHttp('sse'), startFixture({ era: 'modern' })]);
    const accepts = (header: string | string[] | undefined): boolean => tokens.accepts(String(header));
    sseFront = await bearerFront(sse.url, ({ authorization }) => accepts(authorization));
    modernFront = await bearerFront(modern.url, ({ authorization }) => accepts(authorization));
    stateful = await fakeUpstream({ stateful: true, accepts: (headers) => accepts(headers['x-token']) });
    const machine = { auth_type: 'oauth2', client_id: 'machine', client_secret: 'machine-secret' };
    const common = { ...machine, token_url: tokens.tokenUrl };
    gateway = await startGateway({
      config: {
        mcp_servers: {
          over_sse: { ...common, url: `${sseFront.origin}/sse`, transport: 'sse' },
          modern: { ...common, url: modernFront.origin + new URL(modern.url).pathname, transport: 'http' },
          stateful: { ...common, url: stateful.url, transport: 'http', upstream_token_header: 'X-Token' },
        },
      },
    });
  }, 60_000);

  afterAll(async () => {
    await gateway.close();
    await Promise.all([sseFront.close(), modernFront.close(), stateful.close(), tokens.close()]);
    await Promise.all([sse.close(), modern.close()]);
  });

  const call = async (server: string, name: string, args: object = {}): Promise<RpcReply> => {
    const { message } = await rpc(
      `${gateway.url}/mcp/${server}`,
      'tools/call',
      { name, arguments: args },
      { headers: { 'x-litellm-api-key': gateway.key } },
    );
    if (message === undefined) throw new Error('no message');
    return message;
  };

  it('a token in a header of its own stays behind on a redirect to another origin (defect 49), and no other header has it', async () => {
    const seen: string[] = [];
    const thief = await listen(
      createServer((request, response) => {
        seen.push(JSON.stringify(request.headers));
        response.writeHead(401).end();
      }),
    );
    await call('stateful', 'echo');
    const token = String(stateful.requests.at(-1)?.headers['x-token']);
    stateful.setFailure(() => ({ status: 307, headers: { location: `${thief.origin}/mcp` } }));
    expect((await call('stateful', 'echo')).error?.data).toMatchObject({ reason: 'HTTP 401' });
    stateful.setFailure(undefined);
    expect(seen).not.toHaveLength(0);
    expect(seen.join()).not.toContain(token.replace('Bearer ', ''));
    expect(stateful.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true);
    await thief.close();
  });

  it('a notification stream that breaks comes back with a fresh token', async () => {
    expect((await call('stateful', 'echo')).result).toBeDefined();
    await waitFor(() => stateful.streamCount > 0, { what: 'the stream' });
    const before = stateful.requests.filter(({ httpMethod }) => httpMethod === 'GET').length;
    tokens.revokeAll();
    stateful.cutStreams();
    await waitFor(() => stateful.streamCount === 0);
    await waitFor(() => stateful.streamCount > 0, { what: 'the stream again' });
    const streams = stateful.requests.filter(({ httpMethod }) => httpMethod === 'GET').slice(before);
    expect(tokens.accepts(String(streams.at(-1)?.headers['x-token']))).toBe(true);
  });

  it.each([
    ['HTTP+SSE', 'over_sse', 'echo', { message: 'hi' }],
    ['the modern era', 'modern', 'test_simple_text', {}],
  ])('%s: calls go on when tokens are taken back', async (_title, server, tool, args) => {
    expect((await call(server, tool, args)).result).toBeDefined();
    tokens.revokeAll();
    expect((await call(server, tool, args)).result).toBeDefined();
  });

  it('the client’s secret does not follow a redirect of the token endpoint, nor go to addresses of the cloud', async () => {
    const thief = await tokenServer();
    const trap = await listen(
      createServer((_request, response) => response.writeHead(307, { location: thief.tokenUrl }).end()),
    );
    const server = (token_url: string): object => ({
      url: stateful.url,
      transport: 'http',
      auth_type: 'oauth2',
      client_id: 'machine',
      client_secret: 'machine-secret',
      token_url,
    });
    const careful = await startGateway({
      config: { mcp_servers: { trapped: server(`${trap.origin}/t`), cloud: server('http://169.254.169.254/token') } },
    });
    const outcome = async (name: string): Promise<string | undefined> => {
      const headers = { 'x-litellm-api-key': careful.key };
      return (await rpc(`${careful.url}/mcp/${name}`, 'tools/list', undefined, { headers })).message?.error?.message;
    };
    expect(await outcome('trapped')).toContain('No token for the server');
    expect(await outcome('cloud')).toContain('No token for the server');
    expect(thief.transcript()).toBe('');
    await careful.close();
    await Promise.all([trap.close(), thief.close()]);
  });
});
