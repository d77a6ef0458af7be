/**
 * The client that the conformance suite tests in its scenarios for machines: a plain SDK client, through a gateway whose
 * upstream is the server of the scenario and which holds the credentials. The suite appends the URL and sets
 * `MCP_CONFORMANCE_CONTEXT`; `GATEHOUSE_URL` and `GATEHOUSE_KEY` name the gateway.
 */
import { randomBytes } from 'node:crypto';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

interface Context {
  readonly client_id: string;
  readonly client_secret?: string;
  readonly private_key_pem?: string;
  readonly signing_algorithm?: string;
  readonly idp_id_token?: string;
  readonly idp_token_endpoint?: string;
}

const [url] = process.argv.slice(2);
const { GATEHOUSE_URL: gateway = '', GATEHOUSE_KEY: key = '' } = process.env;
const context = JSON.parse(process.env['MCP_CONFORMANCE_CONTEXT'] ?? '{}') as Context;
const name = `scenario_${randomBytes(6).toString('hex')}`;

const byMachine = { auth_type: 'oauth2', oauth2_flow: 'client_credentials' };
const byCompany = { auth_type: 'oauth2_id_jag', token_exchange_endpoint: context.idp_token_endpoint };
const response = await fetch(`${gateway}/v1/mcp/server`, {
  method: 'POST',
  headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
  body: JSON.stringify({
    server_id: name,
    server_name: name,
    transport: 'http',
    url,
    ...(context.idp_token_endpoint === undefined ? byMachine : byCompany),
    ...(context.signing_algorithm === undefined ? {} : { client_assertion_signing_alg: context.signing_algorithm }),
    credentials: {
      client_id: context.client_id,
      ...(context.client_secret === undefined ? {} : { client_secret: context.client_secret }),
      ...(context.private_key_pem === undefined ? {} : { client_private_key: context.private_key_pem }),
    },
  }),
});
if (!response.ok) throw new Error(await response.text());

const client = new Client({ name: 'gatehouse-conformance', version: '1.0.0' });
const headers = {
  'x-litellm-api-key': key,
  ...(context.idp_id_token === undefined ? {} : { authorization: `Bearer ${context.idp_id_token}` }),
};
await client.connect(
  new StreamableHTTPClientTransport(new URL(`${gateway}/mcp/${name}`), { requestInit: { headers } }),
);
const { tools } = await client.listTools();
for (const tool of tools) await client.callTool({ name: tool.name, arguments: {} });
await client.close();
