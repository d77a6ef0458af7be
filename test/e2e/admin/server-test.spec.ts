import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { canary, findLeaks } from '../../harness/canaries.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { webPage } from '../../harness/bad-upstreams.js';
import { isAlive } from '../../harness/is-alive.js';
import { listen } from '../../harness/listen.js';
import { waitFor } from '../../harness/wait-for.js';

const EVERYTHING = 'node_modules/@modelcontextprotocol/server-everything/dist/index.js';

/** `/mcp-rest/test/*`: reference §2.4, without its defects. */
describe('trying a server before it is saved', () => {
  let gateway: TestGateway;
  let upstream: FakeUpstream;
  let folder: string;
  const secret = canary('probe');

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gatehouse-probe-'));
    upstream = await fakeUpstream({
      tools: ['one', 'two', 'three'].map((name) => ({ name, inputSchema: { type: 'object' } })),
      pageSize: 2,
      stateful: true,
      accepts: (headers) => headers.authorization === `Bearer ${secret}`,
    });
    gateway = await startGateway({
      config: {
        general_settings: { stdio: { enabled: true, allowed_commands: ['node'] }, limits: { list_timeout: 2 } },
      },
    });
  });

  afterAll(async () => {
    await gateway.close();
    await upstream.close();
    await rm(folder, { recursive: true });
  });

  async function post(
    kind: 'connection' | 'tools/list',
    body: unknown,
  ): Promise<{ status: number; body: unknown; text: string }> {
    const response = await fetch(`${gateway.url}/mcp-rest/test/${kind}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${gateway.key}` },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: JSON.parse(text), text };
  }

  test('connects and lists all pages with the credential given, and leaves no session behind', async () => {
    const server = {
      server_name: 'mine',
      url: upstream.url,
      transport: 'http',
      auth_type: 'bearer_token',
      credentials: { auth_value: secret },
    };
    expect(await post('connection', server)).toMatchObject({ status: 200, body: { status: 'ok' } });
    const listed = await post('tools/list', server);
    expect(listed).toMatchObject({
      status: 200,
      body: { tools: [{ name: 'one' }, { name: 'two' }, { name: 'three' }], error: null },
    });
    expect(listed.text).not.toContain(secret);
    expect(await gateway.metrics()).toMatch(/^gatehouse_upstream_connections 0$/m);
    expect(upstream.sessions.size).toBe(0);
  });

  test('a server that does not work is an answer with a reason that holds no secret', async () => {
    const page = await webPage();
    const cases = [
      [{ url: 'http://127.0.0.1:9/mcp', transport: 'http' }, 'upstream/unreachable'],
      [{ url: page.url, transport: 'http' }, 'upstream/bad_reply'],
      [
        { url: upstream.url, transport: 'http', auth_type: 'bearer_token', auth_value: `${secret}-wrong` },
        'upstream/unauthorized',
      ],
      [{ url: 'http://169.254.169.254/latest/meta-data', transport: 'http' }, 'upstream/refused_address'],
      [{ command: 'node', args: ['-e', 'process.exit(3)'] }, 'upstream/unreachable'],
    ] as const;
    for (const [server, code] of cases) {
      const connected = await post('connection', server);
      expect([server, connected.status, connected.body]).toEqual([
        server,
        200,
        { status: 'error', code, message: expect.stringMatching(/.{10,}/) as string },
      ]);
      expect(await post('tools/list', server)).toMatchObject({
        status: 200,
        body: { status: 'error', error: code, tools: [] },
      });
      expect(findLeaks(connected.text, [secret])).toEqual([]);
    }
    await page.close();
  });

  test('a body that is no server is 422 with every problem', async () => {
    const { status, body } = await post('connection', {
      url: 'ftp://x',
      transport: 'htp',
      auth_type: 'secret',
      args: 'x',
    });
    expect(status).toBe(422);
    const { detail } = body as { detail: { loc: string[]; msg: string; type: string }[] };
    expect(detail.map(({ loc }) => loc.join('.')).sort()).toEqual([
      'body.args',
      'body.auth_type',
      'body.transport',
      'body.url',
    ]);
    expect((await post('connection', [])).status).toBe(422);
    expect((await post('connection', { server_name: 'nothing else' })).status).toBe(422);
  });

  test('a body that is no JSON, too deep or too large is refused in our words', async () => {
    expect(await post('connection', '{"url": sk-secret')).toMatchObject({
      status: 400,
      body: { detail: { code: 'rpc/parse_error' } },
    });
    const deep = `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`;
    expect(await post('connection', deep)).toMatchObject({
      status: 400,
      body: { detail: { code: 'rpc/parse_error' } },
    });
    const large = await post('connection', JSON.stringify({ url: 'x'.repeat(5 * 1024 * 1024) }));
    expect(large).toMatchObject({ status: 413, body: { detail: { code: 'http/body_too_large' } } });
  });

  test.each([
    ['a command that is not listed', { command: 'sh', args: ['-c', 'id'] }],
    ['a path to an allowed one', { command: '/usr/bin/node' }],
    ['a relative path', { command: './node' }],
    ['a climb', { command: '../../bin/node' }],
    ['a trailing space', { command: 'node ' }],
    ['another case', { command: 'NODE' }],
    ['arguments in the command', { command: 'node -e 1' }],
    ['shell metacharacters', { command: 'node;id' }],
    ['a substitution', { command: '$(node)' }],
    ['interpreter options through the environment', { command: 'node', env: { NODE_OPTIONS: '--require /tmp/x.js' } }],
    ['a preload', { command: 'node', env: { LD_PRELOAD: '/tmp/x.so' } }],
    ['another search path', { command: 'node', env: { PATH: '/tmp' } }],
    ['the same in lower case', { command: 'node', env: { node_options: '--inspect' } }],
  ])('stdio: %s is refused (defect 21)', async (_name, server) => {
    const { status } = await post('connection', { args: [], ...server });
    expect([403, 422]).toContain(status);
  });

  test('stdio: an allowed command runs and its tools are listed', async () => {
    const { status, body } = await post('tools/list', {
      command: 'node',
      args: [fileURLToPath(new URL(`../../../${EVERYTHING}`, import.meta.url))],
    });
    expect(status).toBe(200);
    expect((body as { tools: { name: string }[] }).tools.map(({ name }) => name)).toContain('echo');
  });

  /** A child that says where it lives, then runs the script. */
  async function tellingChild(script: string): Promise<{ server: object; pid: () => Promise<number> }> {
    const file = join(folder, `${randomUUID()}.pid`);
    const tell = `require('node:fs').writeFileSync(${JSON.stringify(file)}, String(process.pid));`;
    const pid = async (): Promise<number> => Number(await readFile(file, 'utf8'));
    return { server: { command: 'node', args: ['-e', tell + script], timeout: 3_600 }, pid };
  }
  const nothingHeld = async (): Promise<void> => {
    await waitFor(
      async () =>
        /^gatehouse_upstream_connections 0$[\s\S]*^gatehouse_upstream_children 0$/m.test(await gateway.metrics()),
      { what: 'the pool to be empty' },
    );
  };

  test.each([
    ['answers', `void import(${JSON.stringify(new URL(`../../../${EVERYTHING}`, import.meta.url).href)})`, null],
    ['hangs', 'setInterval(() => undefined, 1000); process.stdin.resume()', 'upstream/timeout'],
    [
      'hangs and does not heed SIGTERM',
      "process.on('SIGTERM', () => undefined); setInterval(() => undefined, 1000)",
      'upstream/timeout',
    ],
  ])('a child that %s is gone after the test', async (_how, script, error) => {
    const { server, pid } = await tellingChild(script);
    expect((await post('tools/list', server)).body).toMatchObject({ error });
    const child = await pid();
    await waitFor(() => !isAlive(child), { what: 'the child to end', timeoutMs: 20_000 });
    await nothingHeld();
  });

  test('a remote server that hangs keeps no socket of ours after the test', async () => {
    const sockets = new Set<Socket>();
    const hung = createServer();
    hung.on('connection', (socket) => {
      sockets.add(socket);
      socket.resume().once('close', () => sockets.delete(socket));
    });
    const { origin, close } = await listen(hung);
    const answer = await post('tools/list', { url: `${origin}/mcp`, transport: 'http', timeout: 3_600 });
    expect(answer.body).toMatchObject({ status: 'error', error: 'upstream/timeout' });
    await waitFor(() => sockets.size === 0, { what: 'our socket to be closed' });
    await nothingHeld();
    await close();
  });

  test('stdio is off unless the configuration turns it on', async () => {
    const strict = await startGateway();
    const response = await fetch(`${strict.url}/mcp-rest/test/connection`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': strict.key },
      body: JSON.stringify({ command: 'node', args: [] }),
    });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({
      detail: { error: expect.stringContaining('general_settings.stdio.enabled') as string },
    });
    await strict.close();
  });
});
