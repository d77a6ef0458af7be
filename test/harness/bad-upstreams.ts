import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { freePort } from './free-port.js';
import { listen } from './listen.js';

/** An MCP server that is dead, hung or lying. */
export interface BadUpstream {
  readonly url: string;
  /** Connections it got, from the start. */
  readonly connections: number;
  /** JSON-RPC methods it was asked for, in order. */
  readonly asked: readonly string[];
  /** Body bytes it managed to send. */
  readonly bytesSent: number;
  close(): Promise<void>;
}

interface Asked {
  readonly id: unknown;
  readonly method: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Counted `response.write`; resolves when there is room for more, and rejects when the reader is gone. */
  write(chunk: string | Buffer): Promise<void>;
}

/** From when on it is bad: from the first list, or lists one tool (`anything`) well and is bad when that is called. */
export type BadFrom = 'list' | 'call';

/** Behaves in `initialize` and for notifications; `misbehave` answers everything else. */
async function behavesAtFirst(from: BadFrom, misbehave: (asked: Asked) => void | Promise<void>): Promise<BadUpstream> {
  return alwaysBad(async (asked) => {
    if (asked.id === undefined) return void asked.response.writeHead(202).end();
    if (asked.method === 'tools/list' && from === 'call') return json(asked, { tools: [tool('anything')] });
    if (asked.method !== 'initialize') return misbehave(asked);
    json(asked, {
      protocolVersion: '2025-06-18',
      capabilities: { tools: {} },
      serverInfo: { name: 'bad-upstream', version: '1.0.0' },
    });
  });
}

async function alwaysBad(misbehave: (asked: Asked) => void | Promise<void>): Promise<BadUpstream> {
  const asked: string[] = [];
  let connections = 0;
  let bytesSent = 0;
  const server = createServer((request, response) => {
    void (async () => {
      try {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        const body = Buffer.concat(chunks).toString('utf8');
        const { id, method = '' } = (body === '' ? {} : JSON.parse(body)) as { id?: unknown; method?: string };
        asked.push(method === '' ? (request.method ?? '') : method);
        if (request.method !== 'POST') return void response.writeHead(405).end();
        const write = async (chunk: string | Buffer) => {
          bytesSent += Buffer.byteLength(chunk);
          if (response.destroyed) throw new Error('reader is gone');
          if (response.write(chunk)) return;
          await new Promise<void>((resolve, reject) => {
            response.once('drain', resolve);
            response.once('close', () => reject(new Error('reader is gone')));
          });
        };
        await misbehave({ id, method, request, response, write });
      } catch {
        // The reader hung up on us, as it should.
        response.destroy();
      }
    })();
  });
  server.on('connection', () => (connections += 1));
  const { origin, close } = await listen(server);
  return {
    url: `${origin}/mcp`,
    asked,
    get connections() {
      return connections;
    },
    get bytesSent() {
      return bytesSent;
    },
    close,
  };
}

function json({ id, response }: Asked, result: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, result }));
}

function tool(name: string, extra: Record<string, unknown> = {}) {
  return { name, description: name, inputSchema: { type: 'object' }, ...extra };
}

const MEBIBYTE = 1024 * 1024;

/** Nobody listens. */
export async function deadPort(): Promise<BadUpstream> {
  const url = `http://127.0.0.1:${await freePort()}/mcp`;
  return { url, asked: [], connections: 0, bytesSent: 0, close: () => Promise.resolve() };
}

/** Takes the connection and says nothing. */
export async function hungAccept(): Promise<BadUpstream> {
  let connections = 0;
  const server = createTcpServer(() => (connections += 1));
  const { origin, close } = await listen(server);
  return {
    url: `${origin}/mcp`,
    asked: [],
    get connections() {
      return connections;
    },
    bytesSent: 0,
    close,
  };
}

/** Answers the status line and headers, then nothing. */
export const hungAfterHeaders = (from: BadFrom = 'list') =>
  behavesAtFirst(from, ({ response }) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' }).flushHeaders();
  });

/** Works at first, hangs on everything after `initialize`. */
export const hungAfterInitialize = (from: BadFrom = 'list') => behavesAtFirst(from, () => undefined);

/** An event stream that always has something to say and never the reply. */
export const endlessSse = (from: BadFrom = 'list') =>
  behavesAtFirst(from, async ({ response, write }) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const event = { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'still here' } };
    for (;;) {
      await write(`event: message\ndata: ${JSON.stringify(event)}\n\n`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });

