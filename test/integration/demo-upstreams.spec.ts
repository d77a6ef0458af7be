import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import { startDemoUpstreams, type DemoUpstream, type RunningDemo } from '../../src/demo-upstreams.js';
import { freePort } from '../harness/free-port.js';
import { connectV1, connectV1Sse } from '../harness/mcp-client.js';
import { waitFor } from '../harness/wait-for.js';

const ROOT = join(import.meta.dirname, '../..');

let lines: string[];
let demo: RunningDemo | undefined;

beforeEach(() => {
  lines = [];
  demo = undefined;
});
afterEach(() => demo?.close());

async function start(upstreams: readonly DemoUpstream[]): Promise<void> {
  demo = await startDemoUpstreams(pino({}, { write: (line: string) => void lines.push(line) }), upstreams);
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    // Refused: nobody listens.
    return false;
  } finally {
    socket.destroy();
  }
}

describe('the demo servers of the example', () => {
  it('answer real clients over streamable HTTP and over HTTP+SSE, and end with the gateway', async () => {
    const [http, sse] = [await freePort(), await freePort()];
    await start([
      { server: 'everything_http', transport: 'streamableHttp', port: http },
      { server: 'everything_sse', transport: 'sse', port: sse },
    ]);
    expect(lines.filter((line) => line.includes('listens on 127.0.0.1'))).toHaveLength(2);
    for (const client of [
      await connectV1(`http://127.0.0.1:${http}/mcp`),
      await connectV1Sse(`http://127.0.0.1:${sse}/sse`),
    ]) {
      expect((await client.listTools()).tools.map(({ name }) => name)).toContain('echo');
      await client.close();
    }
    await demo?.close();
    expect([await listens(http), await listens(sse)]).toEqual([false, false]);
    expect(lines).toHaveLength(2);
  });

  it('are a clear warning when their port is taken, not a failed start', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    try {
      await start([
        { server: 'everything_http', transport: 'streamableHttp', port },
        { server: 'everything_sse', transport: 'sse', port },
      ]);
      expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg).sort()).toEqual(
        ['everything_http', 'everything_sse'].map(
          (server) =>
            `port ${port} is taken: the demo server ${server} is not started, and calls to it reach whatever listens there`,
        ),
      );
    } finally {
      taken.close();
    }
  });

  it('end when whoever started them is killed without a chance to tell them', async () => {
    const port = await freePort();
    const program = `
      const { spawn } = require('node:child_process');
      spawn(process.execPath, ['scripts/demo-upstream.mjs', 'sse', '${port}'], { env: {}, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
      setInterval(() => undefined, 1000);`;
    const parent: ChildProcess = spawn(process.execPath, ['-e', program], { cwd: ROOT, stdio: 'ignore' });
    try {
      await waitFor(() => listens(port), { what: 'the demo server to listen' });
    } finally {
      parent.kill('SIGKILL');
    }
    await waitFor(async () => !(await listens(port)), { what: 'the demo server to end' });
  });
});
