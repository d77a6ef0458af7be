import { createServer } from 'node:http';
import { HttpClient } from '../../../platform/http/http-client.js';
import { listen, type Listening } from '../../../../test/harness/listen.js';
import { makeServerEntry } from '../../../../test/factory/make-server-entry.js';
import type { SignIn } from './authorization-server.js';
import { UpstreamDiscovery, type WrittenEndpoints } from './upstream-discovery.js';

interface Answer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}
type Site = (path: string, origin: string) => Answer | undefined;

const NOTHING_WRITTEN: WrittenEndpoints = {
  authorizationUrl: undefined,
  tokenUrl: undefined,
  registrationUrl: undefined,
  scopes: [],
  resource: undefined,
};

describe('finding out where the users of a server sign in', () => {
  const http = new HttpClient({ connectTimeoutMs: 2_000 });
  const open: Listening[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((site) => site.close()));
  });
  afterAll(() => http.close());

  /** A server at `/mcp` that refuses everybody, and whatever else `site` answers. Notes the paths asked for. */
  async function start(site: Site): Promise<{ origin: string; asked: string[] }> {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      const path = request.url ?? '';
      asked.push(`${request.method ?? ''} ${path}`);
      const origin = `http://${request.headers.host ?? ''}`;
      const answer = site(path, origin) ?? { status: path === '/mcp' ? 401 : 404 };
      response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers });
      response.end(answer.body === undefined ? '' : JSON.stringify(answer.body));
    });
    const site_ = await listen(server);
    open.push(site_);
    return { origin: site_.origin, asked };
  }

  const document = (issuer: string, more: object = {}) => ({
    body: {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      code_challenge_methods_supported: ['S256'],
      ...more,
    },
  });

  const find = (origin: string, written: Partial<WrittenEndpoints> = {}): Promise<SignIn> => {
    const entry = makeServerEntry('guarded', {
      endpoint: { kind: 'http', transport: 'http', url: `${origin}/mcp` },
    });
    return new UpstreamDiscovery(http).find(entry, { ...NOTHING_WRITTEN, ...written });
  };

  it('takes the metadata at the address that the challenge names, and its scope before that of the metadata', async () => {
    const { origin, asked } = await start((path, own) => {
      if (path === '/mcp') {
        return { status: 401, headers: { 'www-authenticate': `Bearer scope="a b", resource_metadata="${own}/prm"` } };
      }
      if (path === '/prm')
        return { body: { resource: `${own}/mcp`, authorization_servers: [own], scopes_supported: ['x'] } };
      return path === '/.well-known/oauth-authorization-server' ? document(own) : undefined;
    });
    const { server, scopes } = await find(origin);
    expect(server).toMatchObject({ issuer: origin, source: 'metadata', supportsPkce: true });
    expect(scopes).toEqual(['a', 'b']);
    expect(asked).toEqual(['GET /mcp', 'GET /prm', 'GET /.well-known/oauth-authorization-server']);
  });

  it.each([
    ['/.well-known/oauth-protected-resource/mcp', 1],
    ['/.well-known/oauth-protected-resource', 2],
  ])('finds the resource metadata at %s', async (place, tries) => {
    const { origin, asked } = await start((path, own) => {
      if (path === place) return { body: { resource: own, authorization_servers: [own], scopes_supported: ['x'] } };
      return path === '/.well-known/oauth-authorization-server' ? document(own) : undefined;
    });
    const { scopes, resource } = await find(origin, { resource: `${origin}/mcp` });
    expect(scopes).toEqual(['x']);
    expect(resource).toBe(origin);
    expect(asked.filter((seen) => seen.includes('oauth-protected-resource'))).toHaveLength(tries);
  });

  it.each([
    '/.well-known/oauth-authorization-server/tenant',
    '/.well-known/openid-configuration/tenant',
    '/tenant/.well-known/openid-configuration',
  ])('finds the authorization server of an issuer with a path at %s', async (place) => {
    const { origin } = await start((path, own) => {
      if (path.startsWith('/.well-known/oauth-protected-resource')) {
        return { body: { authorization_servers: [`${own}/tenant`] } };
      }
      return path === place ? document(`${own}/tenant`) : undefined;
    });
    expect((await find(origin)).server.token?.url).toBe(`${origin}/tenant/token`);
  });

  it('defect 30 of the incumbent, from the other side: metadata that names another issuer is not taken', async () => {
    const { origin } = await start((path, own) => {
      if (path.startsWith('/.well-known/oauth-protected-resource')) {
        return { body: { authorization_servers: [`${own}/tenant`] } };
      }
      return path.includes('tenant') ? document(own) : undefined;
    });
    await expect(find(origin)).rejects.toThrow('names another issuer');
  });

  it('takes the server’s own origin when there is no resource metadata, with default endpoints without any document', async () => {
    const { origin } = await start(() => undefined);
    expect((await find(origin)).server).toMatchObject({
      source: 'assumed',
      authorization: { url: `${origin}/authorize` },
      token: { url: `${origin}/token` },
      registration: { url: `${origin}/register` },
    });
  });

  it('asks nobody when an administrator wrote both endpoints', async () => {
    const { origin, asked } = await start(() => undefined);
    const written = {
      authorizationUrl: 'https://as.example/a?x=1',
      tokenUrl: 'https://as.example/t',
      scopes: ['repo'],
    };
    const { server, scopes } = await find(origin, written);
    expect(server).toMatchObject({ authorization: { url: written.authorizationUrl, policy: 'registered' } });
    expect(scopes).toEqual(['repo']);
    expect(asked).toEqual([]);
  });

  it('refuses metadata about another resource', async () => {
    const { origin } = await start((path) =>
      path.startsWith('/.well-known/oauth-protected-resource')
        ? { body: { resource: 'https://bank.example/mcp', authorization_servers: ['https://as.example'] } }
        : undefined,
    );
    await expect(find(origin)).rejects.toThrow('another resource');
  });

  it.each([
    'http://169.254.169.254/latest',
    'https://169.254.169.254/latest',
    'https://10.0.0.1/as',
    'https://[fd00::1]/as',
    'http://as.example/plain-http',
    'javascript:alert(1)',
    'file:///etc/passwd',
    'https://user:secret@as.example/',
  ])('never asks an authorization server at %s that metadata names', async (issuer) => {
    const { origin } = await start((path) =>
      path.startsWith('/.well-known/oauth-protected-resource')
        ? { body: { authorization_servers: [issuer] } }
        : undefined,
    );
    await expect(find(origin)).rejects.toThrow(/not to be used|never dialled|private addresses/);
  });

  it('does not follow the metadata of a server to another origin', async () => {
    const target = await start((path, own) =>
      path === '/secret' ? { body: { authorization_servers: [own] } } : undefined,
    );
    const { origin } = await start((path) =>
      path.startsWith('/.well-known/oauth-protected-resource')
        ? { status: 302, headers: { location: `${target.origin}/secret` } }
        : undefined,
    );
    await expect(find(origin)).rejects.toThrow('redirect to another origin');
    expect(target.asked).toEqual([]);
  });

  it('searches once for all who wait, keeps the answer for 300 s and a failure for 60 s', async () => {
    let up = false;
    const { origin, asked } = await start((path, own) => {
      if (path.startsWith('/.well-known/oauth-protected-resource')) return { body: { authorization_servers: [own] } };
      return up && path === '/.well-known/oauth-authorization-server' ? document(own) : undefined;
    });
    const entry = makeServerEntry('guarded', { endpoint: { kind: 'http', transport: 'http', url: `${origin}/mcp` } });
    let now = 0;
    const discovery = new UpstreamDiscovery(http, () => now);
    const ask = () => discovery.find(entry, NOTHING_WRITTEN);
    await expect(Promise.all([ask(), ask(), ask()])).rejects.toThrow('publishes no metadata');
    const first = asked.length;
    await expect(ask()).rejects.toThrow('publishes no metadata');
    expect(asked).toHaveLength(first);

    [up, now] = [true, 60_001];
    await Promise.all([ask(), ask()]);
    const second = asked.length;
    now += 299_999;
    await ask();
    expect(asked).toHaveLength(second);
    now += 2;
    await ask();
    const third = asked.length;
    expect(third).toBeGreaterThan(second);

    // A server that refuses tokens may have moved: looked at once more, not once for each token.
    discovery.doubt(entry);
    await ask();
    const fourth = asked.length;
    expect(fourth).toBeGreaterThan(third);
    for (let refusals = 0; refusals < 100; refusals += 1) discovery.doubt(entry);
    await ask();
    expect(asked).toHaveLength(fourth);
  });
});
