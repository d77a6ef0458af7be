import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { rawMember, type RpcMessage } from '../../src/core/protocol/rpc-message.js';
import { openSse } from '../../src/engine/upstream/transport/open-sse.js';
import { CallControl } from '../../src/engine/upstream/upstream.js';
import { HttpClient } from '../../src/platform/http/http-client.js';
import { listen, type Listening } from '../harness/listen.js';
import { everythingOverHttp, type RealServer } from '../harness/real-servers.js';
import {
  closeAll,
  connectOptions,
  remember,
  texts,
  told,
  toolCall,
  type EntryOverrides,
  type OpenedStdio,
} from '../harness/stdio-fixture/pipe-harness.js';
import { waitFor } from '../harness/wait-for.js';

const client = new HttpClient({ connectTimeoutMs: 2_000 });
const listening: Listening[] = [];

afterEach(async () => {
  await closeAll();
  await Promise.all(listening.splice(0).map((server) => server.close()));
});
afterAll(() => client.close());

async function openSseServer(
  url: string,
  overrides: EntryOverrides & { readonly handshakeTimeoutMs?: number } = {},
): Promise<OpenedStdio> {
  const session = told();
  const connection = await openSse(connectOptions({ kind: 'http', transport: 'sse', url }, overrides, session), {
    http: client,
    logger: session.logger,
    clientVersion: '0.0.0-test',
    handshakeTimeoutMs: overrides.handshakeTimeoutMs ?? 5_000,
  });
  return { ...session, connection: remember(connection) };
}

interface Post {
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  readonly value: { readonly id?: number; readonly method?: string; readonly params?: { readonly name?: string } };
}

/** A server of 2024-11-05 on bare HTTP, so that it can be as odd as a test wants it. */
class BareSse {
  readonly posts: Post[] = [];
  readonly gets: IncomingMessage['headers'][] = [];
  /** What the stream begins with. */
  opening = 'event: endpoint\ndata: /messages?session_id=s1\n\n';
  contentType = 'text/event-stream; charset=utf-8';
  getStatus = 200;
  /** What a tools/call does beyond its 202, which it gets at once unless this says that it answers itself. */
  onCall: (post: Post, response: ServerResponse) => unknown = () => undefined;
  stream: ServerResponse | undefined;
  origin = '';

  async start(): Promise<this> {
    const server = createServer((request, response) => void this.#serve(request, response));
    const listener = await listen(server);
    listening.push(listener);
    this.origin = listener.origin;
    return this;
  }

  get url(): string {
    return `${this.origin}/sse`;
  }

  say(text: string | Uint8Array): void {
    this.stream?.write(text);
  }

  event(data: string): void {
    this.say(`event: message\ndata: ${data}\n\n`);
  }

  result(id: number | undefined, result: string): void {
    this.event(`{"jsonrpc":"2.0","id":${id},"result":${result}}`);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET') {
      this.gets.push(request.headers);
      response.writeHead(this.getStatus, { 'content-type': this.contentType });
      this.stream = response;
      if (this.getStatus >= 300) response.end('{"error":"secret of the house"}');
      else response.write(this.opening);
      return;
    }
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += String(chunk);
    const post: Post = { headers: request.headers, text, value: JSON.parse(text) as Post['value'] };
    this.posts.push(post);
    if (post.value.method === 'tools/call') {
      const answersItself = this.onCall(post, response) === 'answers itself';
      if (!answersItself && !response.headersSent) response.writeHead(202).end('Accepted');
      return;
    }
    response.writeHead(202).end('Accepted');
    if (post.value.method === 'initialize') {
      this.result(
        post.value.id,
        '{"protocolVersion":"2024-11-05","capabilities":{},"serverInfo":{"name":"bare","version":"1"}}',
      );
    }
  }
}

const bareSse = (): Promise<BareSse> => new BareSse().start();

