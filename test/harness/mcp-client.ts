import {
  Client as ClientV2,
  SSEClientTransport as SseTransportV2,
  StreamableHTTPClientTransport as HttpTransportV2,
} from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport as SseTransportV1 } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport as HttpTransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { rpc } from './rpc-over-http.js';

export interface ListedTool {
  readonly name: string;
  readonly [member: string]: unknown;
}

export interface ToolList {
  readonly tools: readonly ListedTool[];
  readonly _meta?: Record<string, unknown>;
}

export interface ToolResult {
  readonly content: readonly { readonly type: string; readonly text?: string; readonly [member: string]: unknown }[];
  readonly isError?: boolean;
  readonly structuredContent?: unknown;
}

/** What every kind of MCP client can do, for tests that must hold for all of them. */
export interface McpPeer {
  listTools(): Promise<ToolList>;
  callTool(name: string, args: Record<string, unknown>): Promise<ToolResult>;
  close(): Promise<void>;
}

export interface ConnectOptions {
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const IDENTITY = { name: 'gatehouse-test', version: '1.0.0' };

function requestHeaders({ key, headers = {} }: ConnectOptions): Record<string, string> {
  return { ...(key === undefined ? {} : { 'x-litellm-api-key': `Bearer ${key}` }), ...headers };
}

/** SDK v1 over streamable HTTP: what most clients in the field are built with. */
export async function connectV1(url: string, options: ConnectOptions = {}): Promise<ClientV1> {
  const client = new ClientV1(IDENTITY);
  const transport = new HttpTransportV1(new URL(url), { requestInit: { headers: requestHeaders(options) } });
  await client.connect(transport);
  return client;
}

/** SDK v1 over the HTTP+SSE transport of 2024-11-05. */
export async function connectV1Sse(url: string, options: ConnectOptions = {}): Promise<ClientV1> {
  const client = new ClientV1(IDENTITY);
  await client.connect(new SseTransportV1(new URL(url), { requestInit: { headers: requestHeaders(options) } }));
  return client;
}

/** SDK v2 over streamable HTTP, speaking the legacy era. */
export async function connectV2(url: string, options: ConnectOptions = {}): Promise<ClientV2> {
  const client = new ClientV2(IDENTITY, { versionNegotiation: { mode: 'legacy' } });
  await client.connect(new HttpTransportV2(new URL(url), { requestInit: { headers: requestHeaders(options) } }));
  return client;
}

/** SDK v2 over the HTTP+SSE transport of 2024-11-05. */
export async function connectV2Sse(url: string, options: ConnectOptions = {}): Promise<ClientV2> {
  const client = new ClientV2(IDENTITY, { versionNegotiation: { mode: 'legacy' } });
  await client.connect(new SseTransportV2(new URL(url), { requestInit: { headers: requestHeaders(options) } }));
  return client;
}

/** Single requests without `initialize` or session, as typed into curl. */
function connectCurl(url: string, options: ConnectOptions = {}): Promise<McpPeer> {
  const ask = async (method: string, params?: unknown) => {
    const { message, status, text } = await rpc(url, method, params, options);
    if (message?.result === undefined) throw new Error(`${method} answered ${status}: ${text}`);
    return message.result;
  };
  return Promise.resolve({
    listTools: async () => (await ask('tools/list')) as unknown as ToolList,
    callTool: async (name, args) => (await ask('tools/call', { name, arguments: args })) as unknown as ToolResult,
    close: () => Promise.resolve(),
  });
}

function peer(client: ClientV1 | ClientV2): McpPeer {
  return {
    listTools: () => client.listTools(),
    callTool: (name, args) => client.callTool({ name, arguments: args }) as Promise<ToolResult>,
    close: () => client.close(),
  };
}

export interface ClientKind {
  readonly name: string;
  readonly transport: 'http' | 'sse';
  connect(url: string, options?: ConnectOptions): Promise<McpPeer>;
}

/** The clients of the field. */
export const CLIENT_KINDS: readonly ClientKind[] = [
  { name: 'curl', transport: 'http', connect: connectCurl },
  { name: 'SDK v1', transport: 'http', connect: async (url, options) => peer(await connectV1(url, options)) },
  {
    name: 'SDK v1 over SSE',
    transport: 'sse',
    connect: async (url, options) => peer(await connectV1Sse(url, options)),
  },
  { name: 'SDK v2', transport: 'http', connect: async (url, options) => peer(await connectV2(url, options)) },
  {
    name: 'SDK v2 over SSE',
    transport: 'sse',
    connect: async (url, options) => peer(await connectV2Sse(url, options)),
  },
];
