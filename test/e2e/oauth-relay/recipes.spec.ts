import { listenHttps } from '../../harness/https-listen.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { authorizeUrl, post, refresh } from './relay-requests.js';
import { relayWorld } from './relay-world.js';
import { allow, CLIENT_REDIRECT, newBrowser, sdkClient, VERIFIER } from './sdk-client.js';

const STORED = { client_id: 'the-stored-client', client_secret: 'canary-of-the-stored-secret' };

describe('the documented recipes', () => {
  it('github_mcp: stored client id and secret, urls and scopes; the client holds neither', async () => {
    const world = await relayWorld({
      provider: {
        registration: false,
        clients: [
          {
            ...STORED,
            // The gateway's own callback, whose port is known later: loopback clients of this provider may have any.
            redirect_uris: ['http://127.0.0.1/callback'],
            application_type: 'native',
            token_endpoint_auth_method: 'client_secret_post',
            grant_types: ['authorization_code', 'refresh_token'],
          },
        ],
      },
    });
    const github = await relayWorld({
      gateway: { env: { GITHUB_CLIENT_SECRET: STORED.client_secret } },
      servers: {
        github_mcp: {
          url: world.server.url,
          auth_type: 'oauth2',
          oauth2_flow: 'authorization_code',
          authorization_url: `${world.provider.origin}/auth`,
          token_url: `${world.provider.origin}/token`,
          client_id: STORED.client_id,
          client_secret: 'os.environ/GITHUB_CLIENT_SECRET',
          scopes: ['mcp:read', 'mcp:write'],
        },
      },
    });
    try {
      const endpoint = `${github.gateway.url}/mcp/github_mcp`;
      const client = sdkClient('v1', endpoint, github.gateway.key);
      await client.connect(newBrowser());
      expect(JSON.parse(await client.call('whoami'))).toEqual({
        user: 'alice',
        clientId: STORED.client_id,
        scopes: ['mcp:read', 'mcp:write'],
      });
      expect(await client.call('write')).toBe('written');
      world.provider.expireAccessTokens();
      expect(await client.call('echo', { text: 'refreshed' })).toBe('refreshed');
      await client.close();
      expect(JSON.stringify(client.oauth)).not.toContain(STORED.client_secret);
      expect(github.gateway.logs()).not.toContain(STORED.client_secret);
    } finally {
      await github.close();
      await world.close();
    }
  });

  it('atlassian: nothing but the url; everything is discovered, the gateway registers itself once', async () => {
    const world = await relayWorld({ server: { metadata: 'none' } });
    try {
      // Without resource metadata the server's own origin is asked, which has none either here: the rest is like theirs.
      const page = await newBrowser().get(authorizeUrl(world.gateway.url));
      expect(page.text).toContain('name="decision"');
    } finally {
      await world.close();
    }
    const atlassian = await relayWorld({ server: { metadata: 'path', scopesSupported: ['mcp:read', 'mcp:write'] } });
    try {
      for (const version of ['v1', 'v2'] as const) {
        const client = sdkClient(version, atlassian.endpoint, atlassian.gateway.key);
        await client.connect(newBrowser());
        expect(JSON.parse(await client.call('whoami'))).toMatchObject({ scopes: ['mcp:read', 'mcp:write'] });
        await client.close();
      }
      expect(atlassian.provider.seen('/reg').filter(({ method }) => method === 'POST')).toHaveLength(1);
    } finally {
      await atlassian.close();
    }
  });

  it('former clients: /authorize and /token with the name of the server as client_id, no resource, no issuer below ours', async () => {
    const world = await relayWorld();
    const base = world.gateway.url;
    try {
      const browser = newBrowser();
      const page = await browser.get(authorizeUrl(base, { path: '/authorize' }));
      const back = await allow(browser, page);
      expect(back.searchParams.get('iss')).toBe(base);
      const code = back.searchParams.get('code') ?? '';
      const form = {
        grant_type: 'authorization_code',
        code,
        client_id: 'guarded',
        code_verifier: VERIFIER,
        redirect_uri: CLIENT_REDIRECT,
      };
      const { body } = await post(`${base}/token`, form, world.gateway.key);
      const renewed = await refresh(base, body.refresh_token, { path: '/token' });
      const { message } = await rpc(
        world.endpoint,
        'tools/call',
        { name: 'whoami', arguments: {} },
        {
          key: world.gateway.key,
          headers: { authorization: `Bearer ${renewed.body.access_token}` },
        },
      );
      expect(JSON.stringify(message?.result)).toContain('alice');
      await post(`${base}/revoke`, { token: renewed.body.access_token, client_id: 'guarded' });
      expect((await refresh(base, renewed.body.refresh_token, { path: '/token' })).body.error).toBe('invalid_grant');
    } finally {
      await world.close();
    }
  });
});

