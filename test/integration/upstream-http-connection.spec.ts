import { setTimeout as delay } from 'node:timers/promises';
import { rawMember, type RpcMessage } from '../../src/core/protocol/rpc-message.js';
import { clientCapabilities } from '../../src/core/model/client-capabilities.js';
import type { ClientInteraction } from '../../src/engine/upstream/client-interaction.js';
import { CallControl } from '../../src/engine/upstream/upstream.js';
import { HttpStatusError } from '../../src/engine/upstream/upstream-error.js';
import { waitFor } from '../harness/wait-for.js';
import {
  INITIALIZED,
  mcpServer,
  openConnection,
  replyText,
  Resources,
  scriptedServer,
  sendJson,
  startEvents,
  type Received,
} from './upstream-http-fixture.js';

const resources = new Resources();
afterEach(() => resources.close());

function resultOf(message: RpcMessage): string | undefined {
  return rawMember(message, 'result');
}

function event(text: string, lineEnd = '\n'): string {
  return `event: message${lineEnd}data: ${text}${lineEnd}${lineEnd}`;
}

const PROGRESS = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}';

describe('opening', () => {
  test('offers the newest legacy revision, keeps the session, and names both on everything after', async () => {
    const server = resources.add(
      await mcpServer(
        ({ rpc, method }, response) => {
          if (method === 'DELETE') response.writeHead(200).end();
          else sendJson(response, replyText(rpc));
        },
        { 'mcp-session-id': 'session-1' },
      ),
    );
    const { connection, call } = await openConnection(resources, server.url, { headers: { 'x-api-key': 'k' } });
    await call('tools/list');
    await connection.close();

    const [initialize, initialized, list, ended] = server.requests;
    expect(initialize?.rpc.params).toMatchObject({
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'gatehouse' },
    });
    expect(initialize?.headers['mcp-protocol-version']).toBeUndefined();
    expect(initialized?.rpc.method).toBe('notifications/initialized');
    for (const later of [initialized, list, ended]) {
      expect(later?.headers).toMatchObject({ 'mcp-session-id': 'session-1', 'mcp-protocol-version': '2025-11-25' });
    }
    for (const any of server.requests) expect(any.headers['x-api-key']).toBe('k');
    expect(list?.headers.accept).toBe('application/json, text/event-stream');
    expect(ended?.method).toBe('DELETE');
    expect(connection.stateful).toBe(true);
  });

  test.each(['2024-11-05', '2025-03-26', '2025-06-18'])(
    'speaks %s if that is what the server answers',
    async (version) => {
      const server = resources.add(
        await scriptedServer(({ rpc }, response) => {
          if (rpc.id === undefined) response.writeHead(202).end();
          else sendJson(response, replyText(rpc, { ...INITIALIZED, protocolVersion: version }));
        }),
      );
      const { connection, call } = await openConnection(resources, server.url);
      await call('ping');
      expect(connection.info.protocolVersion).toBe(version);
      expect(server.requests.at(-1)?.headers['mcp-protocol-version']).toBe(version);
      expect(connection.stateful).toBe(false);
    },
  );

  test('a revision that is not of this era is refused by name', async () => {
    const server = resources.add(
      await scriptedServer(({ rpc }, response) =>
        sendJson(response, replyText(rpc, { ...INITIALIZED, protocolVersion: '2026-07-28' })),
      ),
    );
    await expect(openConnection(resources, server.url)).rejects.toMatchObject({
      code: 'upstream/bad_reply',
      detail: expect.stringContaining('2026-07-28'),
    });
  });

  test('a redirect on the same origin is taken once, not with every call', async () => {
    const server = resources.add(
      await scriptedServer(({ rpc, url }, response) => {
        if (url === '/mcp') response.writeHead(307, { location: '/mcp/' }).end();
        else if (rpc.id === undefined) response.writeHead(202).end();
        else sendJson(response, replyText(rpc, INITIALIZED));
      }),
    );
    const { call } = await openConnection(resources, server.url);
    await call('ping');
    expect(server.requests.map(({ url }) => url)).toEqual(['/mcp', '/mcp/', '/mcp/', '/mcp/']);
  });
});

