import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { pino } from 'pino';
import { DEFAULT_LIMITS, type Limits } from '../../src/core/model/limits.js';
import type { ServerEntry } from '../../src/core/model/server-entry.js';
import { requestText, type RpcMessage } from '../../src/core/protocol/rpc-message.js';
import type { ClientInteraction } from '../../src/engine/upstream/client-interaction.js';
import type { UpstreamConnection } from '../../src/engine/upstream/connection.js';
import { CredentialSources } from '../../src/engine/upstream/credential/credential-sources.js';
import { openHttpConnection } from '../../src/engine/upstream/transport/open-http.js';
import { UpstreamOpener } from '../../src/engine/upstream/upstream-opener.js';
import { UpstreamPool } from '../../src/engine/upstream/upstream-pool.js';
import type { ResolvedCredential, UpstreamOwner, UpstreamRequest } from '../../src/engine/upstream/upstream.js';
import type { StdioSettings } from '../../src/platform/config/settings.js';
import { HttpClient, type HttpClientOptions } from '../../src/platform/http/http-client.js';
import { makeServerEntry } from '../factory/make-server-entry.js';
import { listen } from '../harness/listen.js';

/** An HTTP server whose behaviour is the test's. */
export interface ScriptedServer {
  readonly origin: string;
  readonly url: string;
  readonly port: number;
  readonly requests: readonly Received[];
  close(): Promise<void>;
}

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly rpc: { readonly id?: number; readonly method?: string; readonly params?: Record<string, unknown> };
}

type Script = (received: Received, response: ServerResponse, request: IncomingMessage) => void | Promise<void>;

export async function scriptedServer(script: Script, port?: number): Promise<ScriptedServer> {
  const requests: Received[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks).toString();
      const rpc = (body === '' ? {} : JSON.parse(body)) as Received['rpc'];
      const received = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body, rpc };
      if (rpc.method === 'server/discover') {
        // A server of the legacy era is asked for its era before its first session; that has specs of its own.
        const error = { code: -32_601, message: 'Method not found' };
        sendJson(response, JSON.stringify({ jsonrpc: '2.0', id: rpc.id, error }), 404);
        return;
      }
      requests.push(received);
      await script(received, response, request);
    })().catch(() => response.destroy());
  });
  const listening = await listen(server, port);
  return { ...listening, url: `${listening.origin}/mcp`, requests };
}

/** Behaves in `initialize` and for notifications; the rest is the script's. */
export function mcpServer(script: Script, initializeHeaders: Record<string, string> = {}): Promise<ScriptedServer> {
  return scriptedServer((received, response, request) => {
    const { rpc } = received;
    if (received.method === 'POST' && rpc.method === 'initialize') {
      response.writeHead(200, { 'content-type': 'application/json', ...initializeHeaders });
      response.end(JSON.stringify({ jsonrpc: '2.0', id: rpc.id, result: INITIALIZED }));
    } else if (received.method === 'POST' && rpc.method !== undefined && rpc.id === undefined) {
      response.writeHead(202).end();
    } else return script(received, response, request);
  });
}

export const INITIALIZED = {
  protocolVersion: '2025-11-25',
  capabilities: { tools: {} },
  serverInfo: { name: 'scripted', version: '1' },
};

export function replyText(rpc: Received['rpc'], result: unknown = {}): string {
  return JSON.stringify({ jsonrpc: '2.0', id: rpc.id, result });
}

export function sendJson(response: ServerResponse, text: string, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(text);
}

export function startEvents(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
}

export const SHARED: ResolvedCredential = { headers: {}, env: {}, identity: 'shared' };

let lastId = 1_000;

export function makeRequest(method: string, overrides: Partial<UpstreamRequest> = {}): UpstreamRequest {
  const id = (lastId += 1);
  return { id, method, text: requestText(id, method, undefined), repeatable: false, ...overrides };
}

export interface Recorder extends UpstreamOwner {
  readonly received: RpcMessage[];
}

export function makeOwner(key: string): Recorder {
  const received: RpcMessage[] = [];
  return { key, received, onNotification: (_entry, message) => void received.push(message) };
}

/** What a test opened, closed in reverse order. */
export class Resources {
  readonly #closers: (() => unknown)[] = [];

  add<T extends { close(): unknown }>(resource: T): T {
    this.#closers.push(() => resource.close());
    return resource;
  }

  defer(closer: () => unknown): void {
    this.#closers.push(closer);
  }

  async close(): Promise<void> {
    for (const closer of this.#closers.splice(0).reverse()) await closer();
  }
}

export interface ConnectionSetup {
  readonly limits?: Partial<Limits>;
  readonly entry?: Partial<ServerEntry>;
  readonly headers?: Record<string, string>;
  readonly client?: HttpClient;
  /** Whom the upstream may ask outside of calls; what it declares is declared in `initialize`. */
  readonly askable?: ClientInteraction;
}

export interface OpenedConnection {
  readonly connection: UpstreamConnection;
  readonly notifications: RpcMessage[];
  readonly closes: string[];
  call(method: string, overrides?: Partial<UpstreamRequest>): Promise<RpcMessage>;
}

export async function openConnection(
  resources: Resources,
  url: string,
  { limits = {}, entry = {}, headers = {}, client, askable }: ConnectionSetup = {},
): Promise<OpenedConnection> {
  const notifications: RpcMessage[] = [];
  const closes: string[] = [];
  const connection = await openHttpConnection({
    entry: httpEntry('upstream', url, entry),
    credential: { ...SHARED, headers },
    limits: { ...DEFAULT_LIMITS, ...limits },
    http: client ?? resources.add(new HttpClient({ connectTimeoutMs: 2_000 })),
    clientVersion: '1',
    capabilities: askable?.capabilities,
    client: () => askable,
    handshakeTimeoutMs: 5_000,
    nextRequestId: () => (lastId += 1),
    onNotification: (message) => notifications.push(message),
    onClose: (reason) => closes.push(reason),
  });
  resources.defer(() => connection.close());
  const call = (method: string, overrides?: Partial<UpstreamRequest>): Promise<RpcMessage> =>
    connection.request(makeRequest(method, overrides), headers);
  return { connection, notifications, closes, call };
}

export function httpEntry(name: string, url: string, overrides: Partial<ServerEntry> = {}): ServerEntry {
  return makeServerEntry(name, { endpoint: { kind: 'http', transport: 'http', url }, ...overrides });
}

export function autoEntry(name: string, url: string): ServerEntry {
  return makeServerEntry(name, { endpoint: { kind: 'http', transport: 'auto', url } });
}

export interface PoolSetup {
  readonly limits?: Partial<Limits>;
  readonly stdio?: Partial<StdioSettings>;
  readonly client?: Partial<HttpClientOptions>;
}

export function startPool(resources: Resources, setup: PoolSetup = {}): UpstreamPool {
  const limits = { ...DEFAULT_LIMITS, connectTimeoutMs: 2_000, ...setup.limits };
  const stdio: StdioSettings = { enabled: true, allowedCommands: [], maxChildren: 8, idleMs: 60_000, ...setup.stdio };
  const logger = pino({ level: 'silent' });
  const client = new HttpClient({ connectTimeoutMs: limits.connectTimeoutMs, ...setup.client });
  const opener = new UpstreamOpener(client, stdio, logger, process.env);
  const pool = new UpstreamPool(limits, stdio, logger, client, opener, new CredentialSources({}));
  resources.defer(() => pool.onApplicationShutdown());
  return pool;
}