describe('addresses', () => {
  it('below SERVER_ROOT_PATH everything is found, goes round and comes back', async () => {
    const world = await relayWorld({ gateway: { env: { SERVER_ROOT_PATH: '/gate' } } });
    const base = `${world.gateway.url}/gate`;
    try {
      for (const version of ['v1', 'v2'] as const) {
        const client = sdkClient(version, `${base}/mcp/guarded`, world.gateway.key);
        await client.connect(newBrowser());
        expect(JSON.parse(await client.call('whoami'))).toMatchObject({ user: 'alice' });
        await client.close();
      }
      expect(world.provider.seen('/auth').at(-1)?.query.get('redirect_uri')).toBe(`${base}/callback`);
    } finally {
      await world.close();
    }
  });

  it('behind PROXY_BASE_URL on https the gateway is known by its metadata document, and so are clients of its own', async () => {
    const proxied = 'https://gateway.example';
    let own = '';
    // The public name leads to the gateway of this test, as a reverse proxy would have it.
    const inside = (url: string) => url.replace(proxied, own);
    const world = await relayWorld({
      provider: { fetchClientDocument: (url) => fetch(inside(url)) },
      gateway: { env: { PROXY_BASE_URL: proxied } },
    });
    own = world.gateway.url;
    try {
      const document = (await (await fetch(`${own}/.well-known/oauth-client`)).json()) as Record<string, unknown>;
      expect(document).toMatchObject({
        client_id: `${proxied}/.well-known/oauth-client`,
        redirect_uris: [`${proxied}/callback`],
        token_endpoint_auth_method: 'none',
      });
      const held = await tokensThrough(own, proxied);
      const { message } = await rpc(
        `${own}/mcp/guarded`,
        'tools/call',
        { name: 'whoami', arguments: {} },
        {
          key: world.gateway.key,
          headers: { authorization: `Bearer ${held}` },
        },
      );
      expect(JSON.stringify(message?.result)).toContain('https://gateway.example/.well-known/oauth-client');
      expect(world.provider.seen('/reg')).toEqual([]);
    } finally {
      await world.close();
    }
  });
});

/** A sign-in of a browser to which the gateway has its public name. */
async function tokensThrough(own: string, proxied: string): Promise<string> {
  const browser = newBrowser(proxied, own);
  const back = await allow(browser, await browser.get(authorizeUrl(proxied)));
  const form = {
    grant_type: 'authorization_code',
    code: back.searchParams.get('code') ?? '',
    client_id: 'guarded',
    code_verifier: VERIFIER,
  };
  return (await post(`${own}/guarded/token`, form)).body.access_token;
}

describe('clients with a metadata document', () => {
  it('are known by it at the issuer of a server, and asked for by its host (SDK v1 and v2)', async () => {
    const host = await listenHttps((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const client_id = `${host.origin}/client.json`;
      response.end(JSON.stringify({ client_id, client_name: 'Published', redirect_uris: [CLIENT_REDIRECT] }));
    });
    const world = await relayWorld({ settings: { oauth: { client_metadata_hosts: ['127.0.0.1'] } } });
    const clientMetadataUrl = `${host.origin}/client.json`;
    try {
      for (const version of ['v1', 'v2'] as const) {
        const client = sdkClient(version, world.endpoint, world.gateway.key, { clientMetadataUrl });
        await client.connect(newBrowser());
        expect(client.oauth.client?.client_id).toBe(clientMetadataUrl);
        expect(JSON.parse(await client.call('whoami'))).toMatchObject({ user: 'alice' });
        await client.close();
      }
      const page = await newBrowser().get(authorizeUrl(world.gateway.url, { client_id: clientMetadataUrl }));
      expect(page.text).toContain(`Published (${new URL(host.origin).host})`);
    } finally {
      await world.close();
      await host.close();
    }
  });
});