describe('a reply', () => {
  test('comes through as it was written: big integers, unknown members, odd spacing', async () => {
    const raw = '{ "big": 12345678901234567890, "x":{"u":"\\u00e9", "n":1.0}, "content":[ ] }';
    const server = resources.add(
      await mcpServer(({ rpc }, response) => sendJson(response, `{"jsonrpc":"2.0","id":${rpc.id},"result":${raw}}`)),
    );
    const { call } = await openConnection(resources, server.url);
    expect(resultOf(await call('tools/call'))).toBe(raw);
  });

  test.each(['\n', '\r\n', '\r'])('in an event stream is found whatever its line ends (%j)', async (lineEnd) => {
    const server = resources.add(
      await mcpServer(({ rpc }, response) => {
        startEvents(response);
        response.write(`: keepalive${lineEnd}${lineEnd}retry: 5${lineEnd}id: 1${lineEnd}data:${lineEnd}${lineEnd}`);
        response.write(event(PROGRESS, lineEnd));
        response.end(event(replyText(rpc, { ok: true }), lineEnd));
      }),
    );
    const { call } = await openConnection(resources, server.url);
    const before: RpcMessage[] = [];
    const reply = await call('tools/call', { onMessage: (message) => void before.push(message) });
    expect(resultOf(reply)).toBe('{"ok":true}');
    expect(before.map(({ text }) => text)).toEqual([PROGRESS]);
  });

  test('in an event stream survives chunk ends anywhere, inside of UTF-8 too', async () => {
    const text = 'ä€😀 \u2028 end';
    const server = resources.add(
      await mcpServer(async ({ rpc }, response) => {
        startEvents(response);
        response.socket?.setNoDelay(true);
        for (const byte of Buffer.from(event(replyText(rpc, { text }), '\r\n'))) {
          response.write(Buffer.of(byte));
          if (byte > 127 || byte === 13) await delay(1);
        }
        response.end();
      }),
    );
    const { call } = await openConnection(resources, server.url);
    expect(resultOf(await call('tools/call'))).toBe(JSON.stringify({ text }));
  });

  test('as JSON survives chunk ends inside of UTF-8', async () => {
    const text = 'ä€😀';
    const server = resources.add(
      await mcpServer(async ({ rpc }, response) => {
        response.writeHead(200, { 'content-type': 'Application/JSON; charset=utf-8' });
        for (const byte of Buffer.from(replyText(rpc, { text }))) {
          response.write(Buffer.of(byte));
          if (byte > 127) await delay(1);
        }
        response.end();
      }),
    );
    const { call } = await openConnection(resources, server.url);
    expect(resultOf(await call('tools/call'))).toBe(JSON.stringify({ text }));
  });

  test('in a batch is found where the revision has batches, and only there', async () => {
    let version = '2025-03-26';
    const server = resources.add(
      await scriptedServer(({ rpc }, response) => {
        if (rpc.id === undefined) response.writeHead(202).end();
        else if (rpc.method === 'initialize') {
          sendJson(response, replyText(rpc, { ...INITIALIZED, protocolVersion: version }));
        } else sendJson(response, `[${PROGRESS}, ${replyText(rpc, { in: 'batch' })}]`);
      }),
    );
    const before = await openConnection(resources, server.url);
    expect(resultOf(await before.call('tools/call'))).toBe('{"in":"batch"}');
    version = '2025-06-18';
    const after = await openConnection(resources, server.url);
    await expect(after.call('tools/call')).rejects.toMatchObject({ code: 'upstream/bad_reply' });
  });

  test.each([400, 404, 422])(
    'that is a JSON-RPC error is the reply, even with HTTP %d (contract §14)',
    async (status) => {
      const server = resources.add(
        await mcpServer(
          ({ rpc }, response) => {
            const error = '{"code":-32602,"message":"Unknown tool","data":{"big":12345678901234567890}}';
            sendJson(response, `{"jsonrpc":"2.0","id":${rpc.id},"error":${error}}`, status);
          },
          { 'mcp-session-id': 's' },
        ),
      );
      const { call } = await openConnection(resources, server.url);
      expect(rawMember(await call('tools/call'), 'error')).toContain('12345678901234567890');
    },
  );
});

