import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { listen } from './listen.js';
import { MODERN } from './modern-rpc.js';

/** What a request is answered with: raw JSON, so that nothing of it is lost in a test. */
export type RawAnswer = { readonly result: string } | { readonly error: string } | 'nothing';

export interface RawRequest {
  readonly method: string;
  readonly bodyText: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The caller went away before it had its answer. */
  readonly isAbandoned: () => boolean;
}

export interface RawUpstream {
  readonly url: string;
  readonly requests: readonly RawRequest[];
  /** The last request of this method. */
  last(method: string): RawRequest | undefined;
  clearLog(): void;
  /** Raw JSON-RPC messages sent before the next replies; `$TOKEN` in them is the request's progress token. */
  before: readonly string[];
  close(): Promise<void>;
}

export interface RawUpstreamOptions {
  readonly era: 'legacy' | 'modern';
  /** Raw JSON object. */
  readonly capabilities: string;
  readonly instructions?: string;
  /** Of the legacy era: it gives out session ids. */
  readonly stateful?: boolean;
  readonly answer: (method: string, bodyText: string) => RawAnswer;
}

/** A server of one era that answers with texts, and keeps the texts that it was asked with. */
export async function rawUpstream(options: RawUpstreamOptions): Promise<RawUpstream> {
  const { era, capabilities, instructions, answer } = options;
  const requests: RawRequest[] = [];
  const state = { before: [] as readonly string[] };
  const spoken = instructions === undefined ? '' : `,"instructions":${JSON.stringify(instructions)}`;
  const info = '{"name":"raw","version":"1"}';
  const introduction: Record<string, string> = {
    initialize: `{"protocolVersion":"2025-11-25","capabilities":${capabilities},"serverInfo":${info}${spoken}}`,
    'server/discover':
      `{"resultType":"complete","supportedVersions":["${MODERN}"],"capabilities":${capabilities}${spoken},` +
      `"ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":${info}}}`,
  };
  const introduces = era === 'legacy' ? 'initialize' : 'server/discover';

  const reply = (method: string, bodyText: string): RawAnswer => {
    if (method === introduces) return { result: introduction[method] ?? '{}' };
    if (method === 'ping' || method === 'logging/setLevel') return { result: '{}' };
    const isForeign = ['initialize', 'server/discover'].includes(method);
    return isForeign ? { error: '{"code":-32601,"message":"Method not found"}' } : answer(method, bodyText);
  };

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method !== 'POST') return void response.writeHead(405).end();
      const bodyText = Buffer.concat(chunks).toString('utf8');
      const { method, id, params } = JSON.parse(bodyText) as {
        method: string;
        id?: unknown;
        params?: { _meta?: { progressToken?: unknown } };
      };
      const isAbandoned = (): boolean => response.destroyed && !response.writableEnded;
      requests.push({ method, bodyText, headers: request.headers, isAbandoned });
      if (id === undefined) return void response.writeHead(202).end();
      if (method === 'initialize' && options.stateful === true) response.setHeader('mcp-session-id', randomUUID());
      const given = reply(method, bodyText);
      if (given === 'nothing') return;
      const body = 'result' in given ? `"result":${given.result}` : `"error":${given.error}`;
      const message = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},${body}}`;
      if (state.before.length === 0 || method === introduces) {
        response.writeHead(200, { 'content-type': 'application/json' }).end(message);
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const token = JSON.stringify(params?._meta?.progressToken ?? null);
      for (const text of state.before) response.write(`data: ${text.replace('"$TOKEN"', token)}\n\n`);
      response.end(`data: ${message}\n\n`);
    });
  });
  const { origin, close } = await listen(server);
  return {
    url: `${origin}/mcp`,
    requests,
    last: (method) => requests.findLast((request) => request.method === method),
    clearLog: () => void requests.splice(0),
    get before() {
      return state.before;
    },
    set before(texts: readonly string[]) {
      state.before = texts;
    },
    close,
  };
}
