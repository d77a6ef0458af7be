import { createServer } from 'node:http';
import { exportJWK, exportPKCS8, generateKeyPair } from 'jose';
import { Secret } from '../../src/core/model/secret.js';
import type { OAuth2Auth, OAuthClient, ServerEntry } from '../../src/core/model/server-entry.js';
import { UpstreamAuthorization } from '../../src/engine/upstream/oauth/upstream-authorization.js';
import { UpstreamClients } from '../../src/engine/upstream/oauth/upstream-clients.js';
import { UpstreamDiscovery } from '../../src/engine/upstream/oauth/upstream-discovery.js';
import { UpstreamOAuthClientStore } from '../../src/engine/upstream/oauth/upstream-oauth-client.store.js';
import { DatabaseServer } from '../../src/platform/database/database-server.js';
import { PrismaService } from '../../src/platform/database/prisma.service.js';
import { HttpClient } from '../../src/platform/http/http-client.js';
import { makeServerEntry } from '../factory/make-server-entry.js';
import { CookieBrowser } from '../harness/cookie-browser.js';
import { listen } from '../harness/listen.js';
import { oauthProvider, type OauthProvider, type OauthProviderOptions } from '../harness/oauth-provider.js';
import { testPostgres, type TestPostgres } from '../harness/postgres.js';
import { protectedServer, type ProtectedServer } from '../harness/protected-server.js';

const BASE = 'http://127.0.0.1:9';
const REDIRECT = `${BASE}/callback`;
const NO_CLIENT: OAuthClient = {
  id: undefined,
  secret: undefined,
  authMethod: 'none',
  privateKey: undefined,
  privateKeyId: undefined,
  signingAlg: 'RS256',
};

let database: TestPostgres;
const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  database = await testPostgres();
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
afterAll(() => database.drop());

/** What one replica has. */
function replica(): UpstreamAuthorization {
  const prisma = new PrismaService(new DatabaseServer(database.url));
  const http = new HttpClient({ connectTimeoutMs: 2_000 });
  ends.push(
    () => http.close(),
    () => prisma.close(),
  );
  const store = new UpstreamOAuthClientStore(prisma, new Secret('a sealing secret of the test'));
  return new UpstreamAuthorization(http, new UpstreamDiscovery(http), new UpstreamClients(http, store));
}

let made = 0;

function entryFor(url: string, auth: Partial<OAuth2Auth> = {}): ServerEntry {
  made += 1;
  return makeServerEntry(`server-${made}`, {
    endpoint: { kind: 'http', transport: 'http', url },
    auth: {
      type: 'oauth2',
      flow: 'authorization_code',
      client: NO_CLIENT,
      scopes: [],
      authorizationUrl: undefined,
      tokenUrl: undefined,
      registrationUrl: undefined,
      resource: url,
      tokenMode: 'sealed',
      tokenValidation: undefined,
      storageTtlSeconds: undefined,
      redirectUris: [],
      value: undefined,
      ...auth,
    },
  });
}

async function start(
  options: OauthProviderOptions = {},
): Promise<{ provider: OauthProvider; server: ProtectedServer }> {
  const provider = await oauthProvider(options);
  const server = await protectedServer({ provider });
  ends.push(
    () => provider.close(),
    () => server.close(),
  );
  return { provider, server };
}

/** What the browser of a user brings back. */
async function visit(url: string): Promise<URLSearchParams> {
  const page = await new CookieBrowser(
    (next) => next.href.startsWith('http://127.0.0.1:9/') || next.host === 'gw.example',
  ).get(url);
  return page.url.searchParams;
}

const options = { redirectUri: REDIRECT, state: 'handle', baseUrl: BASE };