describe('server-everything over HTTP+SSE', () => {
  let server: RealServer;
  beforeAll(async () => {
    server = await everythingOverHttp('sse');
  });
  afterAll(() => server.close());

  it('calls, reports progress, and keeps sessions apart', async () => {
    const [one, two] = await Promise.all([openSseServer(server.url), openSseServer(server.url)]);
    expect(one.connection.stateful).toBe(true);
    expect(one.connection.info.capabilities).toHaveProperty('tools');
    expect(texts(await one.connection.request(toolCall('get-sum', '{"a":2,"b":3}'), {}))[0]).toContain('5');

    const progress: RpcMessage[] = [];
    const call = toolCall('trigger-long-running-operation', '{"duration":0.2,"steps":3}', {
      onMessage: (message) => void progress.push(message),
    });
    await two.connection.request(call, {});
    expect(progress).toHaveLength(3);
    expect(one.notifications.filter(({ value }) => value['method'] === 'notifications/progress')).toEqual([]);

    await one.connection.close();
    expect(one.closes).toEqual(['closed by the gateway']);
    expect(two.connection.closed).toBe(false);
  });

  it('a hundred calls at the same time get their own replies', async () => {
    const { connection } = await openSseServer(server.url);
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, index) => connection.request(toolCall('echo', `{"message":"m${index}"}`), {})),
    );
    replies.forEach((reply, index) => expect(texts(reply)[0]).toMatch(new RegExp(`m${index}$`)));
  });

  it('a server that was restarted has lost the session', async () => {
    const mortal = await everythingOverHttp('sse');
    const { connection, closes } = await openSseServer(mortal.url);
    const underway = Promise.withResolvers<undefined>();
    const call = toolCall('trigger-long-running-operation', '{"duration":60,"steps":600}', {
      onMessage: () => underway.resolve(undefined),
    });
    const lost = expect(connection.request(call, {})).rejects.toMatchObject({ code: 'upstream/session_lost' });
    await underway.promise;
    await mortal.close();
    await lost;
    expect(connection.closed).toBe(true);
    expect(closes).toHaveLength(1);
  });
});

describe('what goes over the wire', () => {
  it('credentials are on the stream and on each POST; the version once it is negotiated', async () => {
    const server = await bareSse();
    server.onCall = ({ value }) => server.result(value.id, '{"content":[]}');
    const { connection } = await openSseServer(server.url, { headers: { authorization: 'Bearer up', 'x-one': '1' } });
    await connection.request(toolCall('t'), { authorization: 'Bearer other', 'x-two': '2' });
    expect(server.gets[0]).toMatchObject({ accept: 'text/event-stream', authorization: 'Bearer up', 'x-one': '1' });
    const [initialize, initialized, call] = server.posts;
    expect(initialize?.headers).toMatchObject({ 'content-type': 'application/json', authorization: 'Bearer up' });
    expect(initialize?.headers).not.toHaveProperty('mcp-protocol-version');
    expect(initialized?.value.method).toBe('notifications/initialized');
    expect(initialized?.headers).toMatchObject({ 'mcp-protocol-version': '2024-11-05', 'x-one': '1' });
    expect(call?.headers).toMatchObject({ authorization: 'Bearer other', 'x-two': '2' });
    expect(call?.headers).not.toHaveProperty('x-one');
  });

  it('messages pass as they came, both ways', async () => {
    const server = await bareSse();
    const result = '{"content":[{"type":"hologram","x":1e400}],"n":123456789012345678901234567890,  "f":1.10}';
    server.onCall = ({ value }) => server.result(value.id, result);
    const { connection } = await openSseServer(server.url);
    const call = toolCall('t', '{"n":123456789012345678901234567890,"s":"\\u00e9",\n "x":[1,  2]}');
    expect(rawMember(await connection.request(call, {}), 'result')).toBe(result);
    expect(server.posts.at(-1)?.text).toBe(call.text);
  });

  it('the stream is read whatever its form: CRLF, comments, data over several lines, bytes apart', async () => {
    const server = await bareSse();
    server.opening = ': hello\r\n\r\nevent: endpoint\r\ndata: /messages?session_id=s1\r\n\r\n';
    server.onCall = ({ value }) => {
      const text = `: keepalive\r\n\r\nid: 7\r\nevent: other\r\ndata: no\r\n\r\ndata: {"jsonrpc":"2.0","id":${value.id},\r\ndata: "result":{"content":[{"type":"text","text":"東京 🚆"}]}}\r\n\r\n`;
      for (const byte of Buffer.from(text)) server.say(Uint8Array.of(byte));
    };
    const { connection } = await openSseServer(server.url);
    expect(texts(await connection.request(toolCall('t'), {}))).toEqual(['東京 🚆']);
  });

  it.each([
    ['relative to the root', '/messages?session_id=s1', '/messages?session_id=s1'],
    ['relative to the stream', 'messages/?session_id=s1', '/messages/?session_id=s1'],
    ['absolute', 'ORIGIN/m?session_id=s1', '/m?session_id=s1'],
  ])('an endpoint %s is found', async (_title, endpoint, path) => {
    const server = await bareSse();
    server.opening = `event: endpoint\ndata: ${endpoint.replace('ORIGIN', server.origin)}\n\n`;
    const paths: (string | undefined)[] = [];
    server.onCall = ({ value }, response) => {
      paths.push(response.req.url);
      server.result(value.id, '{"content":[]}');
    };
    const { connection } = await openSseServer(server.url);
    await connection.request(toolCall('t'), {});
    expect(paths).toEqual([path]);
  });

  it.each(['http://127.0.0.1:1/messages', 'https://HOST/messages', '//evil.example/messages', 'file:///etc/passwd'])(
    'no credential goes to an endpoint on another origin (%s)',
    async (endpoint) => {
      const server = await bareSse();
      server.opening = `event: endpoint\ndata: ${endpoint.replace('HOST', server.origin.slice('http://'.length))}\n\n`;
      await expect(openSseServer(server.url, { headers: { authorization: 'Bearer up' } })).rejects.toMatchObject({
        code: 'upstream/bad_reply',
        message: expect.stringContaining('origin'),
      });
      expect(server.posts).toEqual([]);
    },
  );

  it('a stream that was redirected to another origin is not trusted with anything', async () => {
    const other = await bareSse();
    const first = createServer((_request, response) => response.writeHead(307, { location: other.url }).end());
    const listener = await listen(first);
    listening.push(listener);
    const opening = openSseServer(`${listener.origin}/sse`, { headers: { authorization: 'Bearer up' } });
    await expect(opening).rejects.toMatchObject({ code: 'upstream/bad_reply' });
    expect(other.gets[0]).not.toHaveProperty('authorization');
    expect(other.posts).toEqual([]);
  });
});

