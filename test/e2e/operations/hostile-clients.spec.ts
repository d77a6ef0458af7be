import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

/** Clients that do not mean well, or do not know HTTP (security page §3). */
describe('what arrives on a socket', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway({ settings: { limits: { connectionsMax: 60 } } });
  });
  afterAll(() => gateway.close());

  async function open(): Promise<Socket> {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }

  /** Sends text and gives back everything until the gateway closes. */
  async function exchange(text: string): Promise<string> {
    const socket = await open();
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    const closed = once(socket, 'close');
    socket.write(text);
    await closed;
    return answer;
  }

  const stillServing = async (): Promise<void> => {
    const { status } = await rpc(`${gateway.url}/mcp`, 'ping', {}, { key: gateway.key });
    expect(status).toBe(200);
  };

  afterEach(stillServing);

  test('no HTTP gets 400 and a closed connection', async () => {
    expect(await exchange('\x16\x03\x01\x02\x00\x01\x00garbage\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await exchange('GET / HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await exchange('POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('two lengths, or a length beside chunks, are refused: no smuggling', async () => {
    const head = `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: ${gateway.key}\r\n`;
    expect(await exchange(`${head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`)).toMatch(/^HTTP\/1\.1 400 /);
    expect(await exchange(`${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 400 /,
    );
  });

  test('a header block over the limit is 431', async () => {
    const answer = await exchange(`GET /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Flood: ${'a'.repeat(20_000)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  });

  test('connections over the limit are closed at once, and room comes back', async () => {
    const sockets = await Promise.all(Array.from({ length: 80 }, open));
    await waitFor(() => sockets.filter(({ destroyed, readableEnded }) => destroyed || readableEnded).length >= 15);
    for (const socket of sockets) socket.destroy();
    await waitFor(async () => (await rpc(`${gateway.url}/mcp`, 'ping', {}, { key: gateway.key })).status === 200);
  });

  test('pipelined requests are answered in order', async () => {
    const ping = (id: number, last: boolean): string => {
      const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'ping' });
      return `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: ${gateway.key}\r\nContent-Type: application/json\r\n${last ? 'Connection: close\r\n' : ''}Content-Length: ${body.length}\r\n\r\n${body}`;
    };
    const answer = await exchange(ping(1, false) + ping(2, false) + ping(3, true));
    expect([...answer.matchAll(/"id":(\d)/g)].map(([, id]) => id)).toEqual(['1', '2', '3']);
  });

  test('a request that never ends is cut, one that says nothing too', async () => {
    const [slow, silent] = [await open(), await open()];
    let answer = '';
    slow.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    silent.resume();
    slow.write('POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n');
    const drip = setInterval(() => slow.write('X-Drip: a\r\n'), 1_000);
    await once(slow, 'close');
    clearInterval(drip);
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    await waitFor(() => silent.destroyed || silent.readableEnded, { timeoutMs: 20_000 });
  }, 60_000);
});
