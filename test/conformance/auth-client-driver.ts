/**
 * The client that the suite tests in its scenarios of authorization: a plain SDK client with its key, whose own OAuth flow
 * runs against the gateway, which is the OAuth client of the scenario's servers. Called like `client-driver.ts`.
 *
 *   auth-client-driver.ts URL
 */
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CookieBrowser } from '../harness/cookie-browser.js';
import { OauthClient } from '../harness/oauth-client.js';
import { withScenarioServer } from './scenario-server.js';

/** Nobody listens there: it is where the browser stops. */
const REDIRECT = 'http://127.0.0.1:9/callback';
/** Of a client that has a document of its own: the scenario knows it by that. */
const DOCUMENT = 'https://conformance-test.local/client-metadata.json';
/** Sign-ins a person goes through before giving up. */
const SIGN_INS_MAX = 4;

const context = JSON.parse(process.env['MCP_CONFORMANCE_CONTEXT'] ?? '{}') as {
  readonly client_id?: string;
  readonly client_secret?: string;
  readonly private_key_pem?: string;
  readonly signing_algorithm?: string;
  readonly idp_id_token?: string;
  readonly idp_token_endpoint?: string;
};

/** What an administrator writes of the server, given what the scenario hands out. */
function definition(): object {
  const { client_id: id, client_secret: secret, private_key_pem: key, signing_algorithm: algorithm } = context;
  const client = {
    ...(id === undefined ? {} : { client_id: id }),
    ...(secret === undefined ? {} : { client_secret: secret }),
    ...(key === undefined ? {} : { client_private_key: key }),
  };
  const credentials = Object.keys(client).length === 0 ? {} : { credentials: client };
  switch (process.env['MCP_CONFORMANCE_SCENARIO']) {
    case 'auth/basic-cimd':
      return { auth_type: 'oauth2', credentials: { client_id: DOCUMENT } };
    case 'auth/client-credentials-jwt':
    case 'auth/client-credentials-basic': {
      const flow = { auth_type: 'oauth2', oauth2_flow: 'client_credentials', ...credentials };
      return algorithm === undefined ? flow : { ...flow, client_assertion_signing_alg: algorithm };
    }
    case 'auth/enterprise-managed-authorization':
      return { auth_type: 'oauth2_id_jag', token_exchange_endpoint: context.idp_token_endpoint, ...credentials };
    default:
      return { auth_type: 'oauth2', ...credentials };
  }
}

/** What the user does: agrees to what the gateway asks, and signs in upstream, where nothing is asked. */
async function signIn(browser: CookieBrowser, url: URL): Promise<string> {
  let page = await browser.get(url);
  if (page.text.includes('name="decision"')) page = await browser.submit(page, {}, 'decision=allow');
  const code = page.url.href.startsWith(REDIRECT) ? page.url.searchParams.get('code') : undefined;
  if (code === undefined || code === null) throw new Error(`No code at ${page.url.href}: ${page.text.slice(0, 2_000)}`);
  return code;
}

async function useTools(url: URL, key: string): Promise<void> {
  const oauth = new OauthClient({ redirectUrl: REDIRECT });
  const browser = new CookieBrowser((at) => at.href.startsWith(REDIRECT));
  // Whom the company's provider vouches for has nothing to sign in to.
  const identity = context.idp_id_token === undefined ? undefined : { authorization: `Bearer ${context.idp_id_token}` };
  for (let signIns = 0; ; signIns += 1) {
    const transport = new StreamableHTTPClientTransport(url, {
      requestInit: { headers: { 'x-litellm-api-key': `Bearer ${key}`, ...identity } },
      ...(identity === undefined ? { authProvider: oauth } : {}),
    });
    const client = new Client({ name: 'gatehouse-conformance', version: '1.0.0' });
    try {
      await client.connect(transport);
      const { tools } = await client.listTools();
      for (const { name } of tools) process.stdout.write(`${JSON.stringify(await client.callTool({ name }))}\n`);
      return;
    } catch (error) {
      if (!(error instanceof UnauthorizedError) || signIns >= SIGN_INS_MAX) throw error;
      await transport.finishAuth(await signIn(browser, oauth.takeAuthorizationUrl()));
    } finally {
      await client.close();
    }
  }
}

await withScenarioServer(definition(), useTools);
