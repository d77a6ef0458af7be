import { createServer } from 'node:http';
import { listen } from '../../harness/listen.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { authorizeUrl, post, redeem, signIn, tokens } from './relay-requests.js';
import { relayWorld, type RelayWorld } from './relay-world.js';
import { allow, CLIENT_REDIRECT, newBrowser } from './sdk-client.js';

let world: RelayWorld;
let base: string;

beforeAll(async () => {
  world = await relayWorld({
    servers: {
      queried: {
        url: 'http://127.0.0.1:9/mcp',
        auth_type: 'oauth2',
        authorization_url: 'http://127.0.0.1:9/authorize?tenant=a%20b',
        token_url: 'http://127.0.0.1:9/token',
        client_id: 'stored',
        client_secret: 'canary-secret',
        oauth2_flow: 'authorization_code',
        scopes: ['repo'],
      },
      plain: { url: 'http://127.0.0.1:9/mcp' },
    },
  });
  base = world.gateway.url;
});
afterAll(() => world.close());

async function register(redirectUris: readonly string[], name = 'an application'): Promise<string> {
  const response = await fetch(`${base}/guarded/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: name, redirect_uris: redirectUris, token_endpoint_auth_method: 'none' }),
  });
  expect(response.status).toBe(201);
  return ((await response.json()) as { client_id: string }).client_id;
}

describe('where a browser is sent (defect 27 of the incumbent: redirect_uri unchecked)', () => {
  const registered = 'https://app.example/cb?x=1';

  it.each([
    'https://app.example/cb?x=2',
    'https://app.example/cb',
    'https://app.example/cb?x=1#fragment',
    'https://app.example:8443/cb?x=1',
    'https://app.example.evil.example/cb?x=1',
    'https://app.example@evil.example/cb?x=1',
    'http://app.example/cb?x=1',
    'HTTPS://app.example/cb?x=1',
    'https://evil.example/',
    'javascript:alert(document.domain)',
    'data:text/html,<script>alert(1)</script>',
    '//evil.example/',
  ])('never to %s, which the client did not register: a page says so', async (redirectUri) => {
    const clientId = await register([registered]);
    const page = await newBrowser().get(authorizeUrl(base, { client_id: clientId, redirect_uri: redirectUri }));
    expect([page.status, page.headers.get('location')]).toEqual([400, null]);
    expect(page.text).not.toContain('name="decision"');
  });

  it.each(['javascript:alert(1)', 'data:text/html,x', 'http://evil.example/', 'file:///etc/passwd', 'vbscript:x'])(
    'registration of %s is refused',
    async (redirectUri) => {
      const response = await fetch(`${base}/guarded/register`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ redirect_uris: [redirectUri] }),
      });
      expect([response.status, await response.json()]).toEqual([
        400,
        expect.objectContaining({ error: 'invalid_redirect_uri' }),
      ]);
    },
  );

  it('the name of the server as client id is good on this machine only, at its own issuer only', async () => {
    for (const [client_id, redirect_uri] of [
      ['guarded', 'https://app.example/cb'],
      ['queried', CLIENT_REDIRECT],
      ['dummy_client', CLIENT_REDIRECT],
    ]) {
      const page = await newBrowser().get(authorizeUrl(base, { client_id, redirect_uri }));
      expect([client_id, page.status]).toEqual([client_id, 400]);
    }
  });

  it('a client of one issuer is unknown at another', async () => {
    const clientId = await register([CLIENT_REDIRECT]);
    const page = await newBrowser().get(authorizeUrl(base, { path: '/queried/authorize', client_id: clientId }));
    expect(page.status).toBe(400);
  });

  it('with iss of the very issuer, and state as it came', async () => {
    const back = await signIn(base, newBrowser(), { state: 'a b&c=d%' });
    expect(back.searchParams.get('iss')).toBe(`${base}/guarded`);
    expect(back.searchParams.get('state')).toBe('a b&c=d%');
  });
});

describe('the question before the browser goes to the server (confused deputy)', () => {
  it('names the client, its redirect host, the scopes and the server; runs no script, stands in no frame', async () => {
    const clientId = await register(['https://app.example/cb'], '<b>Trust</b> me');
    const page = await newBrowser().get(
      authorizeUrl(base, { client_id: clientId, redirect_uri: 'https://app.example/cb', scope: 'mcp:read mcp:write' }),
    );
    for (const shown of ['&lt;b&gt;Trust&lt;/b&gt; me', 'app.example', 'mcp:read', 'mcp:write', 'guarded']) {
      expect(page.text).toContain(shown);
    }
    expect(page.text).toContain(new URL(world.provider.origin).host);
    expect(page.text).not.toContain('<script');
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(page.headers.get('cache-control')).toBe('no-store');
  });

  it('comes again for a second client of the same browser, though the server would let it pass', async () => {
    const browser = newBrowser();
    await signIn(base, browser);
    world.provider.clearLog();
    const second = await register(['https://app.example/cb'], 'second');
    const page = await browser.get(authorizeUrl(base, { client_id: second, redirect_uri: 'https://app.example/cb' }));
    expect(page.url.origin).toBe(base);
    expect(page.text).toContain('second');
    expect(page.text).toContain('name="decision"');
    // Nothing was sent to the server's side before the answer.
    expect(world.provider.seen('/auth')).toEqual([]);
  });

  it('denied: the client hears it, the server does not', async () => {
    const browser = newBrowser();
    world.provider.clearLog();
    const page = await browser.get(authorizeUrl(base));
    const { url } = await browser.submit(page, {}, 'decision=deny');
    expect([url.searchParams.get('error'), url.searchParams.get('iss')]).toEqual(['access_denied', `${base}/guarded`]);
    expect(world.provider.seen('/auth')).toEqual([]);
  });

  it('cannot be answered by another browser, another page, with a made-up token, or twice', async () => {
    const [mine, theirs] = [newBrowser(), newBrowser()];
    const page = await mine.get(authorizeUrl(base));
    await theirs.get(authorizeUrl(base));
    expect((await theirs.submit(page, {}, 'decision=allow')).status).toBe(403);
    expect((await mine.submit(page, { csrf: 'made up' }, 'decision=allow')).status).toBe(403);
    const foreign = await fetch(`${base}/guarded/authorize`, {
      method: 'POST',
      redirect: 'manual',
      headers: { origin: 'https://evil.example' },
      body: new URLSearchParams({ decision: 'allow' }),
    });
    expect(foreign.status).toBe(403);
    expect((await allow(mine, page)).searchParams.get('code')).not.toBeNull();
    expect((await mine.submit(page, {}, 'decision=allow')).status).toBe(403);
  });
});

describe('state (defect 27 of the incumbent: no end, bound to nobody)', () => {
  /** Stops on the way to the server. */
  async function begun() {
    const browser = newBrowser();
    const page = await browser.get(authorizeUrl(base));
    await allow(browser, page);
    const callback = browser.visited.find((url) => url.startsWith(`${base}/callback?`)) ?? '';
    return { browser, callback };
  }

  it('is a random handle that tells nothing', async () => {
    const { browser } = await begun();
    const upstream = browser.visited.find((url) => url.startsWith(world.provider.origin)) ?? '';
    expect(new URL(upstream).searchParams.get('state')).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(upstream).not.toContain(encodeURIComponent('of the client'));
  });

  it('is good once', async () => {
    const { browser, callback } = await begun();
    const again = await browser.get(callback);
    expect(again.status).toBe(400);
    expect(again.text).toContain('Authentication incomplete. You can close this window.');
  });

  it('is good in the browser that began it only: a code of somebody else’s sign-in is not slipped in', async () => {
    const victim = newBrowser();
    await victim.get(authorizeUrl(base));
    const attacker = newBrowser();
    const page = await attacker.get(authorizeUrl(base));
    // The attacker stops short of the callback, and has the victim go there.
    const stopped = await attacker.submit(page, {}, 'decision=allow');
    expect(stopped.url.searchParams.get('code')).not.toBeNull();
    const callback = attacker.visited.find((url) => url.startsWith(`${base}/callback?`)) ?? '';
    for (const browser of [victim, newBrowser()]) expect((await browser.get(callback)).status).toBe(400);
  });

  it.each(['', 'state=', 'state=a', `state=${'A'.repeat(43)}`, `state=${'A'.repeat(43)}&state=b`])(
    'cannot be made up (?%s)',
    async (query) => {
      const browser = newBrowser();
      await browser.get(authorizeUrl(base));
      const page = await browser.get(`${base}/callback?code=c&${query}`);
      expect(page.status).toBe(400);
    },
  );
});

describe('codes', () => {
  it('are for their client, address, server and verifier', async () => {
    const code = async () => (await signIn(base, newBrowser())).searchParams.get('code') ?? '';
    const other = await register([CLIENT_REDIRECT]);
    const wrong: readonly Record<string, string>[] = [
      { client_id: other },
      { redirect_uri: 'http://127.0.0.1:9/other' },
      { code_verifier: 'x'.repeat(43) },
      { code_verifier: '' },
      { resource: `${base}/mcp/queried` },
    ];
    for (const form of wrong) {
      const { status, body } = await redeem(base, await code(), { form });
      expect([form, status]).toEqual([form, 400]);
      expect(['invalid_grant', 'invalid_target']).toContain(body.error);
    }
    const elsewhere = await redeem(base, await code(), { path: '/queried/token', form: { client_id: 'queried' } });
    expect(elsewhere).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });

  it.each([
    ['code_challenge_method', 'plain'],
    ['code_challenge', undefined],
    ['response_type', 'token'],
    ['resource', 'https://evil.example/mcp'],
    ['scope', 'a"b'],
  ])('are not given to a request with %s=%s: the client hears why', async (name, value) => {
    const page = await newBrowser().get(authorizeUrl(base, { [name]: value }));
    expect(page.url.href.startsWith(CLIENT_REDIRECT)).toBe(true);
    expect(page.url.searchParams.get('error')).toMatch(/^invalid_|^unsupported_/);
  });
});

it('nobody’s browser is sent by a bad request to wherever a stranger registered', async () => {
  const redirect_uri = 'https://app.example/cb?x=1';
  const client_id = await register([redirect_uri]);
  const asked = authorizeUrl(base, { client_id, redirect_uri, response_type: 'token' });
  const page = await newBrowser().get(asked);
  expect([page.status, page.url.origin, page.headers.get('location')]).toEqual([400, base, null]);
  expect(page.text).toContain(`href="${redirect_uri}&amp;error=`);
});