describe('what is not a reply fails the call with a reason (contract §14, security page §2)', () => {
  type Answer = (received: Received, response: Parameters<Parameters<typeof mcpServer>[0]>[1]) => unknown;
  const cases: readonly (readonly [what: string, answer: Answer])[] = [
    ['another id', (_received, response) => sendJson(response, '{"jsonrpc":"2.0","id":"other","result":{}}')],
    ['an array', ({ rpc }, response) => sendJson(response, `[${replyText(rpc)}]`)],
    ['a string', (_received, response) => sendJson(response, '"hello"')],
    ['half of the JSON', ({ rpc }, response) => sendJson(response, replyText(rpc).slice(0, -3))],
    [
      'result and error',
      ({ rpc }, response) => sendJson(response, `{"jsonrpc":"2.0","id":${rpc.id},"result":{},"error":{}}`),
    ],
    ['nothing', (_received, response) => sendJson(response, '')],
    ['202', (_received, response) => response.writeHead(202).end()],
    ['204', (_received, response) => response.writeHead(204).end()],
    ['a web page', (_received, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')],
    [
      'gzip',
      ({ rpc }, response) =>
        response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(replyText(rpc)),
    ],
    [
      'a stream with another id',
      (_received, response) => (startEvents(response), response.end(event('{"jsonrpc":"2.0","id":7,"result":{}}'))),
    ],
    ['a stream with noise', (_received, response) => (startEvents(response), response.end(event('noise')))],
    ['a stream that ends too early', (_received, response) => (startEvents(response), response.end(event(PROGRESS)))],
    ['418', (_received, response) => response.writeHead(418).end('teapot')],
  ];
  test.each(cases)('%s', async (_what, answer) => {
    const server = resources.add(await mcpServer((received, response) => void answer(received, response)));
    const { call, connection } = await openConnection(resources, server.url);
    await expect(call('tools/call')).rejects.toMatchObject({
      code: 'upstream/bad_reply',
      data: { server: 'upstream', reason: expect.any(String), retryable: false },
    });
    expect(connection.closed).toBe(false);
  });

  test('401 and 403 say that the credential was refused and keep the challenge for us, not for callers', async () => {
    let status = 401;
    const server = resources.add(
      await mcpServer((_received, response) => {
        response.writeHead(status, { 'www-authenticate': 'Bearer resource_metadata="http://internal/"' }).end('no');
      }),
    );
    const { call } = await openConnection(resources, server.url, { headers: { authorization: 'Bearer canary' } });
    for (status of [401, 403]) {
      const error: unknown = await call('tools/call').catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: 'upstream/unauthorized', cause: expect.any(HttpStatusError) });
      expect(error).toMatchObject({ cause: { status, wwwAuthenticate: expect.stringContaining('resource_metadata') } });
      const { publicMessage, data } = error as { publicMessage: string; data: unknown };
      expect(`${publicMessage} ${JSON.stringify(data)}`).not.toMatch(/internal|canary/);
    }
  });

  test.each([500, 502, 503])('%d is an unreachable server, with or without a JSON-RPC body', async (status) => {
    const server = resources.add(
      await mcpServer(({ rpc }, response) =>
        sendJson(response, `{"jsonrpc":"2.0","id":${rpc.id},"error":{"code":-32603,"message":"db password"}}`, status),
      ),
    );
    const { call } = await openConnection(resources, server.url);
    await expect(call('tools/call')).rejects.toMatchObject({
      code: 'upstream/unreachable',
      data: { server: 'upstream', reason: `HTTP ${status}`, retryable: true },
    });
  });

  test('429 is passed on as busy with its delay', async () => {
    const server = resources.add(
      await mcpServer((_received, response) => void response.writeHead(429, { 'retry-after': '7' }).end()),
    );
    const { call } = await openConnection(resources, server.url);
    await expect(call('tools/call')).rejects.toMatchObject({ code: 'upstream/busy', retryAfterSeconds: 7 });
  });
});