describe('opening', () => {
  it.each([
    [401, 'upstream/unauthorized'],
    [403, 'upstream/unauthorized'],
    [404, 'upstream/bad_reply'],
    [405, 'upstream/bad_reply'],
    [503, 'upstream/unreachable'],
  ])(
    'a stream answered with %i is %s, with the status as cause and nothing of the body shown',
    async (status, code) => {
      const server = await bareSse();
      server.getStatus = status;
      const error: unknown = await openSseServer(server.url).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code, cause: { status } });
      expect(String(error)).not.toContain('secret of the house');
    },
  );

  it('a page that is no event stream is refused', async () => {
    const server = await bareSse();
    server.contentType = 'text/html';
    await expect(openSseServer(server.url)).rejects.toMatchObject({ code: 'upstream/bad_reply' });
  });

  it('a stream without an endpoint is given up, and closed', async () => {
    const server = await bareSse();
    server.opening = ': nothing\n\n';
    const opening = expect(openSseServer(server.url, { handshakeTimeoutMs: 200 })).rejects.toMatchObject({
      code: 'upstream/bad_reply',
    });
    await waitFor(() => server.stream);
    const closed = once(server.stream ?? createServer(), 'close');
    await opening;
    await closed;
  });

  it('a server that says nothing at all is given up', async () => {
    const mute = await listen(createServer(() => undefined));
    listening.push(mute);
    await expect(openSseServer(`${mute.origin}/sse`, { handshakeTimeoutMs: 200 })).rejects.toMatchObject({
      code: 'upstream/timeout',
    });
  });

  it('nobody there is unreachable', async () => {
    const gone = await listen(createServer());
    await gone.close();
    await expect(openSseServer(`${gone.origin}/sse`)).rejects.toMatchObject({ code: 'upstream/unreachable' });
  });

  it('a stream that ends in the middle of the handshake is unreachable', async () => {
    const server = await bareSse();
    const opening = expect(openSseServer(server.url)).rejects.toMatchObject({ code: 'upstream/unreachable' });
    server.result = () => server.stream?.end();
    await opening;
  });
});