describe('the server’s own answers', () => {
  it('an authorization_url with a query of its own keeps it (the incumbent wrote two question marks)', async () => {
    const browser = newBrowser();
    const page = await browser.get(authorizeUrl(base, { path: '/queried/authorize', client_id: 'queried' }));
    const { href, searchParams } = await allow(browser, page);
    expect(href.split('?')).toHaveLength(2);
    expect(Object.fromEntries(searchParams)).toMatchObject({
      tenant: 'a b',
      client_id: 'stored',
      redirect_uri: `${base}/callback`,
      scope: 'repo',
      resource: 'http://127.0.0.1:9/mcp',
    });
    expect(href).not.toContain('canary-secret');
  });

  it.each([
    ['http://169.254.169.254/latest/meta-data', 'cloud metadata'],
    ['http://10.0.0.8/as', 'a private address'],
    ['https://[::ffff:169.254.169.254]/as', 'cloud metadata in another spelling'],
    ['javascript:alert(1)', 'a script'],
  ])('metadata that names %s (%s) is not followed, and no browser is sent there', async (issuer) => {
    const lying = await listen(
      createServer((request, response) => {
        if (request.url?.startsWith('/.well-known/oauth-protected-resource') !== true) {
          return void response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
        }
        response.end(JSON.stringify({ authorization_servers: [issuer] }));
      }),
    );
    const its = await relayWorld({ servers: { lying: { url: `${lying.origin}/mcp`, auth_type: 'oauth2' } } });
    try {
      const page = await newBrowser().get(
        authorizeUrl(its.gateway.url, { path: '/lying/authorize', client_id: 'lying' }),
      );
      expect(page.status).toBeGreaterThanOrEqual(400);
      expect(page.text).not.toContain(issuer);
    } finally {
      await its.close();
      await lying.close();
    }
  });

  /** What the client hears when the authorization server of a server sends the browser back like this. */
  async function backFrom(answer: (origin: string) => Record<string, string>): Promise<{ back: URL; base: string }> {
    const server = await listen(
      createServer((request, response) => {
        const origin = `http://${request.headers.host ?? ''}`;
        const url = new URL(request.url ?? '/', origin);
        if (url.pathname === '/.well-known/oauth-protected-resource') {
          return void response.end(JSON.stringify({ authorization_servers: [origin] }));
        }
        if (url.pathname === '/.well-known/oauth-authorization-server') {
          return void response.end(
            JSON.stringify({
              issuer: origin,
              authorization_endpoint: `${origin}/authorize`,
              token_endpoint: `${origin}/token`,
              code_challenge_methods_supported: ['S256'],
              authorization_response_iss_parameter_supported: true,
            }),
          );
        }
        if (url.pathname === '/authorize') {
          const back = new URL(url.searchParams.get('redirect_uri') ?? '');
          const state = url.searchParams.get('state') ?? '';
          back.search = new URLSearchParams({ state, ...answer(origin) }).toString();
          return void response.writeHead(302, { location: back.href }).end();
        }
        response.writeHead(url.pathname === '/token' ? 500 : 401).end();
      }),
    );
    const its = await relayWorld({
      servers: { told: { url: `${server.origin}/mcp`, auth_type: 'oauth2', client_id: 'x', client_secret: 'y' } },
    });
    try {
      const browser = newBrowser();
      const page = await browser.get(authorizeUrl(its.gateway.url, { path: '/told/authorize', client_id: 'told' }));
      return { back: await allow(browser, page), base: its.gateway.url };
    } finally {
      await its.close();
      await server.close();
    }
  }

  it('that the person said no there reaches the client, with our iss and its state', async () => {
    const { back, base: own } = await backFrom((iss) => ({
      iss,
      error: 'access_denied',
      error_description: 'not today',
    }));
    expect(Object.fromEntries(back.searchParams)).toEqual({
      error: 'access_denied',
      error_description: 'not today',
      state: 'of the client',
      iss: `${own}/told`,
    });
  });

  it('a token endpoint that fails is server_error for the client', async () => {
    const { back } = await backFrom((iss) => ({ iss, code: 'c' }));
    expect(back.searchParams.get('error')).toBe('server_error');
    expect(back.searchParams.get('code')).toBeNull();
  });

  it('an issuer that is swapped on the way back is noticed: no code goes anywhere, its text is not shown', async () => {
    const { back, base: own } = await backFrom(() => ({
      iss: world.provider.issuer,
      error: 'access_denied',
      error_description: 'call 555 0100',
    }));
    expect(back.searchParams.get('error')).toBe('server_error');
    expect(back.href).not.toContain('555');
    expect(back.searchParams.get('iss')).toBe(`${own}/told`);
  });
});

