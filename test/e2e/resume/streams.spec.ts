import { fakeUpstream, type FakeCall, type FakeUpstream } from '../../harness/fake-upstream.js';
import { clientHeaders, rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

interface Event {
  readonly id: string | undefined;
  readonly retry: string | undefined;
  readonly data: string;
}

let upstream: FakeUpstream;
let gateway: TestGateway;
/** Ends the call of this name. */
const finish = new Map<string, () => void>();
const running = new Map<string, FakeCall>();

beforeAll(async () => {
  upstream = await fakeUpstream({
    stateful: true,
    tools: [
      {
        name: 'slow',
        inputSchema: { type: 'object' },
        run: async ({ name, chars }, call) => {
          const { promise, resolve } = Promise.withResolvers<void>();
          finish.set(String(name), resolve);
          running.set(String(name), call);
          call.log('info', `${String(name)} began`);
          await promise;
          return `${String(name)} done${'x'.repeat(Number(chars ?? 0))}`;
        },
      },
    ],
  });
  gateway = await startGateway({
    config: {
      mcp_servers: { up: { url: upstream.url, transport: 'http' } },
      general_settings: { limits: { resume_bytes: 20_000 } },
    },
  });
}, 60_000);

afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

const url = (): string => `${gateway.url}/up/mcp`;

async function openSession(protocolVersion = '2025-11-25'): Promise<string> {
  const params = { protocolVersion, capabilities: {}, clientInfo: { name: 'test', version: '1' } };
  const { headers } = await rpc(url(), 'initialize', params, { key: gateway.key });
  return headers.get('mcp-session-id') ?? '';
}

/** A connection that is read event by event and can be cut. */
class Connection {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #abort: AbortController;
  #text = '';

  private constructor(
    readonly status: number,
    body: ReadableStream<Uint8Array>,
    abort: AbortController,
  ) {
    this.#reader = body.getReader();
    this.#abort = abort;
  }

  static async open(init: RequestInit): Promise<Connection> {
    const abort = new AbortController();
    const response = await fetch(url(), { ...init, signal: abort.signal });
    if (response.body === null) throw new Error(`HTTP ${response.status}`);
    return new Connection(response.status, response.body, abort);
  }

  static call(sessionId: string, name: string, id: number | string, args: Record<string, unknown> = {}) {
    const params = { name: 'slow', arguments: { name, ...args } };
    return Connection.open({
      method: 'POST',
      headers: clientHeaders({ key: gateway.key, sessionId }),
      body: JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params }),
    });
  }

  static get(sessionId: string, lastEventId?: string) {
    const headers: Record<string, string> = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
    return Connection.open({ headers: clientHeaders({ key: gateway.key, sessionId, headers }) });
  }

  /** The next event; undefined at the end. */
  async next(): Promise<Event | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\n\n');
      if (end >= 0) {
        const block = this.#text.slice(0, end).split('\n');
        this.#text = this.#text.slice(end + 2);
        const field = (name: string) =>
          block
            .find((line) => line.startsWith(`${name}:`))
            ?.slice(name.length + 1)
            .trim();
        if (block.every((line) => line.startsWith(':'))) continue;
        return { id: field('id'), retry: field('retry'), data: field('data') ?? '' };
      }
      const { value, done } = await this.#reader.read();
      if (done) return undefined;
      this.#text += Buffer.from(value).toString();
    }
  }

  cut(): void {
    this.#abort.abort();
  }
}

/** Messages until the stream ends. */
async function rest(connection: Connection): Promise<{ id?: unknown; text: string }[]> {
  const messages: { id?: unknown; text: string }[] = [];
  for (let event = await connection.next(); event !== undefined; event = await connection.next()) {
    if (event.data !== '') messages.push({ id: (JSON.parse(event.data) as { id?: unknown }).id, text: event.data });
  }
  return messages;
}