describe('sizes', () => {
  function pump(response: Parameters<Parameters<typeof mcpServer>[0]>[1], chunk: Buffer): void {
    const write = (): void => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on('drain', write);
    write();
  }

  test.each(['application/json', 'text/event-stream'])(
    'an endless %s result ends at the bound, and the socket with it',
    async (type) => {
      let sent = 0;
      let isClosed = false;
      const server = resources.add(
        await mcpServer((_received, response) => {
          response.on('close', () => void (isClosed = true));
          response.writeHead(200, { 'content-type': type });
          response.write('data: {"jsonrpc":"2.0","id":1,"result":"');
          const chunk = Buffer.alloc(64 * 1024, 0x61);
          const { write } = response;
          response.write = ((...args: Parameters<typeof write>) => {
            sent += chunk.length;
            return Reflect.apply(write, response, args);
          }) as typeof write;
          pump(response, chunk);
        }),
      );
      const { call } = await openConnection(resources, server.url, { limits: { resultBytesMax: 1024 * 1024 } });
      await expect(call('tools/call')).rejects.toMatchObject({ code: 'upstream/too_large' });
      await waitFor(() => isClosed);
      expect(sent).toBeLessThan(64 * 1024 * 1024);
    },
  );

  test.each(['application/json', 'text/event-stream'])(
    'ten megabytes of nothing but nesting as %s are refused before they hold up everybody else',
    async (type) => {
      const levels = 5_000_000;
      const deep = `{"jsonrpc":"2.0","id":2,"result":${'['.repeat(levels)}${']'.repeat(levels)}}`;
      const server = resources.add(
        await mcpServer((_received, response) => {
          response.writeHead(200, { 'content-type': type }).end(type === 'application/json' ? deep : event(deep));
        }),
      );
      const { call } = await openConnection(resources, server.url);
      const startedAt = performance.now();
      let lastTick = startedAt;
      let longestPause = 0;
      const ticking = setInterval(() => {
        const now = performance.now();
        longestPause = Math.max(longestPause, now - lastTick);
        lastTick = now;
      }, 5);
      await expect(call('tools/call')).rejects.toMatchObject({
        code: 'upstream/bad_reply',
        data: { reason: expect.stringContaining('reply nests deeper than 1000 levels') as string },
      });
      longestPause = Math.max(longestPause, performance.now() - lastTick);
      clearInterval(ticking);
      // Parsing it takes seconds.
      expect(longestPause).toBeLessThan(1_500);
    },
  );

  test('a result that announces too much is not read at all', async () => {
    const server = resources.add(
      await mcpServer((_received, response) => {
        response
          .writeHead(200, { 'content-type': 'application/json', 'content-length': String(2 ** 30) })
          .flushHeaders();
      }),
    );
    const { call } = await openConnection(resources, server.url);
    await expect(call('tools/call')).rejects.toMatchObject({ code: 'upstream/too_large' });
  });

  test('an endless stream of small events ends at the call’s deadline', async () => {
    const server = resources.add(
      await mcpServer((_received, response) => {
        startEvents(response);
        const timer = setInterval(() => response.write(event(PROGRESS)), 20);
        response.on('close', () => clearInterval(timer));
      }),
    );
    const { call } = await openConnection(resources, server.url, { limits: { callTimeoutMs: 500 } });
    await expect(call('tools/call')).rejects.toMatchObject({ code: 'upstream/timeout' });
  });

  test('a slow receiver holds back the upstream instead of filling memory', async () => {
    const payload = 'x'.repeat(16 * 1024);
    const message = JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { data: payload } });
    let sent = 0;
    const server = resources.add(
      await mcpServer(({ rpc }, response) => {
        startEvents(response);
        const write = (): void => {
          while (sent < 2_000) {
            sent += 1;
            if (!response.write(event(message))) return;
          }
          response.end(event(replyText(rpc)));
        };
        response.on('drain', write);
        write();
      }),
    );
    const { call } = await openConnection(resources, server.url, { limits: { callIdleTimeoutMs: 500 } });
    const gate = Promise.withResolvers<undefined>();
    let received = 0;
    const reply = call('tools/call', {
      onMessage: () => {
        received += 1;
        return received === 10 ? gate.promise : undefined;
      },
    });
    // Longer than the idle deadline: waiting for our own receiver is not the upstream's silence.
    await waitFor(() => received === 10);
    await delay(1_000);
    expect(received).toBe(10);
    expect(sent).toBeLessThan(1_000);
    gate.resolve(undefined);
    await reply;
    expect(received).toBe(2_000);
  });
});

