import { connect } from 'node:net';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

const MIB = 1024 * 1024;
/** `limits.request_body_bytes`, as it is by default. */
const BODY_MAX = 4 * MIB;
/** What sockets may hold by themselves. */
const IN_SOCKETS_MAX = 16 * MIB;

/** Security page §3: large bodies are refused without being taken in. */
describe('a body over the limit', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());
  afterEach(async () => {
    expect((await rpc(`${gateway.url}/mcp`, 'ping', {}, { key: gateway.key })).status).toBe(200);
  });

  interface Outcome {
    /** Undefined: it hung up before the answer could be read. */
    readonly status: number | undefined;
    /** Bytes of the body that could be written before the gateway hung up. */
    readonly taken: number;
  }

  /** Sends until the gateway hangs up; with `feed` false only the head. */
  async function send(path: string, headers: readonly string[], feed: boolean, key = gateway.key): Promise<Outcome> {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    let answer = '';
    let taken = 0;
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(
      [
        `POST ${path} HTTP/1.1`,
        'Host: 127.0.0.1',
        `x-api-key: ${key}`,
        'Content-Type: application/json',
        ...headers,
        '',
        '',
      ].join('\r\n'),
    );
    const piece = `${MIB.toString(16)}\r\n${' '.repeat(MIB)}\r\n`;
    while (feed && !socket.destroyed && taken < 16_384 * MIB) {
      taken += MIB;
      if (!socket.write(piece)) await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed]);
    }
    await closed;
    const status = /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1];
    return { status: status === undefined ? undefined : Number(status), taken };
  }

  const DOOR = ['/mcp', '/mcp/any', '/mcp-rest/tools/call'];
  const CONTROL = '/mcp-rest/test/connection';

  test.each([...DOOR, CONTROL])(
    '%s: one that says how large it is gets its answer before a byte of it is sent',
    async (path) => {
      const { status } = await send(path, [`Content-Length: ${10_000 * MIB}`], false);
      expect(status).toBe(path === '/mcp/any' ? 404 : 413);
    },
  );

  test.each(DOOR)('%s: one that never ends is cut off near the limit', async (path) => {
    const { status, taken } = await send(path, ['Transfer-Encoding: chunked'], true);
    // The connection may be gone before the answer could be read.
    expect([413, 404, undefined]).toContain(status);
    expect(taken).toBeLessThan(BODY_MAX + IN_SOCKETS_MAX);
  });

  test.each(DOOR)('%s: of a stranger nothing is read at all', async (path) => {
    const { status, taken } = await send(path, ['Transfer-Encoding: chunked'], true, 'sk-nobody');
    expect([401, undefined]).toContain(status);
    expect(taken).toBeLessThan(IN_SOCKETS_MAX);
  });

  test('of a stranger on the control plane, that never ends: the sender reads the answer and is cut off', async () => {
    const { status } = await send(CONTROL, ['Transfer-Encoding: chunked'], true, 'sk-nobody');
    expect(status).toBe(401);
  });
});
