import { oauthProvider, type OauthProvider } from '../../harness/oauth-provider.js';
import { protectedServer, type ProtectedServer } from '../../harness/protected-server.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { newBrowser, sdkClient } from './sdk-client.js';

describe('a server that changes its authorization server', () => {
  let providers: readonly [OauthProvider, OauthProvider];
  let server: ProtectedServer;
  let gateway: TestGateway;

  beforeAll(async () => {
    providers = await Promise.all([oauthProvider(), oauthProvider()]);
    server = await protectedServer({ provider: providers[0] });
    gateway = await startGateway({ config: { mcp_servers: { guarded: { url: server.url, auth_type: 'oauth2' } } } });
  }, 60_000);

  afterAll(async () => {
    await gateway.close();
    await server.close();
    await Promise.all(providers.map((provider) => provider.close()));
  });

  it('has its users sign in at the new one, as a client that is registered there', async () => {
    const client = sdkClient('v1', `${gateway.url}/mcp/guarded`, gateway.key);
    await client.connect(newBrowser());
    expect(JSON.parse(await client.call('whoami'))).toMatchObject({ user: 'alice' });

    const { port } = new URL(server.url);
    await server.close();
    server = await protectedServer({ provider: providers[1], port: Number(port) });
    await expect(client.call('whoami')).rejects.toThrow();

    client.oauth.invalidateCredentials('tokens');
    await client.connect(newBrowser());
    expect(JSON.parse(await client.call('whoami'))).toMatchObject({ user: 'alice' });
    await client.close();
  });
});
