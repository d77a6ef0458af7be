import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { randomBytes } from 'node:crypto';
import { CookieBrowser, type Page } from '../../harness/cookie-browser.js';
import { OauthClient, type OauthClientOptions } from '../../harness/oauth-client.js';

/** Where clients of these tests wait for their user's browser. Nobody listens; the browser stops there. */
export const CLIENT_REDIRECT = 'http://127.0.0.1:9/callback';

/** A browser of one person, which stops where the client waits. `named` leads to `origin`, as a reverse proxy would have it. */
export function newBrowser(named?: string, origin?: string): CookieBrowser {
  return new CookieBrowser(
    (url) => url.href.startsWith('http://127.0.0.1:9/') || url.host === 'app.example',
    (url) => new URL(named === undefined || origin === undefined ? url : url.href.replace(named, origin)),
  );
}

/** Presses "Allow" on the gateway's page, and goes on until the browser is sent back to the client. */
export async function allow(browser: CookieBrowser, page: Page): Promise<URL> {
  if (!page.text.includes('name="decision"')) throw new Error(`No question at ${page.url.href}: ${page.text}`);
  return (await browser.submit(page, {}, 'decision=allow')).url;
}

/** An MCP client with its OAuth state, in the words both versions of the SDK share. */
export interface TestClient {
  readonly oauth: OauthClient;
  /** Connects; with a browser, signs in when the gateway asks for it. */
  connect(browser?: CookieBrowser): Promise<void>;
  /** Goes where the gateway sent the client, and comes back with tokens. */
  signIn(browser: CookieBrowser): Promise<void>;
  listTools(): Promise<readonly string[]>;
  /** The text of the result. */
  call(name: string, args?: Record<string, unknown>): Promise<string>;
  close(): Promise<void>;
}

/** `v2 modern` speaks the revision of 2026-07-28, as far as the gateway does. */
export type SdkVersion = 'v1' | 'v2' | 'v2 modern';

/**
 * A client as the documented recipe sets it up: its key in `x-litellm-api-key`, `Authorization` left to the SDK's own OAuth.
 */
export function sdkClient(version: SdkVersion, url: string, key: string, options: OauthClientOptions = {}): TestClient {
  const oauth = new OauthClient({ redirectUrl: CLIENT_REDIRECT, ...options });
  const init = { requestInit: { headers: { 'x-litellm-api-key': `Bearer ${key}` } }, authProvider: oauth };
  const identity = { name: `oauth-${version}`, version: '1.0.0' };
  let client: ClientV1 | ClientV2;
  let transport: TransportV1 | TransportV2;
  const attempt = async (): Promise<void> => {
    if (version === 'v1') {
      const made = new ClientV1(identity);
      const its = new TransportV1(new URL(url), init);
      [client, transport] = [made, its];
      await made.connect(its);
      return;
    }
    const made = new ClientV2(identity, version === 'v2' ? { versionNegotiation: { mode: 'legacy' } } : {});
    const its = new TransportV2(new URL(url), init);
    [client, transport] = [made, its];
    await made.connect(its);
  };
  const signIn = async (browser: CookieBrowser): Promise<void> => {
    const back = await allow(browser, await browser.get(oauth.takeAuthorizationUrl()));
    const code = back.searchParams.get('code');
    if (code === null) throw new Error(`No code: ${back.href}`);
    await (transport instanceof TransportV1 ? transport.finishAuth(code) : transport.finishAuth(back.searchParams));
  };
  return {
    oauth,
    signIn,
    async connect(browser) {
      try {
        await attempt();
      } catch (error) {
        if (browser === undefined || oauth.authorizationUrl === undefined) throw error;
        await signIn(browser);
        await attempt();
      }
    },
    listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
    async call(name, args = {}) {
      const { content } = (await client.callTool({ name, arguments: args })) as { content: { text?: string }[] };
      return content[0]?.text ?? '';
    },
    close: () => client.close(),
  };
}

/** PKCE as a client does it by hand. */
export const VERIFIER = randomBytes(32).toString('base64url');
