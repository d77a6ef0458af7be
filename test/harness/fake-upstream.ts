import { randomUUID } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { listen } from './listen.js';
import { waitFor } from './wait-for.js';

type Json = Record<string, unknown>;

/** Text of a result that must reach the wire exactly as written (big integers, odd spacing). */
export class RawResult {
  constructor(readonly text: string) {}
}

/** A tool as listed (all members but `run`) and what calling it does. */
export interface FakeTool {
  readonly name: string;
  readonly [member: string]: unknown;
  /** A string becomes one text block. Absent: the arguments come back as text. */
  readonly run?: (args: Json, call: FakeCall) => unknown;
}

export interface FakePrompt {
  readonly name: string;
  readonly [member: string]: unknown;
  readonly messages?: readonly Json[];
}

export interface FakeResource {
  readonly uri: string;
  readonly [member: string]: unknown;
  readonly text?: string;
}

/** One running `tools/call`, as the tool sees it. */
export interface FakeCall {
  readonly id: unknown;
  readonly meta: Json;
  readonly headers: IncomingHttpHeaders;
  /** Aborted when the caller's connection goes away or `notifications/cancelled` names this call. */
  readonly signal: AbortSignal;
  /** Sends a message before the reply; the answer becomes an event stream. */
  send(method: string, params: Json): void;
  progress(progress: number, total?: number, message?: string): void;
  log(level: string, data: unknown): void;
}

/** How a request is made to fail. */
export type FakeFailure =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  | { readonly error: { readonly code: number; readonly message: string; readonly data?: unknown } }
  | 'hang'
  | 'reset';

export interface FakeUpstreamOptions {
  readonly tools?: readonly FakeTool[];
  readonly prompts?: readonly FakePrompt[];
  readonly resources?: readonly FakeResource[];
  readonly resourceTemplates?: readonly Json[];
  readonly instructions?: string;
  readonly serverInfo?: Json;
  /** Replaces the capabilities that follow from what is offered. */
  readonly capabilities?: Json;
  /** Waited before every reply. */
  readonly latencyMs?: number;
  /** Asked for every message; what it answers happens instead of the reply. */
  readonly failWith?: (rpc: SeenRpc) => FakeFailure | undefined;
  /** Issues session ids, insists on them, and offers the GET stream. Default false. */
  readonly stateful?: boolean;
  /** `auto` (default) answers JSON unless something precedes the reply. */
  readonly responses?: 'auto' | 'json' | 'sse';
  /** Items on a page of each list; absent: all on one. */
  readonly pageSize?: number;
  /** 401 for requests it refuses. */
  readonly accepts?: (headers: IncomingHttpHeaders) => boolean;
  /** `WWW-Authenticate` of that 401. Default `Bearer`. */
  readonly challenge?: string;
  /** JSON documents by path, open to everybody; told the origin. */
  readonly documents?: Readonly<Record<string, (origin: string) => object>>;
  /** Answered in `initialize`; default: what the client asked for. */
  readonly protocolVersion?: string;
  /** Listen here instead of on a free port: "the upstream was restarted". */
  readonly port?: number;
}

export interface SeenRpc {
  readonly method: string;
  /** Absent: a notification. */
  readonly id?: unknown;
  readonly params: Json;
}

/** One HTTP request as it arrived. */
export interface SeenRequest {
  readonly httpMethod: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Names and values as spelled on the wire. */
  readonly rawHeaders: readonly string[];
  readonly bodyText: string;
  readonly rpc: SeenRpc | undefined;
}

/** A real streamable-HTTP MCP server in this process, with a log of everything it was sent. */
export interface FakeUpstream {
  readonly port: number;
  readonly origin: string;
  /** The MCP endpoint. */
  readonly url: string;
  readonly requests: readonly SeenRequest[];
  /** What arrived with this JSON-RPC method. */
  seen(method: string): readonly SeenRequest[];
  /** Everything that arrived, headers and bodies, as one text: for canary searches. */
  transcript(): string;
  clearLog(): void;
  /** Live session ids. */
  readonly sessions: ReadonlySet<string>;
  /** Open GET streams. */
  readonly streamCount: number;
  /** Calls running right now, and the most there were at once. */
  readonly inFlight: number;
  readonly inFlightMax: number;
  setTools(tools: readonly FakeTool[]): void;
  setFailure(failWith: FakeUpstreamOptions['failWith']): void;
  setLatency(latencyMs: number): void;
  /** Sends a notification on every open GET stream. */
  notify(method: string, params?: Json): void;
  /** Waits for a GET stream and announces there that the list changed. */
  announceListChanged(kind: 'tools' | 'prompts' | 'resources'): Promise<void>;
  /** Ends the open GET streams; their sessions go on. */
  cutStreams(): void;
  /** As after a restart: every session id is unknown from now on. */
  forgetSessions(): void;
  close(): Promise<void>;
}