describe('calls', () => {
  it.each([
    [401, '', 'upstream/unauthorized', false],
    [429, '', 'upstream/busy', false],
    [500, '', 'upstream/unreachable', false],
    [400, 'unreadable', 'upstream/bad_reply', false],
    [404, 'Session not found', 'upstream/session_lost', true],
    [410, '', 'upstream/session_lost', true],
    [400, 'No transport found for sessionId', 'upstream/session_lost', true],
  ])('a POST answered with %i %s is %s (ends the session: %s)', async (status, body, code, ends) => {
    const server = await bareSse();
    server.onCall = (_post, response) => response.writeHead(status).end(body);
    const { connection, closes } = await openSseServer(server.url);
    await expect(connection.request(toolCall('t'), {})).rejects.toMatchObject({ code });
    expect(connection.closed).toBe(ends);
    expect(closes).toHaveLength(ends ? 1 : 0);
  });

  it('a refusal without end does not hold the call', async () => {
    const server = await bareSse();
    server.onCall = (_post, response) => {
      response.writeHead(500);
      response.write('x');
    };
    const { connection } = await openSseServer(server.url);
    await expect(connection.request(toolCall('t'), {})).rejects.toMatchObject({ code: 'upstream/unreachable' });
  });

  it('a POST that is answered only when the work is done does not matter', async () => {
    const server = await bareSse();
    let finish = (): void => undefined;
    server.onCall = ({ value }, response) => {
      finish = () => void response.writeHead(200).end('done');
      server.result(value.id, '{"content":[{"type":"text","text":"first"}]}');
      return 'answers itself';
    };
    const { connection } = await openSseServer(server.url);
    expect(texts(await connection.request(toolCall('t'), {}))).toEqual(['first']);
    finish();
    expect(connection.closed).toBe(false);
  });

  it('a call without a sign of life times out, a cancelled one ends; the server is told of both', async () => {
    const server = await bareSse();
    const { connection } = await openSseServer(server.url);
    const late = toolCall('t', '{}', { idleTimeoutMs: 100 });
    await expect(connection.request(late, {})).rejects.toMatchObject({ code: 'upstream/timeout' });
    const control = new CallControl();
    const unwanted = toolCall('t', '{}', { control });
    const running = expect(connection.request(unwanted, { 'x-caller': 'c' })).rejects.toMatchObject({
      code: 'call/cancelled',
    });
    control.cancel();
    await running;
    await waitFor(() => server.posts.filter(({ text }) => text.includes('notifications/cancelled')).length === 2);
    const told = server.posts.filter(({ text }) => text.includes('notifications/cancelled'));
    expect(told.map(({ text }) => text)).toEqual([
      expect.stringContaining(`"requestId":${late.id},`),
      expect.stringContaining(`"requestId":${unwanted.id},`),
    ]);
    expect(told[1]?.headers).toMatchObject({ 'x-caller': 'c' });
  });

  it('an event over the limit ends the session instead of filling memory', async () => {
    const server = await bareSse();
    server.onCall = () => server.event('x'.repeat(300_000));
    const { connection, closes } = await openSseServer(server.url, { limits: { resultBytesMax: 100_000 } });
    await expect(connection.request(toolCall('t'), {})).rejects.toMatchObject({ code: 'upstream/too_large' });
    expect(connection.closed).toBe(true);
    expect(closes).toHaveLength(1);
  });

  it('noise on the stream is ignored, and not shown in the log', async () => {
    const server = await bareSse();
    server.onCall = ({ value }) => {
      for (let index = 0; index < 500; index += 1) server.event('canary of somebody');
      server.event('{"jsonrpc":"2.0"}');
      server.result(value.id, '{"content":[]}');
    };
    const { connection, log } = await openSseServer(server.url);
    await connection.request(toolCall('t'), {});
    expect(log.length).toBeGreaterThan(0);
    expect(log.length).toBeLessThan(50);
    expect(log.join('')).not.toContain('canary');
  });

  it('ping of the server is answered by POST', async () => {
    const server = await bareSse();
    const { connection } = await openSseServer(server.url);
    server.event('{"jsonrpc":"2.0","id":"p1","method":"ping"}');
    await waitFor(() => server.posts.some(({ text }) => text === '{"jsonrpc":"2.0","id":"p1","result":{}}'));
    expect(connection.closed).toBe(false);
  });
});

describe('the end', () => {
  it('a stream that ends loses the session; calls are not repeated here', async () => {
    const server = await bareSse();
    const { connection, closes } = await openSseServer(server.url);
    const running = expect(connection.request(toolCall('t'), {})).rejects.toMatchObject({
      code: 'upstream/session_lost',
    });
    await waitFor(() => server.posts.length === 3);
    server.stream?.end();
    await running;
    expect(closes).toEqual(['its event stream ended']);
    await expect(connection.request(toolCall('t'), {})).rejects.toMatchObject({ code: 'upstream/session_lost' });
    expect(server.posts).toHaveLength(3);
  });

  it('closing closes the stream upstream', async () => {
    const server = await bareSse();
    const { connection } = await openSseServer(server.url);
    const closed = once(server.stream ?? createServer(), 'close');
    await connection.close();
    await closed;
  });
});
