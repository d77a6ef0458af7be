import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { CookieBrowser } from './cookie-browser.js';
import { OauthClient } from './oauth-client.js';
import { oauthProvider, type OauthProvider } from './oauth-provider.js';
import { protectedServer, type ProtectedServer } from './protected-server.js';

describe.each([undefined, '/tenant'])('a protected MCP server and its authorization server at %s', (issuerPath) => {
  let provider: OauthProvider;
  let server: ProtectedServer;
  const oauth = new OauthClient();

  beforeAll(async () => {
    provider = await oauthProvider(issuerPath === undefined ? {} : { issuerPath });
    server = await protectedServer({ provider, challengeScope: 'mcp:read' });
  });
  afterAll(async () => {
    await server.close();
    await provider.close();
  });

  const connect = async () => {
    const client = new Client({ name: 'direct', version: '1.0.0' });
    const transport = new StreamableHTTPClientTransport(new URL(server.url), { authProvider: oauth });
    return { client, transport, done: client.connect(transport) };
  };

  it('lets a client of the SDK in after its own OAuth flow, and refuses it when every grant was ended', async () => {
    const { transport, done } = await connect();
    await expect(done).rejects.toThrow(UnauthorizedError);

    const browser = new CookieBrowser((url) => url.href.startsWith(oauth.redirectUrl));
    const page = await browser.get(oauth.takeAuthorizationUrl());
    expect(page.url.searchParams.get('iss')).toBe(provider.issuer);
    await transport.finishAuth(page.url.searchParams.get('code') ?? '');

    const { client, done: again } = await connect();
    await again;
    const said = await client.callTool({ name: 'whoami', arguments: {} });
    expect(JSON.stringify(said)).toContain('alice');
    expect(oauth.saved?.refresh_token).toEqual(expect.any(String));
    expect(server.requests.some(({ refused }) => refused === 401)).toBe(true);

    provider.expireAccessTokens();
    await client.callTool({ name: 'echo', arguments: { text: 'refreshed' } });
    expect(oauth.history).toHaveLength(2);

    provider.revokeAll();
    await expect(client.callTool({ name: 'whoami', arguments: {} })).rejects.toThrow();
    await client.close();
  });
});