/** Starts a fake upstream on loopback. */
export async function fakeUpstream(options: FakeUpstreamOptions = {}): Promise<FakeUpstream> {
  const stateful = options.stateful ?? false;
  const requests: SeenRequest[] = [];
  const sessions = new Set<string>();
  const streams = new Set<ServerResponse>();
  const running = new Map<string, AbortController>();
  let tools = options.tools ?? [
    { name: 'echo', description: 'Gives back its arguments', inputSchema: { type: 'object' } },
  ];
  let failWith = options.failWith;
  let latencyMs = options.latencyMs ?? 0;
  let inFlight = 0;
  let inFlightMax = 0;

  const capabilities = (): Json =>
    options.capabilities ?? {
      tools: { listChanged: stateful },
      logging: {},
      ...(options.prompts === undefined ? {} : { prompts: { listChanged: stateful } }),
      ...(options.resources === undefined && options.resourceTemplates === undefined
        ? {}
        : { resources: { listChanged: stateful } }),
    };

  const page = (items: readonly unknown[], member: string, params: Json): Json => {
    const size = options.pageSize ?? Math.max(items.length, 1);
    const start = typeof params['cursor'] === 'string' ? Number(params['cursor'].replace('page-from-', '')) : 0;
    const end = start + size;
    return { [member]: items.slice(start, end), ...(end < items.length ? { nextCursor: `page-from-${end}` } : {}) };
  };

  const runTool = async (params: Json, call: FakeCall): Promise<unknown> => {
    const tool = tools.find(({ name }) => name === params['name']);
    if (tool === undefined) throw new RpcFailure(-32602, `Unknown tool: ${String(params['name'])}`);
    const args = (params['arguments'] ?? {}) as Json;
    const result = tool.run === undefined ? JSON.stringify(args) : await tool.run(args, call);
    return typeof result === 'string' ? { content: [{ type: 'text', text: result }] } : result;
  };

  const answer = async (rpc: SeenRpc, call: FakeCall): Promise<unknown> => {
    switch (rpc.method) {
      case 'initialize':
        return {
          protocolVersion: options.protocolVersion ?? rpc.params['protocolVersion'],
          capabilities: capabilities(),
          serverInfo: options.serverInfo ?? { name: 'fake-upstream', version: '1.0.0' },
          ...(options.instructions === undefined ? {} : { instructions: options.instructions }),
        };
      case 'ping':
      case 'logging/setLevel':
        return {};
      case 'tools/list':
        return page(
          tools.map(({ run: _, ...listed }) => listed),
          'tools',
          rpc.params,
        );
      case 'tools/call':
        return runTool(rpc.params, call);
      case 'prompts/list':
        return page(
          (options.prompts ?? []).map(({ messages: _, ...listed }) => listed),
          'prompts',
          rpc.params,
        );
      case 'prompts/get': {
        const prompt = options.prompts?.find(({ name }) => name === rpc.params['name']);
        if (prompt === undefined) throw new RpcFailure(-32602, `Unknown prompt: ${String(rpc.params['name'])}`);
        return { messages: prompt.messages ?? [{ role: 'user', content: { type: 'text', text: prompt.name } }] };
      }
      case 'resources/list':
        return page(
          (options.resources ?? []).map(({ text: _, ...listed }) => listed),
          'resources',
          rpc.params,
        );
      case 'resources/templates/list':
        return page(options.resourceTemplates ?? [], 'resourceTemplates', rpc.params);
      case 'resources/read': {
        const resource = options.resources?.find(({ uri }) => uri === rpc.params['uri']);
        if (resource === undefined) throw new RpcFailure(-32002, 'Resource not found', { uri: rpc.params['uri'] });
        return { contents: [{ uri: resource.uri, text: resource.text ?? resource.uri }] };
      }
      case 'completion/complete':
        return { completion: { values: ['first', 'second'], total: 2, hasMore: false } };
      default:
        throw new RpcFailure(-32601, 'Method not found');
    }
  };

  const serveRpc = async (rpc: SeenRpc, sessionId: string, request: IncomingMessage, response: ServerResponse) => {
    const abort = new AbortController();
    const callKey = `${sessionId} ${JSON.stringify(rpc.id)}`;
    running.set(callKey, abort);
    response.once('close', () => abort.abort());
    inFlight += 1;
    inFlightMax = Math.max(inFlightMax, inFlight);

    const openStream = () => {
      if (response.headersSent) return;
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    };
    const meta = (rpc.params['_meta'] ?? {}) as Json;
    const send = (method: string, params: Json) => {
      if (options.responses === 'json') return;
      openStream();
      response.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', method, params })}\n\n`);
    };
    const call: FakeCall = {
      id: rpc.id,
      meta,
      headers: request.headers,
      signal: abort.signal,
      send,
      progress: (progress, total, message) => {
        const { progressToken } = meta;
        if (progressToken !== undefined) send('notifications/progress', { progressToken, progress, total, message });
      },
      log: (level, data) => send('notifications/message', { level, data }),
    };

    try {
      if (latencyMs > 0) await delay(latencyMs, undefined, { signal: abort.signal });
      const id = JSON.stringify(rpc.id);
      let reply: string;
      try {
        const result = await answer(rpc, call);
        reply = `{"jsonrpc":"2.0","id":${id},"result":${result instanceof RawResult ? result.text : JSON.stringify(result)}}`;
      } catch (error) {
        if (!(error instanceof RpcFailure)) throw error;
        reply = JSON.stringify({ jsonrpc: '2.0', id: rpc.id, error: error.body });
      }
      if (options.responses === 'sse') openStream();
      if (response.headersSent) response.end(`event: message\ndata: ${reply}\n\n`);
      else response.writeHead(200, { 'content-type': 'application/json' }).end(reply);
    } catch {
      // The caller is gone, or a tool threw: either way there is no reply to give.
      response.destroy();
    } finally {
      inFlight -= 1;
      running.delete(callKey);
    }
  };

  const fail = (failure: FakeFailure, rpc: SeenRpc, response: ServerResponse) => {
    if (failure === 'hang') return;
    if (failure === 'reset') response.destroy();
    else if ('error' in failure) {
      const body = JSON.stringify({ jsonrpc: '2.0', id: rpc.id, error: failure.error });
      response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    } else response.writeHead(failure.status, failure.headers).end(failure.body ?? '');
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const bodyText = Buffer.concat(chunks).toString('utf8');
    const rpc = bodyText === '' ? undefined : toRpc(bodyText);
    requests.push({
      httpMethod: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      rawHeaders: request.rawHeaders,
      bodyText,
      rpc,
    });

    const document = options.documents?.[request.url ?? ''];
    if (document !== undefined) {
      const body = JSON.stringify(document(`http://${request.headers.host ?? ''}`));
      response.writeHead(200, { 'content-type': 'application/json' }).end(body);
      return;
    }
    if (options.accepts?.(request.headers) === false) {
      response.writeHead(401, { 'www-authenticate': options.challenge ?? 'Bearer' }).end();
      return;
    }
    const failure = rpc === undefined ? undefined : failWith?.(rpc);
    if (rpc !== undefined && failure !== undefined) {
      fail(failure, rpc, response);
      return;
    }

    const sessionId = String(request.headers['mcp-session-id'] ?? '');
    if (stateful && rpc?.method !== 'initialize') {
      if (sessionId === '') return void response.writeHead(400).end('session id required');
      if (!sessions.has(sessionId)) return void response.writeHead(404).end('no such session');
    }
    if (request.method === 'GET') {
      if (!stateful) return void response.writeHead(405, { allow: 'POST' }).end();
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      streams.add(response);
      response.once('close', () => streams.delete(response));
      return;
    }
    if (request.method === 'DELETE') {
      sessions.delete(sessionId);
      return void response.writeHead(stateful ? 200 : 405).end();
    }
    if (rpc === undefined) return void response.writeHead(400).end();
    if (rpc.id === undefined) {
      if (rpc.method === 'notifications/cancelled') {
        running.get(`${sessionId} ${JSON.stringify(rpc.params['requestId'])}`)?.abort();
      }
      return void response.writeHead(202).end();
    }
    if (stateful && rpc.method === 'initialize') {
      const issued = randomUUID();
      sessions.add(issued);
      response.setHeader('mcp-session-id', issued);
    }
    await serveRpc(rpc, sessionId, request, response);
  };

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  const { port, origin, close } = await listen(server, options.port);

  const notify = (method: string, params: Json = {}) => {
    const event = `event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', method, params })}\n\n`;
    for (const stream of streams) stream.write(event);
  };

  return {
    port,
    origin,
    url: `${origin}/mcp`,
    requests,
    sessions,
    seen: (method) => requests.filter(({ rpc }) => rpc?.method === method),
    transcript: () =>
      requests.map(({ path, rawHeaders, bodyText }) => [path, ...rawHeaders, bodyText].join('\n')).join('\n'),
    clearLog: () => void requests.splice(0),
    get streamCount() {
      return streams.size;
    },
    get inFlight() {
      return inFlight;
    },
    get inFlightMax() {
      return inFlightMax;
    },
    setTools: (next) => void (tools = next),
    setFailure: (next) => void (failWith = next),
    setLatency: (next) => void (latencyMs = next),
    notify,
    async announceListChanged(kind) {
      await waitFor(() => streams.size, { what: 'a GET stream at the fake upstream' });
      notify(`notifications/${kind}/list_changed`);
    },
    cutStreams() {
      for (const stream of streams) stream.destroy();
    },
    forgetSessions() {
      sessions.clear();
      for (const stream of streams) stream.destroy();
    },
    close,
  };
}

class RpcFailure extends Error {
  readonly body: Json;

  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.body = { code, message, ...(data === undefined ? {} : { data }) };
  }
}

function toRpc(text: string): SeenRpc | undefined {
  try {
    const { method, id, params } = JSON.parse(text) as Partial<SeenRpc>;
    return typeof method === 'string'
      ? { method, params: params ?? {}, ...(id === undefined ? {} : { id }) }
      : undefined;
  } catch {
    // Not JSON: the log keeps the text.
    return undefined;
  }
}
