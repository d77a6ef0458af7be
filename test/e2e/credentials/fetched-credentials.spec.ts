import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { AUDIENCE, tokenIssuer, type TokenIssuer } from '../../harness/token-issuer.js';
import { tokenServer, type TokenServer } from '../../harness/token-server.js';

const UPSTREAMS = ['plain', 'own', 'machine', 'exchanged', 'interactive', 'byok'] as const;
type Upstream = (typeof UPSTREAMS)[number];

/** What a server was sent as `Authorization`, or the reason of the call's failure, when nothing was sent at all. */
type Outcome = Readonly<Record<Upstream, string | undefined>>;

/**
 * Which credential travels where, for each kind of server and each header a client may bring (contract §8, §11; security page
 * §1, second line). Recorder upstreams see every header of every request.
 */
describe('credentials that are not in a definition', () => {
  let company: TokenIssuer;
  let machine: TokenServer;
  let exchange: TokenServer;
  let upstreams: Record<Upstream, FakeUpstream>;
  let gateway: TestGateway;
  let person: string;
  let foreign: string;

  beforeAll(async () => {
    company = await tokenIssuer();
    person = await company.token({ sub: 'ann', role: 'admin' });
    foreign = await company.token({ sub: 'ann' }, { issuer: 'https://server.example' });
    machine = await tokenServer({ issue: () => 'machine-token' });
    exchange = await tokenServer({ issue: () => 'exchanged-token' });
    const recorders = await Promise.all(UPSTREAMS.map(async (name) => [name, await fakeUpstream()] as const));
    upstreams = Object.fromEntries(recorders) as Record<Upstream, FakeUpstream>;
    const at = (name: Upstream, fields: object = {}): object => ({
      [name]: { url: upstreams[name].url, transport: 'http', protocol_era: 'legacy', ...fields },
    });
    const client = { client_id: 'machine', client_secret: 'machine-secret' };
    gateway = await startGateway({
      config: {
        general_settings: {
          jwt_auth: [
            { issuer: company.issuer, audience: AUDIENCE, roles_claim: 'role', role_map: { admin: 'proxy_admin' } },
          ],
        },
        mcp_servers: {
          ...at('plain'),
          ...at('own', { auth_type: 'bearer_token', auth_value: 'own-token' }),
          ...at('machine', { auth_type: 'oauth2', ...client, token_url: machine.tokenUrl }),
          ...at('exchanged', { auth_type: 'oauth2_token_exchange', ...client, token_url: exchange.tokenUrl }),
          ...at('interactive', {
            auth_type: 'oauth2',
            authorization_url: `${machine.origin}/authorize`,
            token_url: machine.tokenUrl,
          }),
          ...at('byok', { auth_type: 'bearer_token', is_byok: true }),
        },
      },
    });
  });

  afterEach(() => {
    for (const upstream of Object.values(upstreams)) upstream.clearLog();
  });

  afterAll(async () => {
    await gateway.close();
    await Promise.all([company, machine, exchange, ...Object.values(upstreams)].map((server) => server.close()));
  });

  async function outcomes(headers: Record<string, string>): Promise<Outcome> {
    const outcome: Partial<Record<Upstream, string | undefined>> = {};
    for (const name of UPSTREAMS) {
      const params = { name: `${name}-echo`, arguments: {} };
      const { message } = await rpc(`${gateway.url}/mcp`, 'tools/call', params, { headers });
      const sent = upstreams[name].seen('tools/call').map(({ headers: { authorization } }) => authorization);
      if (sent.length > 0) outcome[name] = sent[0];
      else outcome[name] = `error ${message?.error?.code ?? ''}: ${message?.error?.message.split(':')[0] ?? ''}`;
      if (sent.length === 0) expect(upstreams[name].requests).toEqual([]);
    }
    return outcome as Outcome;
  }
  const everythingSeen = (): string =>
    Object.values(upstreams)
      .map((upstream) => upstream.transcript())
      .join();

  const REFUSED = {
    exchanged: 'error -32001: The server takes the token of its caller',
    interactive: 'error -32001: Log in to this server first',
    byok: 'error -32001: Store your own key for this server first',
  };
  const BY_KEY: Outcome = { plain: undefined, own: 'Bearer own-token', machine: 'Bearer machine-token', ...REFUSED };

  it.each<[string, () => Record<string, string>, Outcome]>([
    ['a key as Authorization', () => ({ authorization: `Bearer ${gateway.key}` }), BY_KEY],
    ['a key as x-api-key', () => ({ 'x-api-key': gateway.key }), BY_KEY],
    ['a key as x-litellm-api-key', () => ({ 'x-litellm-api-key': `Bearer ${gateway.key}` }), BY_KEY],
    [
      'a key as x-litellm-api-key, and again as Authorization',
      () => ({ 'x-litellm-api-key': gateway.key, authorization: `Bearer ${gateway.key}` }),
      BY_KEY,
    ],
    [
      'a key, and as x-mcp-auth what is for all servers',
      () => ({ 'x-litellm-api-key': gateway.key, 'x-mcp-auth': 'Bearer mine' }),
      {
        plain: 'Bearer mine',
        own: 'Bearer mine',
        machine: 'Bearer mine',
        exchanged: 'Bearer mine',
        interactive: 'Bearer mine',
        byok: 'Bearer mine',
      },
    ],
    [
      'a key, and a credential for one server each',
      () => ({
        'x-litellm-api-key': gateway.key,
        'x-mcp-machine-authorization': 'Bearer for-machine',
        'x-mcp-exchanged-authorization': 'Bearer for-exchanged',
        'x-mcp-interactive-authorization': 'Bearer for-interactive',
      }),
      {
        ...BY_KEY,
        machine: 'Bearer for-machine',
        exchanged: 'Bearer for-exchanged',
        interactive: 'Bearer for-interactive',
      },
    ],
    [
      'a token of the company',
      () => ({ authorization: `Bearer ${person}` }),
      { ...BY_KEY, exchanged: 'Bearer exchanged-token' },
    ],
    [
      'a key, and a token of the company as Authorization',
      () => ({ 'x-litellm-api-key': gateway.key, authorization: `Bearer ${person}` }),
      { ...BY_KEY, exchanged: 'Bearer exchanged-token' },
    ],
    [
      'a key, and as Authorization the token of who knows what server',
      () => ({ 'x-litellm-api-key': gateway.key, authorization: `Bearer ${foreign}` }),
      BY_KEY,
    ],
  ])('%s', async (_title, headers, expected) => {
    expect(await outcomes(headers())).toEqual(expected);
    const seen = everythingSeen();
    expect(seen).not.toContain(gateway.key);
    expect(seen).not.toContain(person);
    expect(`${seen}${exchange.transcript()}${machine.transcript()}`).not.toContain(foreign);
    expect(seen).not.toContain('machine-secret');
  });

  it('the caller’s token was seen by the exchange endpoint alone, the gateway’s key by nobody (defect 31)', () => {
    expect(exchange.transcript()).toContain(person);
    expect(machine.transcript()).not.toContain(person);
    expect(`${exchange.transcript()}${machine.transcript()}`).not.toContain(gateway.key);
    expect(gateway.logs()).not.toContain(person);
  });
});