describe('what outsiders can find out', () => {
  it('servers that do not exist and servers without OAuth answer alike', async () => {
    for (const path of ['/nothing', '/plain']) {
      const page = await newBrowser().get(authorizeUrl(base, { path: `${path}/authorize` }));
      expect([path, page.status, page.text.includes('MCP server not found')]).toEqual([path, 404, true]);
      expect(await post(`${base}${path}/token`, { grant_type: 'refresh_token' })).toMatchObject({ status: 404 });
    }
  });

  it('errors of the token endpoint are those of OAuth', async () => {
    const { refresh_token } = await tokens(base, newBrowser());
    const url = `${base}/guarded/token`;
    const cases: [Record<string, string>, number, string][] = [
      [{ grant_type: 'password', client_id: 'guarded' }, 400, 'unsupported_grant_type'],
      [{ grant_type: 'refresh_token', client_id: 'nobody at all', refresh_token }, 401, 'invalid_client'],
      [{ grant_type: 'refresh_token', client_id: 'guarded', refresh_token: 'x' }, 400, 'invalid_grant'],
      [{ grant_type: 'authorization_code', client_id: 'guarded', code: 'x' }, 400, 'invalid_grant'],
    ];
    for (const [form, status, error] of cases) {
      expect([form, await post(url, form)]).toEqual([
        form,
        expect.objectContaining({ status, body: expect.objectContaining({ error }) as unknown }),
      ]);
    }
    expect(
      await post(url, { grant_type: 'refresh_token', client_id: 'guarded', refresh_token }, 'sk-wrong'),
    ).toMatchObject({
      status: 401,
    });
  });

  it('defect 28 of the incumbent: forwarded headers of strangers change no address', async () => {
    for (const path of [
      '/.well-known/oauth-authorization-server/guarded',
      '/.well-known/oauth-protected-resource/mcp/guarded',
      '/.well-known/oauth-client',
    ]) {
      const response = await fetch(`${base}${path}`, {
        headers: { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
      });
      expect(await response.text()).not.toContain('evil.example');
    }
    const challenge = await rpc(
      world.endpoint,
      'tools/list',
      {},
      { key: world.gateway.key, headers: { 'x-forwarded-host': 'evil.example' } },
    );
    expect(challenge.headers.get('www-authenticate')).not.toContain('evil.example');
  });

  it('defect 30 of the incumbent: the issuer is the authorization server that the resource names', async () => {
    const prm = (await (await fetch(`${base}/.well-known/oauth-protected-resource/mcp/guarded`)).json()) as {
      authorization_servers: string[];
      resource: string;
    };
    expect(prm.resource).toBe(`${base}/mcp/guarded`);
    expect(prm.authorization_servers).toEqual([`${base}/guarded`]);
    for (const place of [
      '/.well-known/oauth-authorization-server/guarded',
      '/.well-known/openid-configuration/guarded',
      '/guarded/.well-known/openid-configuration',
    ]) {
      const metadata = (await (await fetch(`${base}${place}`)).json()) as Record<string, unknown>;
      expect(metadata).toMatchObject({
        issuer: `${base}/guarded`,
        authorization_endpoint: `${base}/guarded/authorize`,
        grant_types_supported: ['authorization_code', 'refresh_token'],
        code_challenge_methods_supported: ['S256'],
      });
    }
  });
});