describe('a call that takes its time', () => {
  test('fails after the idle time of its server, and the upstream is told', async () => {
    const server = resources.add(await mcpServer(() => undefined));
    const { call } = await openConnection(resources, server.url, { entry: { timeoutMs: 300 } });
    const started = performance.now();
    await expect(call('tools/call')).rejects.toMatchObject({ code: 'upstream/timeout', data: { retryable: true } });
    expect(performance.now() - started).toBeLessThan(2_500);
    const told = await waitFor(() => server.requests.find(({ rpc }) => rpc.method === 'notifications/cancelled'));
    expect(told.rpc.params?.['requestId']).toBe(server.requests.find(({ rpc }) => rpc.method === 'tools/call')?.rpc.id);
  });

  test('goes on as long as there is progress', async () => {
    const server = resources.add(
      await mcpServer(async ({ rpc }, response) => {
        startEvents(response);
        for (let count = 0; count < 8; count += 1) {
          response.write(count % 2 === 0 ? event(PROGRESS) : ': keepalive\n\n');
          await delay(100);
        }
        response.end(event(replyText(rpc)));
      }),
    );
    const { call } = await openConnection(resources, server.url, { entry: { timeoutMs: 500 } });
    await call('tools/call');
  });

  test.each(['cancelled', 'abandoned'] as const)(
    '%s: ends at once, the upstream is told only of a cancellation',
    async (how) => {
      let isDropped = false;
      const server = resources.add(
        await mcpServer((_received, response) => void response.on('close', () => void (isDropped = true))),
      );
      const { call } = await openConnection(resources, server.url);
      const control = new CallControl();
      const reply = call('tools/call', { control });
      const running = await waitFor(() => server.requests.find(({ rpc }) => rpc.method === 'tools/call'));
      if (how === 'cancelled') control.cancel();
      else control.abandon();
      await expect(reply).rejects.toMatchObject({ code: 'call/cancelled' });
      await waitFor(() => isDropped);
      const told = (): Received | undefined =>
        server.requests.find(({ rpc }) => rpc.method === 'notifications/cancelled');
      if (how === 'cancelled') expect((await waitFor(told)).rpc.params?.['requestId']).toBe(running.rpc.id);
      else expect(told()).toBeUndefined();
    },
  );
});

