import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node';
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport as TransportV1 } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  acceptedContent,
  createMcpHandler,
  inputRequired,
  McpServer as McpServerV2,
} from '@modelcontextprotocol/server';
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { z } from 'zod';
import { listen } from '../../harness/listen.js';

export interface SdkServer {
  readonly url: string;
  close(): Promise<void>;
}

const INFO = { name: 'plain', version: '1.0.0' };
const SUM = { inputSchema: { a: z.number(), b: z.number() }, outputSchema: { sum: z.number() } };
const NAME = { type: 'object' as const, properties: { name: { type: 'string' as const } }, required: ['name'] };
const QUESTION = { mode: 'form' as const, message: 'Who are you?', requestedSchema: NAME };

function sum(a: number, b: number) {
  return { content: [{ type: 'text' as const, text: String(a + b) }], structuredContent: { sum: a + b } };
}

function greet(name: unknown) {
  return { content: [{ type: 'text' as const, text: `Hello, ${String(name)}!` }] };
}

/** A server of SDK v1. What it asks, it asks as most do: of its session, not on the stream of the call. */
function serverV1(): McpServerV1 {
  const server = new McpServerV1(INFO);
  server.registerTool('add', SUM, ({ a, b }) => sum(a, b));
  server.registerTool('count', { inputSchema: {} }, async (_args, { _meta, sendNotification }) => {
    const { progressToken } = _meta ?? {};
    if (progressToken !== undefined) {
      for (const progress of [1, 2]) {
        await sendNotification({ method: 'notifications/progress', params: { progressToken, progress, total: 2 } });
      }
    }
    return { content: [{ type: 'text', text: 'counted' }] };
  });
  server.registerTool('ask', { inputSchema: {} }, async () => {
    const { content } = await server.server.elicitInput(QUESTION);
    return greet(content?.['name']);
  });
  server.registerResource('note', 'note://one', {}, ({ href }) => ({ contents: [{ uri: href, text: 'a note' }] }));
  server.registerPrompt('hello', {}, () => ({ messages: [{ role: 'user', content: { type: 'text', text: 'hi' } }] }));
  return server;
}

/** A server of SDK v2. What it asks, it asks as its era does. */
function serverV2(era: 'legacy' | 'modern'): McpServerV2 {
  const server = new McpServerV2(INFO);
  const { inputSchema, outputSchema } = SUM;
  const schemas = { inputSchema: z.object(inputSchema), outputSchema: z.object(outputSchema) };
  server.registerTool('add', schemas, ({ a, b }) => sum(a, b));
  server.registerTool('count', { inputSchema: z.object({}) }, async (_args, { mcpReq }) => {
    const { progressToken } = mcpReq._meta ?? {};
    if (progressToken !== undefined) {
      for (const progress of [1, 2]) {
        await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 2 } });
      }
    }
    return { content: [{ type: 'text', text: 'counted' }] };
  });
  server.registerTool('ask', { inputSchema: z.object({}) }, async (_args, { mcpReq }) => {
    if (era === 'legacy') return greet((await mcpReq.elicitInput(QUESTION)).content?.['name']);
    const answer = acceptedContent(mcpReq.inputResponses, 'who');
    return answer === undefined
      ? inputRequired({ inputRequests: { who: inputRequired.elicit(QUESTION) } })
      : greet(answer['name']);
  });
  server.registerResource('note', 'note://one', {}, ({ href }) => ({ contents: [{ uri: href, text: 'a note' }] }));
  server.registerPrompt('hello', {}, () => ({ messages: [{ role: 'user', content: { type: 'text', text: 'hi' } }] }));
  return server;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Sessions, as the examples of both SDKs keep them: a server and its transport for each. */
function sessions(open: (onOpen: (id: string) => void) => Promise<{ handleRequest: Handler }>): Handler {
  const known = new Map<string, { handleRequest: Handler }>();
  return async (request, response) => {
    const id = request.headers['mcp-session-id'];
    if (typeof id === 'string') {
      const session = known.get(id);
      if (session === undefined) response.writeHead(404).end();
      else await session.handleRequest(request, response);
      return;
    }
    const made = await open((newId) => known.set(newId, made));
    await made.handleRequest(request, response);
  };
}

const HANDLERS = {
  'v1 with sessions': () =>
    sessions(async (onsessioninitialized) => {
      const transport = new TransportV1({ sessionIdGenerator: randomUUID, onsessioninitialized });
      await serverV1().connect(transport);
      return transport;
    }),
  'v1 without sessions': (): Handler => async (request, response) => {
    const transport = new TransportV1({ enableJsonResponse: true });
    await serverV1().connect(transport);
    await transport.handleRequest(request, response);
  },
  'v2 with sessions': () =>
    sessions(async (onsessioninitialized) => {
      const transport = new NodeStreamableHTTPServerTransport({ sessionIdGenerator: randomUUID, onsessioninitialized });
      await serverV2('legacy').connect(transport);
      return transport;
    }),
  'v2 of the modern era': (): Handler =>
    toNodeHandler(createMcpHandler(() => serverV2('modern'), { legacy: 'reject' })),
  'v2 of both eras': (): Handler => toNodeHandler(createMcpHandler(({ era }) => serverV2(era))),
} satisfies Record<string, () => Handler>;

export type SdkServerKind = keyof typeof HANDLERS;

export const SDK_SERVERS = Object.keys(HANDLERS) as readonly SdkServerKind[];

/** A plain server over HTTP as people write them with the official SDKs. */
export async function startSdkServer(kind: SdkServerKind): Promise<SdkServer> {
  const handle = HANDLERS[kind]();
  const http = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  const { origin, close } = await listen(http);
  return { url: `${origin}/mcp`, close };
}