test('a call whose connection broke goes on; its client comes back and gets what it missed, and the reply', async () => {
  const sessionId = await openSession();
  const call = await Connection.call(sessionId, 'broken', 7);
  const prime = await call.next();
  expect(prime).toMatchObject({ data: '', retry: expect.stringMatching(/^\d+$/) as string });
  const log = await call.next();
  expect(log?.data).toContain('broken began');
  call.cut();
  running.get('broken')?.log('info', 'went on');
  finish.get('broken')?.();
  const resumed = await rest(await Connection.get(sessionId, log?.id));
  expect(resumed.map(({ text }) => text)).toEqual([
    expect.stringContaining('went on'),
    expect.stringContaining('broken done'),
  ]);
  expect(resumed.at(-1)?.id).toBe(7);
  // Twice the same, from the beginning.
  const again = await rest(await Connection.get(sessionId, prime?.id));
  expect(again.map(({ id }) => id)).toEqual([undefined, undefined, 7]);
});

test('a client that comes back while the call runs hears the rest live', async () => {
  const sessionId = await openSession();
  const call = await Connection.call(sessionId, 'live', 'text id');
  const prime = await call.next();
  call.cut();
  const resumed = await Connection.get(sessionId, prime?.id);
  expect((await resumed.next())?.data).toBe('');
  expect((await resumed.next())?.data).toContain('live began');
  finish.get('live')?.();
  expect(await rest(resumed)).toEqual([expect.objectContaining({ id: 'text id' })]);
});

test('streams are not mixed up: each is resumed by itself', async () => {
  const sessionId = await openSession();
  const [one, two] = await Promise.all([Connection.call(sessionId, 'one', 1), Connection.call(sessionId, 'two', 2)]);
  const [first, second] = [await one.next(), await two.next()];
  one.cut();
  two.cut();
  await waitFor(() => finish.has('one') && finish.has('two'));
  finish.get('one')?.();
  finish.get('two')?.();
  expect((await rest(await Connection.get(sessionId, second?.id))).map(({ id }) => id)).toEqual([undefined, 2]);
  expect((await rest(await Connection.get(sessionId, first?.id))).map(({ id }) => id)).toEqual([undefined, 1]);
});

test('what is not kept any more is an error under the id of the request, not silence', async () => {
  const sessionId = await openSession();
  const call = await Connection.call(sessionId, 'large', 'big', { chars: 50_000 });
  const prime = await call.next();
  call.cut();
  await waitFor(() => finish.has('large'));
  finish.get('large')?.();
  await waitFor(() => upstream.inFlight === 0);
  const [lost] = await rest(await Connection.get(sessionId, prime?.id));
  expect(JSON.parse(lost?.text ?? '')).toMatchObject({ id: 'big', error: { code: -32603 } });
});

test("another session cannot resume it, and another session's id is no stream of this one", async () => {
  const [mine, other] = [await openSession(), await openSession()];
  const call = await Connection.call(mine, 'mine', 5);
  const prime = await call.next();
  call.cut();
  await waitFor(() => finish.has('mine'));
  finish.get('mine')?.();
  await waitFor(() => upstream.inFlight === 0);
  const messages = await rest(await Connection.get(other, prime?.id));
  expect(JSON.stringify(messages)).not.toContain('mine done');
});

test('what is told outside of calls while the stream is away comes when it is resumed', async () => {
  const sessionId = await openSession();
  const call = await Connection.call(sessionId, 'connect', 1);
  await call.next();
  const stream = await Connection.get(sessionId);
  const prime = await stream.next();
  expect(prime?.id).toBeDefined();
  await waitFor(() => upstream.streamCount > 1);
  upstream.notify('notifications/message', { level: 'info', data: 'before' });
  expect((await stream.next())?.data).toContain('before');
  finish.get('connect')?.();
  stream.cut();
  const resumed = await Connection.get(sessionId, prime?.id);
  expect((await resumed.next())?.data).toBe('');
  expect((await resumed.next())?.data).toContain('before');
  resumed.cut();
});

test('revisions that know nothing of it get streams without ids, and a gone client frees its call', async () => {
  const sessionId = await openSession('2025-06-18');
  const call = await Connection.call(sessionId, 'old', 1);
  const first = await call.next();
  expect(first).toMatchObject({ id: undefined, data: expect.stringContaining('old began') as string });
  call.cut();
  await waitFor(() => running.get('old')?.signal.aborted === true);
});