describe('sessions', () => {
  const lost: readonly (readonly [status: number, body: string])[] = [
    [404, ''],
    [404, '{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}'],
    [400, '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Bad Request: No valid session ID provided"}}'],
    [400, '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Bad Request: Server not initialized"}}'],
    [400, 'session id required'],
  ];
  test.each(lost)('HTTP %d %s: the session is lost, the connection closed, nothing deleted', async (status, body) => {
    const server = resources.add(
      await mcpServer((_received, response) => sendJson(response, body, status), { 'mcp-session-id': 's' }),
    );
    const { call, connection, closes } = await openConnection(resources, server.url);
    await expect(call('tools/call')).rejects.toMatchObject({
      code: 'upstream/session_lost',
      data: { retryable: true },
    });
    expect(connection.closed).toBe(true);
    expect(closes).toHaveLength(1);
    await connection.close();
    expect(server.requests.map(({ method }) => method)).not.toContain('DELETE');
  });

  test('a 404 without a session is just a wrong address', async () => {
    const server = resources.add(await mcpServer((_received, response) => void response.writeHead(404).end()));
    const { call } = await openConnection(resources, server.url);
    await expect(call('tools/call')).rejects.toMatchObject({ code: 'upstream/bad_reply' });
  });

  test('closing ends what runs and does not wait for an upstream that does not answer', async () => {
    const server = resources.add(await mcpServer(() => undefined, { 'mcp-session-id': 's' }));
    const { call, connection } = await openConnection(resources, server.url);
    const reply = call('tools/call');
    const outcome = expect(reply).rejects.toMatchObject({ code: 'call/cancelled' });
    await waitFor(() => server.requests.some(({ rpc }) => rpc.method === 'tools/call'));
    const started = performance.now();
    await connection.close();
    await outcome;
    expect(performance.now() - started).toBeLessThan(6_000);
  });
});

describe('requests of the server', () => {
  test.each([
    ['ping', '{}', undefined],
    ['sampling/createMessage', undefined, -32601],
    ['roots/list', undefined, -32601],
    ['made/up', undefined, -32601],
  ])('%s is answered by the gateway when nobody claimed to handle it', async (method, result, code) => {
    const answered = Promise.withResolvers<Received>();
    const server = resources.add(
      await mcpServer(async (received, response) => {
        if (received.rpc.method === undefined) {
          response.writeHead(202).end();
          answered.resolve(received);
          return;
        }
        startEvents(response);
        response.write(event(`{"jsonrpc":"2.0","id":"srv-1","method":${JSON.stringify(method)},"params":{}}`));
        await answered.promise;
        response.end(event(replyText(received.rpc)));
      }),
    );
    const { call } = await openConnection(resources, server.url);
    const relayed: RpcMessage[] = [];
    await call('tools/call', { onMessage: (message) => void relayed.push(message) });
    const reply = JSON.parse((await answered.promise).body) as {
      id: unknown;
      result?: unknown;
      error?: { code: number };
    };
    expect(reply.id).toBe('srv-1');
    if (result !== undefined) expect(reply.result).toEqual(JSON.parse(result));
    expect(reply.error?.code).toBe(code);
    expect(relayed).toEqual([]);
  });

  test('what was claimed goes to whoever made the call, and the answer back', async () => {
    const answered = Promise.withResolvers<Received>();
    const server = resources.add(
      await mcpServer(async (received, response) => {
        if (received.rpc.method === undefined) {
          response.writeHead(202).end();
          answered.resolve(received);
          return;
        }
        startEvents(response);
        response.write(event('{"jsonrpc":"2.0","id":9,"method":"elicitation/create","params":{}}'));
        await answered.promise;
        response.end(event(replyText(received.rpc)));
      }),
    );
    const asked: unknown[] = [];
    const client: ClientInteraction = {
      key: 'test',
      capabilities: clientCapabilities('{"elicitation":{}}'),
      ask: ({ method, params }) => {
        asked.push([method, params]);
        return Promise.resolve({ kind: 'result', text: '{"action":"accept", "n":12345678901234567890}' });
      },
    };
    const { call } = await openConnection(resources, server.url, { askable: client });
    await call('tools/call', { client });
    expect(asked).toEqual([['elicitation/create', '{}']]);
    expect((await answered.promise).body).toBe(
      '{"jsonrpc":"2.0","id":9,"result":{"action":"accept", "n":12345678901234567890}}',
    );
  });
});

