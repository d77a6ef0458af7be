import { insertKey, type InsertedKey } from '../../factory/insert-key.js';
import type { Page } from '../../harness/cookie-browser.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc, type RpcAnswer } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { CALLBACK, newBrowser, Person } from './person.js';
import { authorizeUrl, codeFor, form, pkce, redeem, register, tokensFor, visible } from './token-requests.js';

/** The attacks of the security page, §1, on the root issuer. */
describe('attacks on sign-ins', () => {
  let upstream: FakeUpstream;
  let gateway: TestGateway;
  let key: InsertedKey;
  let other: InsertedKey;
  let clientId: string;

  beforeAll(async () => {
    upstream = await fakeUpstream({ tools: [{ name: 'echo', inputSchema: { type: 'object' } }] });
    gateway = await startGateway({
      config: {
        mcp_servers: { wiki: { url: upstream.url }, mail: { url: upstream.url } },
        general_settings: { oauth: { refresh_grace_seconds: 0 } },
      },
    });
    const permission = { servers: ['wiki', 'mail'] };
    key = await insertKey(gateway.databaseUrl, { permission });
    other = await insertKey(gateway.databaseUrl, { permission });
    clientId = String((await register(gateway.url)).body['client_id']);
  });

  afterAll(async () => {
    await gateway.close();
    await upstream.close();
  });

  const url = (changes: Readonly<Record<string, string | null>> = {}): URL =>
    authorizeUrl(gateway.url, {
      client_id: clientId,
      redirect_uri: CALLBACK,
      response_type: 'code',
      state: 'xyz',
      code_challenge: pkce().challenge,
      code_challenge_method: 'S256',
      resource: `${gateway.url}/mcp`,
      ...changes,
    });
  const use = (path: string, token: string): Promise<RpcAnswer> =>
    rpc(`${gateway.url}${path}`, 'tools/list', undefined, { headers: { authorization: `Bearer ${token}` } });

  describe('where the browser is sent', () => {
    test.each([
      ['another path', 'http://127.0.0.1:9/callbacK'],
      ['one character more', `${CALLBACK}/`],
      ['a query that was not registered', `${CALLBACK}?x=1`],
      ['another host', 'http://127.0.0.2:9/callback'],
      ['localhost by name', 'http://localhost:9/callback'],
      ['somewhere in the web', 'https://evil.example/callback'],
      ['user information before the host', 'http://127.0.0.1:9@evil.example/callback'],
      ['a script', 'javascript:alert(document.cookie)'],
      ['a document', 'data:text/html,<script>alert(1)</script>'],
      ['nowhere', ''],
    ])('is never %s', async (_what, redirect) => {
      const page = await newBrowser('nowhere').get(url({ redirect_uri: redirect }));
      expect(page.status).toBe(400);
      expect(page.url.origin).toBe(gateway.url);
      expect(page.headers.get('location')).toBeNull();
      expect(page.text).not.toContain(redirect === '' ? 'callback' : redirect);
    });

    test('is another port of this machine, as its programs change theirs', async () => {
      const redirect = 'http://127.0.0.1:41999/callback';
      const person = new Person(key.key, newBrowser(redirect));
      expect((await person.signIn(url({ redirect_uri: redirect }))).get('state')).toBe('xyz');
    });

    test.each(['javascript:alert(1)', 'data:text/html,x', 'http://evil.example/cb', 'https://a.example/cb#f'])(
      'cannot be registered as %s',
      async (redirect) => {
        const { status, body } = await register(gateway.url, { redirect_uris: [CALLBACK, redirect] });
        expect([status, body['error']]).toEqual([400, 'invalid_redirect_uri']);
      },
    );

    test('is not what an unknown client says', async () => {
      const tampered = `${clientId.slice(0, -2)}${clientId.endsWith('AA') ? 'BB' : 'AA'}`;
      for (const id of [tampered, 'ghc_nothing', 'https://127.0.0.1:9/client', '', 'a/b']) {
        const page = await newBrowser('nowhere').get(url({ client_id: id, redirect_uri: 'https://evil.example/cb' }));
        expect([id, page.status, page.url.origin]).toEqual([id, 400, gateway.url]);
      }
      // A bare name is a client on this machine only.
      const page = await newBrowser('nowhere').get(url({ client_id: 'wiki', redirect_uri: 'https://evil.example/cb' }));
      expect(page.status).toBe(400);
    });
  });

  test.each([
    ['without PKCE', { code_challenge: null, code_challenge_method: null }, 'invalid_request'],
    ['with plain PKCE', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['with a challenge that is none', { code_challenge: 'short' }, 'invalid_request'],
    ['for a token in the address', { response_type: 'token' }, 'unsupported_response_type'],
    ['for a stranger’s resource', { resource: 'https://evil.example/mcp' }, 'invalid_target'],
    ['for a resource that is no endpoint', { resource: 'GATEWAY/key/list' }, 'invalid_target'],
    ['for a resource with a fragment', { resource: 'GATEWAY/mcp#x' }, 'invalid_target'],
    ['without asking the person', { prompt: 'none' }, 'interaction_required'],
  ])('a request %s goes back as an error, with state and issuer', async (_what, changes, error) => {
    const given = Object.fromEntries(
      Object.entries(changes).map(([name, value]) => [name, value?.replace('GATEWAY', gateway.url) ?? null]),
    );
    const page = await newBrowser().get(url(given));
    const answer = page.url.searchParams;
    expect(page.url.href.startsWith(CALLBACK)).toBe(true);
    expect([answer.get('error'), answer.get('state'), answer.get('iss')]).toEqual([error, 'xyz', gateway.url]);
    expect(answer.has('code')).toBe(false);
  });

  test('nobody’s browser is sent by a bad request to wherever a stranger registered: a page says where it would go', async () => {
    const redirect = 'https://evil.example/callback';
    const id = String((await register(gateway.url, { redirect_uris: [redirect] })).body['client_id']);
    const wrong: Record<string, string | null>[] = [
      { response_type: 'token' },
      { prompt: 'none' },
      { code_challenge: null },
    ];
    for (const changes of wrong) {
      const page = await newBrowser(redirect).get(url({ client_id: id, redirect_uri: redirect, ...changes }));
      expect([page.status, page.url.origin, page.headers.get('location')]).toEqual([400, gateway.url, null]);
      expect(page.text).toContain(`href="${redirect}?error=`);
      expect(visible(page)).toContain('evil.example');
    }
  });

  test('servers that do not exist are asked for like those that do', async () => {
    const pages = [];
    for (const name of ['wiki', 'nobody']) {
      const page = await new Person(key.key).consentPage(url({ resource: `${gateway.url}/mcp/${name}` }));
      pages.push(visible(page).replaceAll(name, 'NAME'));
    }
    expect(pages[0]).toBe(pages[1]);
  });

  describe('the page that asks', () => {
    test('names the client, where it sends one, and what for; runs no script and stands in no frame', async () => {
      const name = '<script>alert(1)</script> & "friends"';
      const id = String((await register(gateway.url, { client_name: name })).body['client_id']);
      const page = await new Person(key.key).consentPage(url({ client_id: id }));
      expect(page.text).not.toContain('<script');
      expect(visible(page)).toContain('&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;friends&quot;');
      expect(visible(page)).toContain('127.0.0.1:9');
      expect(visible(page)).toContain(`${gateway.url}/mcp`);
      expect(visible(page)).toContain('your own machine');
      const policy = page.headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).toContain("form-action 'self' http://127.0.0.1:9");
      expect(page.headers.get('x-frame-options')).toBe('DENY');
      expect(page.headers.get('cache-control')).toBe('no-store');
    });

    test('comes again for a second client, and each time for a program on this machine', async () => {
      const person = new Person(key.key);
      await person.signIn(url());
      await person.signIn(url());
      const second = String((await register(gateway.url, { client_name: 'second' })).body['client_id']);
      await person.signIn(url({ client_id: second }));
      expect(person.consents.map((page) => /Allow ([^<]*)\?/.exec(page.text)?.[1])).toEqual([
        'test client',
        'test client',
        'second',
      ]);
    });

    test('comes once for a client in the web, in one browser, for one user and one endpoint', async () => {
      const redirect = 'https://app.example/cb';
      const id = String((await register(gateway.url, { redirect_uris: [redirect] })).body['client_id']);
      const asked = (resource = '/mcp'): URL =>
        url({ client_id: id, redirect_uri: redirect, resource: `${gateway.url}${resource}` });
      const person = new Person(key.key, newBrowser(redirect));
      await person.signIn(asked());
      const again = await person.consentPage(asked());
      expect(again.url.searchParams.get('code')).toBeTruthy();
      expect((await person.consentPage(asked('/mcp/wiki'))).text).toContain('value="allow"');
      const somebodyElse = new Person(key.key, newBrowser(redirect));
      expect((await somebodyElse.consentPage(asked())).text).toContain('value="allow"');
      expect(person.consents).toHaveLength(2);
    });

    test('takes no answer that another page, another browser or another form sends', async () => {
      const person = new Person(key.key);
      const page = await person.consentPage(url());
      const hidden = fieldsOf(page);
      const post = async (fields: Record<string, string>, cookie: string, origin: string): Promise<Response> =>
        fetch(`${gateway.url}/authorize/flow`, {
          method: 'POST',
          redirect: 'manual',
          headers: { cookie, origin },
          body: new URLSearchParams({ ...fields, decision: 'allow' }),
        });
      const cookies = cookieOf(person);
      const thief = new Person(other.key);
      await thief.consentPage(url());
      for (const [why, answer] of [
        ['no token', await post({ ...hidden, csrf: '' }, cookies, gateway.url)],
        [
          'the token of another form',
          await post({ ...hidden, csrf: fieldsOf(await thief.consentPage(url()))['csrf'] ?? '' }, cookies, gateway.url),
        ],
        ['another origin', await post(hidden, cookies, 'https://evil.example')],
        ['no cookies', await post(hidden, '', gateway.url)],
        ['another browser', await post(hidden, cookieOf(thief), gateway.url)],
      ] as const) {
        expect([why, answer.status, answer.headers.get('location')]).toEqual([why, 403, null]);
      }
      // None of that used it up: the person can still say no.
      const denied = (await person.answer(page, 'deny')).url.searchParams;
      expect([denied.get('error'), denied.get('state'), denied.get('iss')]).toEqual([
        'access_denied',
        'xyz',
        gateway.url,
      ]);
    });

    test('is good once, and not in another browser', async () => {
      const person = new Person(key.key);
      const page = await person.consentPage(url());
      const stolen = await new Person(other.key).browser.get(page.url);
      expect([stolen.status, stolen.text.includes('value="allow"')]).toEqual([403, false]);
      expect((await person.answer(page, 'allow')).url.searchParams.has('code')).toBe(true);
      const again = await person.answer(page, 'allow');
      expect([again.status, again.url.origin]).toEqual([403, gateway.url]);
    });
  });

  describe('codes', () => {
    test('are for their client, address and verifier', async () => {
      for (const [what, changes] of [
        ['another client', { client_id: String((await register(gateway.url)).body['client_id']) }],
        ['another address', { redirect_uri: 'http://127.0.0.1:10/callback' }],
        ['another verifier', { code_verifier: pkce().verifier }],
        ['no verifier', { code_verifier: '' }],
      ] as const) {
        const { status, body } = await redeem(gateway.url, await codeFor(gateway.url, new Person(other.key)), changes);
        expect([what, status, (body as unknown as { error: string }).error]).toEqual([what, 400, 'invalid_grant']);
      }
    });

    test('are good once: a second time ends what the first gave', async () => {
      const authorized = await codeFor(gateway.url, new Person(other.key));
      const { body } = await redeem(gateway.url, authorized);
      expect((await use('/mcp', body.access_token)).status).toBe(200);
      const again = await redeem(gateway.url, authorized);
      expect([again.status, again.body]).toMatchObject([400, { error: 'invalid_grant' }]);
      expect((await use('/mcp', body.access_token)).status).toBe(401);
    });

    test('cannot be made up', async () => {
      const { verifier } = pkce();
      const { status } = await redeem(gateway.url, {
        clientId,
        code: 'A'.repeat(43),
        verifier,
        answer: new URLSearchParams(),
      });
      expect(status).toBe(400);
    });
  });

  describe('tokens', () => {
    test('are for the endpoint they were asked for, under both its names, and for nothing else', async () => {
      const { access_token: token } = await tokensFor(gateway.url, other.key, { resource: `${gateway.url}/mcp/wiki` });
      const statuses: Record<string, number> = {};
      for (const path of ['/mcp/wiki', '/wiki/mcp', '/mcp', '/mcp/mail', '/mcp/wiki,mail']) {
        statuses[path] = (await use(path, token)).status;
      }
      expect(statuses).toEqual({
        '/mcp/wiki': 200,
        '/wiki/mcp': 200,
        '/mcp': 401,
        '/mcp/mail': 401,
        '/mcp/wiki,mail': 401,
      });
      const refused = await use('/mcp/mail', token);
      expect(refused.headers.get('www-authenticate')).toContain('error="invalid_token"');
      for (const path of ['/key/info', '/v1/mcp/server', '/mcp-rest/tools/list', '/v1/oauth/grants']) {
        const response = await fetch(`${gateway.url}${path}`, { headers: { authorization: `Bearer ${token}` } });
        expect([path, response.status]).toEqual([path, 401]);
      }
    });

    test('of an administrator do not open the control plane either', async () => {
      const { access_token: token } = await tokensFor(gateway.url, gateway.key);
      expect((await use('/mcp', token)).status).toBe(200);
      const response = await fetch(`${gateway.url}/key/list`, { headers: { authorization: `Bearer ${token}` } });
      expect(response.status).toBe(401);
    });

    test('with one changed character are nobody’s', async () => {
      const { access_token: token } = await tokensFor(gateway.url, other.key);
      const middle = Math.floor(token.length / 2);
      const changed = `${token.slice(0, middle)}${token[middle] === 'A' ? 'B' : 'A'}${token.slice(middle + 1)}`;
      expect((await use('/mcp', changed)).status).toBe(401);
    });

    test('a refresh token that comes again ends the grant', async () => {
      const tokens = await tokensFor(gateway.url, other.key);
      const refresh = (token: string) =>
        form<typeof tokens>(`${gateway.url}/token`, {
          grant_type: 'refresh_token',
          refresh_token: token,
          client_id: tokens.clientId,
        });
      const second = await refresh(tokens.refresh_token);
      expect(second.status).toBe(200);
      expect(second.headers.get('cache-control')).toBe('no-store');
      expect((await use('/mcp', second.body.access_token)).status).toBe(200);
      expect((await refresh(tokens.refresh_token)).body).toMatchObject({ error: 'invalid_grant' });
      expect((await use('/mcp', second.body.access_token)).status).toBe(401);
      expect((await refresh(second.body.refresh_token)).body).toMatchObject({ error: 'invalid_grant' });
    });

    test('are refreshed by their own client only, for their own endpoint only', async () => {
      const tokens = await tokensFor(gateway.url, other.key);
      const fields = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, client_id: tokens.clientId };
      const ask = (changes: Record<string, string>) => form(`${gateway.url}/token`, { ...fields, ...changes });
      expect((await ask({ client_id: clientId })).body).toMatchObject({ error: 'invalid_grant' });
      expect((await ask({ resource: `${gateway.url}/mcp/wiki` })).body).toMatchObject({ error: 'invalid_target' });
      expect((await ask({ refresh_token: tokens.access_token })).body).toMatchObject({ error: 'invalid_grant' });
      expect((await use('/mcp', tokens.refresh_token)).status).toBe(401);
      expect((await ask({ resource: `${gateway.url}/mcp` })).status).toBe(200);
    });

    test('are revoked by their client, and not by another', async () => {
      const tokens = await tokensFor(gateway.url, other.key);
      const revoke = (id: string, token: string) => form(`${gateway.url}/revoke`, { token, client_id: id });
      expect((await revoke(clientId, tokens.refresh_token)).status).toBe(200);
      expect((await use('/mcp', tokens.access_token)).status).toBe(200);
      expect((await revoke(tokens.clientId, tokens.refresh_token)).status).toBe(200);
      expect((await use('/mcp', tokens.access_token)).status).toBe(401);
      expect((await revoke(tokens.clientId, 'nothing of ours')).status).toBe(200);
    });

    test('never travel to servers', async () => {
      const { access_token: token } = await tokensFor(gateway.url, other.key);
      await use('/mcp', token);
      await rpc(`${gateway.url}/mcp/wiki`, 'tools/list', undefined, {
        headers: {
          'x-litellm-api-key': other.key,
          authorization: `Bearer ${token}`,
          'x-mcp-wiki-authorization': `Bearer ${token}`,
        },
      });
      expect(JSON.stringify(upstream.requests)).not.toContain(token);
    });
  });

  test('a confidential client shows its secret', async () => {
    const registered = await register(gateway.url, { token_endpoint_auth_method: 'client_secret_post' });
    expect(registered.status).toBe(201);
    const id = String(registered.body['client_id']);
    const authorized = await codeFor(gateway.url, new Person(other.key), { client_id: id });
    for (const secret of [undefined, 'wrong', 'ghs_wrong.wrong']) {
      const { status, body } = await redeem(
        gateway.url,
        authorized,
        secret === undefined ? {} : { client_secret: secret },
      );
      expect([secret, status, (body as unknown as { error: string }).error]).toEqual([secret, 401, 'invalid_client']);
    }
    const good = await redeem(gateway.url, authorized, { client_secret: String(registered.body['client_secret']) });
    expect(good.status).toBe(200);
  });

  test.each([
    ['a secret in the wrong place', { token_endpoint_auth_method: 'private_key_jwt' }, 'invalid_client_metadata'],
    ['no address', { redirect_uris: [] }, 'invalid_redirect_uri'],
    [
      'too many addresses',
      { redirect_uris: Array.from({ length: 21 }, (_, index) => `https://a.example/${index}`) },
      'invalid_redirect_uri',
    ],
    ['another kind of application', { application_type: 'service' }, 'invalid_client_metadata'],
    ['no code flow', { grant_types: ['implicit'] }, 'invalid_client_metadata'],
  ])('registration refuses %s', async (_what, metadata, error) => {
    const { status, body } = await register(gateway.url, metadata);
    expect([status, body['error']]).toEqual([400, error]);
  });

  test('registration says what a client got, and refuses bodies without end', async () => {
    const { status, headers, body } = await register(gateway.url, {
      application_type: 'native',
      grant_types: ['authorization_code', 'implicit'],
    });
    expect(status).toBe(201);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toMatchObject({
      application_type: 'native',
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: [CALLBACK],
      token_endpoint_auth_method: 'none',
    });
    expect(body).not.toHaveProperty('client_secret');
    const huge = await register(gateway.url, { client_name: 'x'.repeat(100_000) });
    expect(huge.status).toBe(413);
  });

  test('Host must be ours', async () => {
    for (const path of ['/authorize', '/login?next=/', '/.well-known/oauth-authorization-server']) {
      const { request } = await import('node:http');
      const status = await new Promise((resolve, reject) => {
        request(`${gateway.url}${path}`, { headers: { host: 'evil.example' } }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        })
          .on('error', reject)
          .end();
      });
      expect([path, status]).toEqual([path, 403]);
    }
  });

  test('a sign-in leads on to our own pages only', async () => {
    for (const next of ['https://evil.example', '//evil.example', '/\\evil.example', 'javascript:alert(1)', '']) {
      const page = await newBrowser().get(`${gateway.url}/login?${new URLSearchParams({ next }).toString()}`);
      expect([next, page.status]).toEqual([next, 400]);
    }
  });

  test('errors of the token endpoint are those of OAuth (defect 29)', async () => {
    const unsupported = await form(`${gateway.url}/token`, { grant_type: 'password', client_id: clientId });
    expect([unsupported.status, unsupported.body]).toEqual([
      400,
      { error: 'unsupported_grant_type', error_description: 'Unsupported grant_type' },
    ]);
    const json = await fetch(`${gateway.url}/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    expect([json.status, ((await json.json()) as { error: string }).error]).toEqual([400, 'invalid_request']);
    const basic = await form(
      `${gateway.url}/token`,
      { grant_type: 'refresh_token' },
      { authorization: `Basic ${Buffer.from('ghc_x:y').toString('base64')}` },
    );
    expect([basic.status, basic.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="gatehouse"']);
    const twice = await fetch(`${gateway.url}/token`, {
      method: 'POST',
      body: new URLSearchParams([
        ['code', 'a'],
        ['code', 'b'],
      ]),
    });
    expect(twice.status).toBe(400);
  });

  test('near the end: a wrong key signs nobody in, and trying is bounded', async () => {
    const statuses: number[] = [];
    const browser = newBrowser();
    let page: Page = await browser.get(url());
    for (let attempt = 0; attempt < 31; attempt += 1) {
      page = await browser.submit(page, { key: `sk-wrong-wrong-wrong-${attempt}` });
      statuses.push(page.status);
    }
    expect([...new Set(statuses)]).toEqual([401, 429]);
    expect(page.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(browser.cookies(gateway.url).has('gatehouse-session')).toBe(false);
  });

  test('last of all: handles that are made up are asked about so often a minute, and no more', async () => {
    const browser = 'b'.repeat(43);
    const statuses = new Set<number>();
    const answers = async (): Promise<number[]> =>
      Promise.all(
        Array.from({ length: 100 }, async (_, index) => {
          const response = await fetch(
            `${gateway.url}/login/callback?code=x&state=${String(index).padStart(43, 's')}`,
            {
              headers: { cookie: `gatehouse-browser=${browser}` },
            },
          );
          await response.text();
          return response.status;
        }),
      );
    for (let round = 0; round < 8; round += 1) for (const status of await answers()) statuses.add(status);
    expect([...statuses].sort()).toEqual([403, 429]);
  });
});

function fieldsOf(page: Page): Record<string, string> {
  const fields = [...page.text.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g)];
  return Object.fromEntries(fields.map(([, name = '', value = '']) => [name, value]));
}

function cookieOf(person: Person): string {
  const [origin] = person.browser.visited.map((address) => new URL(address).origin);
  return [...person.browser.cookies(origin ?? '')].map(([name, value]) => `${name}=${value}`).join('; ');
}
