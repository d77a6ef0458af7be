/**
 * The client that the conformance suite tests in its scenarios for people: an SDK client through a gateway whose upstream is the
 * server of the scenario, so what the suite sees is the gateway as OAuth client. The suite appends the URL and sets
 * `MCP_CONFORMANCE_CONTEXT`; `GATEHOUSE_URL` and `GATEHOUSE_KEY` name the gateway.
 */
import { randomBytes } from 'node:crypto';
import { newBrowser, sdkClient } from './sdk-client.js';

interface Context {
  readonly client_id?: string;
  readonly client_secret?: string;
}

const [url] = process.argv.slice(2);
const { GATEHOUSE_URL: gateway = '', GATEHOUSE_KEY: key = '' } = process.env;
const context = JSON.parse(process.env['MCP_CONFORMANCE_CONTEXT'] ?? '{}') as Context;
const name = `scenario_${randomBytes(6).toString('hex')}`;
/** A client that is refused again after it signed in again gives up. */
const ATTEMPTS_MAX = 3;

const response = await fetch(`${gateway}/v1/mcp/server`, {
  method: 'POST',
  headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
  body: JSON.stringify({
    server_id: name,
    server_name: name,
    transport: 'http',
    url,
    auth_type: 'oauth2',
    oauth2_flow: 'authorization_code',
    ...(context.client_id === undefined
      ? {}
      : { credentials: { client_id: context.client_id, client_secret: context.client_secret } }),
  }),
});
if (!response.ok) throw new Error(await response.text());

const browser = newBrowser();
const client = sdkClient('v1', `${gateway}/mcp/${name}`, key);

/** Signs in (again) whenever the gateway says so. */
async function persist<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (client.oauth.authorizationUrl === undefined || attempt === ATTEMPTS_MAX) throw error;
      await client.signIn(browser);
    }
  }
}

await client.connect(browser);
for (const tool of await persist(() => client.listTools())) await persist(() => client.call(tool));
await client.close();