describe('the gateway as OAuth client of a server', () => {
  it('registers itself once for all replicas, gets tokens for this very resource, renews and revokes them', async () => {
    const { provider, server } = await start();
    const entry = entryFor(server.url);
    const [one, other] = [replica(), replica()];
    const [begun, begunElsewhere] = await Promise.all([one.begin(entry, options), other.begin(entry, options)]);
    expect(provider.seen('/reg').filter(({ method }) => method === 'POST')).toHaveLength(1);
    expect(begunElsewhere.pending.clientRef).toBe(begun.pending.clientRef);

    const asked = new URL(begun.url).searchParams;
    expect(Object.fromEntries(asked)).toMatchObject({
      response_type: 'code',
      redirect_uri: REDIRECT,
      state: 'handle',
      code_challenge_method: 'S256',
      resource: server.url,
    });
    expect(asked.get('scope')?.split(' ')).toContain('mcp:read');
    expect(begun.url).not.toContain(begun.pending.verifier);

    const back = await visit(begun.url);
    expect(back.get('iss')).toBe(provider.issuer);
    // Another replica finishes what one began.
    const set = await other.finish(entry, JSON.parse(JSON.stringify(begun.pending)) as typeof begun.pending, back);
    expect(await provider.lookUp(set.accessToken)).toMatchObject({ user: 'alice', audiences: [server.url] });
    expect(set.expiresAt).toBeGreaterThan(Date.now() + 3_000_000);

    const renewed = await one.refresh(entry, set);
    expect(renewed.accessToken).not.toBe(set.accessToken);
    expect(renewed.refreshToken).not.toBe(set.refreshToken);
    expect(await provider.lookUp(renewed.accessToken)).toBeDefined();

    expect(await one.revoke(entry, renewed)).toBe(true);
    expect(await provider.lookUp(renewed.accessToken)).toBeUndefined();
    await expect(other.refresh(entry, renewed)).rejects.toMatchObject({ code: 'upstream/login_required' });

    const dump = JSON.stringify(await database.query('SELECT * FROM upstream_oauth_client'));
    const [registration] = provider.seen('/reg');
    expect(registration?.body).toContain('application_type');
    const secret = new URLSearchParams(provider.seen('/token')[0]?.body).get('client_secret') ?? 'none';
    expect(dump).not.toContain(secret);
  });

  it.each(['client_secret_post', 'client_secret_basic'] as const)(
    'uses a client that was configured, with %s',
    async (authMethod) => {
      const secret = 'canary: s/e+c r%et';
      const { provider, server } = await start({
        registration: false,
        clients: [
          {
            client_id: 'known: client',
            client_secret: secret,
            redirect_uris: [REDIRECT],
            token_endpoint_auth_method: authMethod,
            grant_types: ['authorization_code', 'refresh_token'],
          },
        ],
      });
      const entry = entryFor(server.url, {
        client: { ...NO_CLIENT, id: 'known: client', secret: new Secret(secret), authMethod },
      });
      const gateway = replica();
      const { url, pending } = await gateway.begin(entry, options);
      const set = await gateway.finish(entry, pending, await visit(url));
      expect(await provider.lookUp(set.accessToken)).toMatchObject({ clientId: 'known: client' });
      expect(url).not.toContain(encodeURIComponent(secret));
    },
  );

  it('shows who it is by a signed assertion where a private key is configured', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const { provider, server } = await start({
      clients: [
        {
          client_id: 'signer',
          redirect_uris: [REDIRECT],
          token_endpoint_auth_method: 'private_key_jwt',
          token_endpoint_auth_signing_alg: 'ES256',
          jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }] },
        },
      ],
    });
    const entry = entryFor(server.url, {
      client: {
        ...NO_CLIENT,
        id: 'signer',
        authMethod: 'private_key_jwt',
        privateKey: new Secret(await exportPKCS8(privateKey)),
        privateKeyId: 'k1',
        signingAlg: 'ES256',
      },
    });
    const gateway = replica();
    const { url, pending } = await gateway.begin(entry, options);
    const set = await gateway.finish(entry, pending, await visit(url));
    expect(await provider.lookUp(set.accessToken)).toMatchObject({ clientId: 'signer' });
  });

  it('is known by its metadata document where that is read and the gateway is on https: nothing is registered', async () => {
    const id = 'https://gw.example/.well-known/oauth-client';
    const asked: string[] = [];
    const { provider, server } = await start({
      fetchClientDocument: (url) => {
        asked.push(url);
        return Promise.resolve(
          Response.json({
            client_id: id,
            client_name: 'Gatehouse',
            redirect_uris: ['https://gw.example/callback'],
            grant_types: ['authorization_code', 'refresh_token'],
            response_types: ['code'],
            token_endpoint_auth_method: 'none',
          }),
        );
      },
    });
    const entry = entryFor(server.url);
    const gateway = replica();
    const { url, pending } = await gateway.begin(entry, {
      ...options,
      baseUrl: 'https://gw.example',
      redirectUri: 'https://gw.example/callback',
    });
    const set = await gateway.finish(entry, pending, await visit(url));
    expect(await provider.lookUp(set.accessToken)).toMatchObject({ clientId: id });
    expect(asked).toContain(id);
    expect(provider.seen('/reg')).toEqual([]);
    expect(await gateway.refresh(entry, set)).toMatchObject({ issuer: provider.issuer });
  });

  it.each([
    ['another issuer', (back: URLSearchParams) => back.set('iss', 'https://evil.example')],
    ['no issuer, though it always says it', (back: URLSearchParams) => back.delete('iss')],
    ['two issuers', (back: URLSearchParams) => back.append('iss', 'https://evil.example')],
    ['its issuer spelt otherwise', (back: URLSearchParams) => back.set('iss', `${back.get('iss') ?? ''}/`)],
    [
      'an error of another issuer',
      (back: URLSearchParams) => {
        back.set('iss', 'https://evil.example');
        back.set('error', 'access_denied');
        back.set('error_description', 'call +1 555');
      },
    ],
  ])('believes nothing of an answer with %s (RFC 9207): no code is sent anywhere', async (_what, tamper) => {
    const { provider, server } = await start();
    const entry = entryFor(server.url);
    const gateway = replica();
    const { url, pending } = await gateway.begin(entry, options);
    const back = await visit(url);
    tamper(back);
    const finishing = gateway.finish(entry, pending, back);
    await expect(finishing).rejects.toMatchObject({ code: 'upstream/token_failed' });
    await expect(finishing).rejects.not.toThrow('555');
    expect(provider.seen('/token')).toEqual([]);
  });

  it('defect of the incumbent: an authorization_url with a query of its own keeps it', async () => {
    const entry = entryFor('http://127.0.0.1:1/mcp', {
      authorizationUrl: 'https://as.example/authorize?tenant=a%20b&prompt=none',
      tokenUrl: 'https://as.example/token',
      scopes: ['repo', 'user'],
      client: { ...NO_CLIENT, id: 'stored', secret: new Secret('secret'), authMethod: 'client_secret_post' },
    });
    const { url } = await replica().begin(entry, options);
    expect(url.split('?')).toHaveLength(2);
    const { searchParams } = new URL(url);
    expect(searchParams.get('tenant')).toBe('a b');
    expect(searchParams.get('scope')).toBe('repo user');
    expect(searchParams.get('client_id')).toBe('stored');
  });

  it('a dead grant asks for a new login; an authorization server that is away does not', async () => {
    const { provider, server } = await start();
    const entry = entryFor(server.url);
    const gateway = replica();
    const { url, pending } = await gateway.begin(entry, options);
    const set = await gateway.finish(entry, pending, await visit(url));
    provider.revokeAll();
    await expect(gateway.refresh(entry, set)).rejects.toMatchObject({
      code: 'upstream/login_required',
      cause: { error: 'invalid_grant' },
    });
    await expect(gateway.refresh(entry, { ...set, issuer: 'https://former.example' })).rejects.toMatchObject({
      code: 'upstream/login_required',
    });
    await provider.close();
    await expect(gateway.refresh(entry, set)).rejects.toMatchObject({ code: 'upstream/unreachable' });
  });

  it('a token endpoint that redirects gets nothing sent on: the secret stays with it', async () => {
    const asked: string[] = [];
    const other = await listen(
      createServer((request, response) => void (asked.push(request.url ?? ''), response.end())),
    );
    const as = await listen(
      createServer((_request, response) => void response.writeHead(307, { location: `${other.origin}/steal` }).end()),
    );
    ends.push(
      () => other.close(),
      () => as.close(),
    );
    const entry = entryFor(`${as.origin}/mcp`, {
      authorizationUrl: `${as.origin}/authorize`,
      tokenUrl: `${as.origin}/token`,
      client: { ...NO_CLIENT, id: 'stored', secret: new Secret('canary'), authMethod: 'client_secret_post' },
    });
    const gateway = replica();
    const { pending } = await gateway.begin(entry, options);
    await expect(gateway.finish(entry, pending, new URLSearchParams({ code: 'c' }))).rejects.toMatchObject({
      code: 'upstream/bad_reply',
    });
    expect(asked).toEqual([]);
  });

  it('no browser is sent to an address that is not http: metadata with javascript: is refused', async () => {
    const as = await listen(
      createServer((request, response) => {
        const origin = `http://${request.headers.host ?? ''}`;
        if (request.url !== '/.well-known/oauth-authorization-server') return void response.writeHead(404).end();
        response.end(
          JSON.stringify({
            issuer: origin,
            authorization_endpoint: 'javascript:alert(document.domain)//',
            token_endpoint: `${origin}/token`,
            registration_endpoint: `${origin}/register`,
            code_challenge_methods_supported: ['S256'],
          }),
        );
      }),
    );
    ends.push(() => as.close());
    await expect(replica().begin(entryFor(`${as.origin}/mcp`), options)).rejects.toMatchObject({
      code: 'upstream/token_failed',
      detail: expect.stringContaining('authorization_endpoint that is not to be used') as string,
    });
  });
});