/** Answers somebody else's request. */
export const wrongId = (from: BadFrom = 'list') =>
  behavesAtFirst(from, (asked) => json({ ...asked, id: 'not-yours' }, { tools: [tool('stolen')] }));

/** The same in an event stream that then ends. */
export const wrongIdInSse = (from: BadFrom = 'list') =>
  behavesAtFirst(from, ({ response }) => {
    const reply = { jsonrpc: '2.0', id: 'not-yours', result: { tools: [tool('stolen')] } };
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(`data: ${JSON.stringify(reply)}\n\n`);
  });

export const invalidJson = (from: BadFrom = 'list') =>
  behavesAtFirst(from, ({ response }) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"jsonrpc":"2.0","result":{"tools":[');
  });

/** Claims JSON, sends a web page, from the first request on. */
export const webPage = () =>
  alwaysBad(({ response }) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Sign in</title>');
  });

/** A body that stops in the middle. */
export const truncated = (from: BadFrom = 'list') =>
  behavesAtFirst(from, ({ response }) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100000' });
    response.write('{"jsonrpc":"2.0","id":1,', () => response.destroy());
  });

/** A result of 1 GiB, as fast as it is read. */
export const hugeResult = (from: BadFrom = 'list') => huge(from, 'application/json', '', '');

/** The same as one event. */
export const hugeEvent = (from: BadFrom = 'list') => huge(from, 'text/event-stream', 'data: ', '\n\n');

function huge(from: BadFrom, contentType: string, head: string, tail: string): Promise<BadUpstream> {
  return behavesAtFirst(from, async ({ id, response, write }) => {
    response.writeHead(200, { 'content-type': contentType });
    await write(
      `${head}{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"tools":[],"content":[{"type":"text","text":"`,
    );
    const block = Buffer.alloc(MEBIBYTE, 0x78);
    for (let sent = 0; sent < 1024; sent += 1) await write(block);
    await write(`"}]}}${tail}`);
    response.end();
  });
}

/** Lists the same name twice. */
export const duplicateNames = () =>
  behavesAtFirst('list', (asked) =>
    json(asked, {
      tools: [tool('twin', { description: 'first' }), tool('twin', { description: 'second' }), tool('single')],
    }),
  );

/** Every answer sends you back where you came from. */
export const redirectLoop = () =>
  alwaysBad(({ request, response }) => {
    response.writeHead(307, { location: `http://${request.headers.host ?? ''}/mcp` }).end();
  });

/** Refuses every credential, every time. */
export const unauthorizedStorm = () =>
  alwaysBad(({ response }) => {
    response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end();
  });

/** The next page is always the same page. */
export const cyclicCursor = () =>
  behavesAtFirst('list', (asked) => json(asked, { tools: [tool('again')], nextCursor: 'again' }));

/** There is always one more page. */
export const endlessPages = () => {
  let page = 0;
  return behavesAtFirst('list', (asked) => {
    page += 1;
    json(asked, { tools: [tool(`tool_${page}`)], nextCursor: `page-${page}` });
  });
};

/** One tool with ten million characters to say about itself. */
export const hugeDescription = () =>
  behavesAtFirst('list', (asked) => json(asked, { tools: [tool('verbose', { description: 'x'.repeat(10_000_000) })] }));

/** A schema nested beyond reason. */
export const deepSchema = () =>
  behavesAtFirst('list', ({ id, response }) => {
    const depth = 20_000;
    const schema = `${'{"properties":{"a":'.repeat(depth)}{}${'}}'.repeat(depth)}`;
    const reply = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"tools":[{"name":"deep","inputSchema":${schema}}]}}`;
    response.writeHead(200, { 'content-type': 'application/json' }).end(reply);
  });

/** One byte at a time, without end. */
export const slowLoris = (from: BadFrom = 'list') =>
  behavesAtFirst(from, async ({ response, write }) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    for (;;) {
      await write(' ');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  });

/** Tools that are no tools, between two that are. */
export const malformedItems = () =>
  behavesAtFirst('list', (asked) =>
    json(asked, {
      tools: [tool('good_one'), null, 42, 'text', { description: 'no name' }, { name: 7 }, tool('good_two')],
    }),
  );