describe('polling (2025-11-25, SSE polling)', () => {
  test('a stream closed before the reply is resumed after the last event, when the server said', async () => {
    let call: Received['rpc'] = {};
    const server = resources.add(
      await mcpServer(
        ({ method, rpc }, response) => {
          startEvents(response);
          if (method === 'POST') {
            call = rpc;
            response.end(`id: a-1\nretry: 60\ndata:\n\nid: a-2\n${event(PROGRESS)}`);
          } else if (server.requests.filter((request) => request.method === 'GET').length === 1) {
            response.end('id: a-3\ndata:\n\n');
          } else response.end(event(replyText(call, { resumed: true })));
        },
        { 'mcp-session-id': 's' },
      ),
    );
    const { call: send } = await openConnection(resources, server.url);
    const before: string[] = [];
    const reply = await send('tools/call', { onMessage: ({ text }) => void before.push(text) });
    expect(resultOf(reply)).toBe('{"resumed":true}');
    expect(before).toEqual([PROGRESS]);
    const polls = server.requests.filter(({ method }) => method === 'GET');
    expect(polls.map(({ headers }) => headers['last-event-id'])).toEqual(['a-2', 'a-3']);
    expect(polls[0]?.headers['mcp-session-id']).toBe('s');
  });

  test('a broken connection is resumed as well', async () => {
    let call: Received['rpc'] = {};
    const server = resources.add(
      await mcpServer(({ method, rpc }, response) => {
        startEvents(response);
        if (method === 'GET') return void response.end(event(replyText(call)));
        call = rpc;
        response.write('id: a-1\nretry: 60\ndata:\n\n', () => setTimeout(() => response.destroy(), 50));
      }),
    );
    const { call: send } = await openConnection(resources, server.url);
    await send('tools/call');
  });

  test('a server that cannot resume fails the call', async () => {
    const server = resources.add(
      await mcpServer(({ method }, response) => {
        if (method === 'GET') return void response.writeHead(405).end();
        startEvents(response);
        response.end('id: a-1\nretry: 60\ndata:\n\n');
      }),
    );
    const { call } = await openConnection(resources, server.url);
    await expect(call('tools/call')).rejects.toMatchObject({ code: 'upstream/bad_reply' });
  });

  test('a server that is polled for ever is given up at the call’s deadline', async () => {
    const server = resources.add(
      await mcpServer((_received, response) => {
        startEvents(response);
        response.end('id: a-1\nretry: 0\ndata:\n\n');
      }),
    );
    const { call } = await openConnection(resources, server.url, { limits: { callTimeoutMs: 600 } });
    await expect(call('tools/call')).rejects.toMatchObject({ code: 'upstream/timeout' });
    expect(server.requests.length).toBeLessThan(40);
  });
});

describe('listening', () => {
  const CHANGED = '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}';

  test('messages outside of calls arrive, over reconnects, resumed after the last event', async () => {
    const server = resources.add(
      await mcpServer(
        ({ method }, response) => {
          if (method !== 'GET') return void response.writeHead(200).end();
          startEvents(response);
          const gets = server.requests.filter((request) => request.method === 'GET').length;
          response.write(`id: g-${gets}\nretry: 10\n${event(CHANGED)}`);
          if (gets === 1) response.end();
        },
        { 'mcp-session-id': 's' },
      ),
    );
    const { connection, notifications } = await openConnection(resources, server.url);
    connection.setListening(true);
    await waitFor(() => notifications.length === 2);
    const gets = server.requests.filter(({ method }) => method === 'GET');
    expect(gets.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, 'g-1']);
    connection.setListening(false);
  });

  test('a server without such a stream is asked once', async () => {
    const server = resources.add(
      await mcpServer(({ method, rpc }, response) => {
        if (method === 'GET') response.writeHead(405).end();
        else sendJson(response, replyText(rpc));
      }),
    );
    const { connection, call } = await openConnection(resources, server.url);
    connection.setListening(true);
    await waitFor(() => server.requests.some(({ method }) => method === 'GET'));
    await call('ping');
    connection.setListening(false);
    connection.setListening(true);
    await call('ping');
    expect(server.requests.filter(({ method }) => method === 'GET')).toHaveLength(1);
  });
});
