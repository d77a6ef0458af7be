import { relayWorld, type RelayWorld } from './relay-world.js';
import { newBrowser, sdkClient } from './sdk-client.js';

describe.each(['v1', 'v2', 'v2 modern'] as const)(
  'the OAuth flow of an SDK %s client, with its key in x-litellm-api-key',
  (version) => {
    let world: RelayWorld;
    beforeAll(async () => {
      world = await relayWorld({ server: { challengeScope: 'mcp:read' } });
    });
    afterAll(() => world.close());

    it('completes with dynamic registration, calls tools, outlives the access token, and is refused after revocation', async () => {
      const { provider, server, gateway, endpoint } = world;
      const client = sdkClient(version, endpoint, gateway.key);
      await client.connect(newBrowser());
      expect(await client.listTools()).toEqual(['whoami', 'echo', 'write']);
      expect(JSON.parse(await client.call('whoami'))).toMatchObject({ user: 'alice', scopes: ['mcp:read'] });

      const first = client.oauth.saved;
      expect(first?.access_token).toMatch(/^ghu_/);
      expect(first?.refresh_token).toMatch(/^ghv_/);
      expect(first?.expires_in).toBeGreaterThan(3_000);

      provider.expireAccessTokens();
      expect(await client.call('echo', { text: 'still here' })).toBe('still here');
      expect(client.oauth.history.length).toBeGreaterThan(1);
      expect(client.oauth.saved?.access_token).not.toBe(first?.access_token);

      provider.revokeAll();
      await expect(client.call('whoami')).rejects.toThrow();
      await client.close();

      // The key never went upstream, and the client never saw a token of the upstream.
      const upstream = `${server.transcript()}${provider.transcript()}`;
      expect(upstream).not.toContain(gateway.key);
      expect(upstream).not.toContain('x-litellm-api-key');
      expect(upstream).not.toMatch(/gh[uv]_/);
      for (const { access_token, refresh_token } of client.oauth.history) {
        expect(await provider.lookUp(access_token)).toBeUndefined();
        expect(upstream).not.toContain(access_token);
        expect(upstream).not.toContain(refresh_token);
      }
    });

    it('completes with a client id that was stored beforehand: the name of the server', async () => {
      const client = sdkClient(version, world.endpoint, world.gateway.key, {
        stored: { client_id: 'guarded', issuer: `${world.gateway.url}/guarded` },
      });
      await client.connect(newBrowser());
      expect(JSON.parse(await client.call('whoami'))).toMatchObject({ user: 'alice' });
      await client.close();
    });

    it('works at /{name}/mcp as it does at /mcp/{name}', async () => {
      const client = sdkClient(version, `${world.gateway.url}/guarded/mcp`, world.gateway.key);
      await client.connect(newBrowser());
      expect(await client.call('echo', { text: 'hi' })).toBe('hi');
      await client.close();
    });
  },
);

// SDK v1 refreshes what it has instead, and gives up.
describe.each(['v2', 'v2 modern'] as const)('an SDK %s client', (version) => {
  let world: RelayWorld;
  beforeAll(async () => {
    world = await relayWorld({ server: { challengeScope: 'mcp:read' } });
  });
  afterAll(() => world.close());

  it('asks for more rights when a tool needs them, and for all it has besides (step-up)', async () => {
    const client = sdkClient(version, world.endpoint, world.gateway.key);
    const browser = newBrowser();
    await client.connect(browser);
    await expect(client.call('write')).rejects.toThrow();
    const asked = client.oauth.authorizationUrl?.searchParams.get('scope')?.split(' ');
    expect(asked).toEqual(expect.arrayContaining(['mcp:read', 'mcp:write']));
    await client.signIn(browser);
    expect(await client.call('write')).toBe('written');
    await client.close();
  });
});
