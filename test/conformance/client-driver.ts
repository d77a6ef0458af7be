/**
 * The client that the suite tests: a plain SDK client of the era named, through a gateway whose upstream is the server of
 * the scenario. The suite appends its URL and sets the environment; `GATEHOUSE_URL` and `GATEHOUSE_KEY` name the gateway.
 *
 *   client-driver.ts legacy|modern URL
 */
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { isObject, type Json } from './fixture/call.js';
import { withScenarioServer } from './scenario-server.js';

type Headers = Readonly<Record<string, string>>;

interface Tool {
  readonly name: string;
  readonly inputSchema: Json;
}

const [era] = process.argv.slice(2);
const context = JSON.parse(process.env['MCP_CONFORMANCE_CONTEXT'] ?? '{}') as {
  readonly toolCalls?: readonly { readonly name: string; readonly arguments: Json }[];
};
const IDENTITY = { name: 'gatehouse-conformance', version: '1.0.0' };
/** Of what only the first is asked for in any scenario; the others are to reach the server as they are. */
const CAPABILITIES = { elicitation: { form: { applyDefaults: true } }, sampling: {}, roots: {} };

/** What the user says to every form: the defaults it comes with, and yes. */
function accept(params: Json): { action: 'accept'; content: Record<string, string | number | boolean | string[]> } {
  const schema = params['requestedSchema'];
  const properties = isObject(schema) && isObject(schema['properties']) ? schema['properties'] : {};
  const answers = Object.entries(properties).map(([name, property]): [string, string | number | boolean | string[]] => {
    const preset = isObject(property) ? property['default'] : undefined;
    return [name, (preset ?? (valueOf(property) as string | boolean)) as string];
  });
  return { action: 'accept', content: Object.fromEntries(answers) };
}

/** Something that a schema of an argument takes. */
function valueOf(schema: unknown): unknown {
  switch (isObject(schema) ? schema['type'] : undefined) {
    case 'number':
    case 'integer':
      return 5;
    case 'boolean':
      return true;
    case 'object':
      return {};
    case 'array':
      return [];
    case 'null':
      return null;
    default:
      return 'value';
  }
}

function argumentsFor(tool: Tool, tools: readonly Tool[]): Json {
  if (tool.name === 'json_schema_echo') {
    return { schema: tools.find(({ name }) => name === 'json_schema_2020_12_tool')?.inputSchema };
  }
  const { properties } = tool.inputSchema;
  return Object.fromEntries(
    Object.entries(isObject(properties) ? properties : {}).map(([name, schema]) => [name, valueOf(schema)]),
  );
}

async function connectLegacy(url: URL, headers: Headers): Promise<LegacyClient> {
  const client = new LegacyClient(IDENTITY, { capabilities: CAPABILITIES });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => accept(params));
  await client.connect(new LegacyTransport(url, { requestInit: { headers } }));
  return client;
}

async function connectModern(url: URL, headers: Headers): Promise<ModernClient> {
  const client = new ModernClient(IDENTITY, {
    capabilities: CAPABILITIES,
    versionNegotiation: { mode: 'auto' },
  });
  client.setRequestHandler('elicitation/create', ({ params }) => accept(params));
  await client.connect(new ModernTransport(url, { requestInit: { headers } }));
  return client;
}

/** Uses whatever the server offers. What fails at the server is the suite's to judge. */
async function useEverything(client: LegacyClient | ModernClient): Promise<void> {
  const offered = client.getServerCapabilities() ?? {};
  if (offered.tools !== undefined) {
    const { tools } = (await client.listTools()) as unknown as { tools: readonly Tool[] };
    const calls = context.toolCalls ?? tools.map((tool) => ({ name: tool.name, arguments: argumentsFor(tool, tools) }));
    for (const call of calls) await attempt(() => client.callTool(call));
  }
  if (offered.resources !== undefined) {
    const { resources } = await client.listResources();
    for (const { uri } of resources) await attempt(() => client.readResource({ uri }));
  }
  if (offered.prompts !== undefined) {
    const { prompts } = await client.listPrompts();
    for (const { name } of prompts) await attempt(() => client.getPrompt({ name }));
  }
}

async function attempt(run: () => Promise<unknown>): Promise<void> {
  try {
    process.stdout.write(`${JSON.stringify(await run())}\n`);
  } catch (error) {
    process.stdout.write(`${String(error)}\n`);
  }
}

await withScenarioServer({}, async (url, key) => {
  const headers = { 'x-litellm-api-key': `Bearer ${key}` };
  const client = era === 'legacy' ? await connectLegacy(url, headers) : await connectModern(url, headers);
  await useEverything(client);
  await client.close();
});
