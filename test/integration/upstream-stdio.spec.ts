import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { notificationText, rawMember, requestText, type RpcMessage } from '../../src/core/protocol/rpc-message.js';
import { CallControl } from '../../src/engine/upstream/upstream.js';
import { everythingOverStdio, filesystemOverStdio, memoryOverStdio } from '../harness/real-servers.js';
import {
  closeAll,
  isRunning,
  nextRequestId,
  oddServer,
  openStdioServer,
  texts,
  toolCall,
} from '../harness/stdio-fixture/pipe-harness.js';
import { waitFor } from '../harness/wait-for.js';

afterEach(closeAll);

const listTools = (): { id: number; method: string; text: string; repeatable: boolean } => {
  const id = nextRequestId();
  return { id, method: 'tools/list', text: requestText(id, 'tools/list', undefined), repeatable: true };
};

const fixture = (name: string): string => fileURLToPath(new URL(`../harness/stdio-fixture/${name}`, import.meta.url));

async function pidOf(connection: Awaited<ReturnType<typeof openStdioServer>>['connection']): Promise<number> {
  const [text = ''] = texts(await connection.request(toolCall('where'), {}));
  return (JSON.parse(text) as { pid: number }).pid;
}

describe('real servers over stdio', () => {
  it('server-everything lists, calls and reports progress', async () => {
    const { connection, closes } = await openStdioServer(everythingOverStdio());
    expect(connection.info.protocolVersion).toBe('2025-11-25');
    expect(connection.info.capabilities).toHaveProperty('tools');
    expect(connection.info.instructions).toEqual(expect.stringContaining('#'));
    expect(connection.stateful).toBe(true);

    const list = await connection.request(listTools(), {});
    const names = (list.value['result'] as { tools: { name: string }[] }).tools.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['echo', 'get-sum']));
    expect(texts(await connection.request(toolCall('get-sum', '{"a":2,"b":3}'), {}))[0]).toContain('5');

    const progress: RpcMessage[] = [];
    const call = toolCall('trigger-long-running-operation', '{"duration":0.2,"steps":4}', {
      onMessage: (message) => void progress.push(message),
    });
    await connection.request(call, {});
    expect(progress.map(({ value }) => (value['params'] as { progressToken: unknown }).progressToken)).toEqual(
      Array.from({ length: 4 }, () => call.id),
    );

    await connection.close();
    expect(closes).toEqual(['closed by the gateway']);
  });

  it('server-filesystem reads a file, with its working folder as argument', async () => {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'gatehouse-fs-')));
    try {
      await writeFile(join(folder, 'a b.txt'), 'hello from disk');
      const { connection } = await openStdioServer(filesystemOverStdio(folder));
      const path = JSON.stringify(join(folder, 'a b.txt'));
      expect(texts(await connection.request(toolCall('read_text_file', `{"path":${path}}`), {}))).toEqual([
        'hello from disk',
      ]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('server-memory gets its file through its environment', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gatehouse-memory-'));
    try {
      const file = join(folder, 'memory.jsonl');
      const { connection } = await openStdioServer(memoryOverStdio(file));
      const entities = '{"entities":[{"name":"Gate","entityType":"thing","observations":["open"]}]}';
      await connection.request(toolCall('create_entities', entities), {});
      expect(await readFile(file, 'utf8')).toContain('Gate');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('a hundred calls at the same time get their own replies', async () => {
    const { connection } = await openStdioServer(everythingOverStdio());
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, index) => connection.request(toolCall('echo', `{"message":"m${index}"}`), {})),
    );
    replies.forEach((reply, index) => expect(texts(reply)[0]).toMatch(new RegExp(`m${index}$`)));
  });
});

describe('fidelity over stdio', () => {
  it('arguments reach the child as they came: big integers, escapes, unknown members, spacing', async () => {
    const { connection } = await openStdioServer(oddServer());
    const raw = '{"n":123456789012345678901234567890,"f":1.10,"s":"\\u00e9\\n",  "x":[1,  2]}';
    const call = toolCall('hang', raw);
    const control = new CallControl();
    const running = connection.request({ ...call, control }, {});
    const seen = texts(await connection.request(toolCall('seen'), {}));
    expect(seen).toContain(call.text);
    control.abandon();
    await expect(running).rejects.toMatchObject({ code: 'call/cancelled' });
  });

  it('results come back as they were sent: big integers, odd numbers, unknown block types and members', async () => {
    const { connection } = await openStdioServer(oddServer());
    const reply = await connection.request(toolCall('big'), {});
    expect(rawMember(reply, 'result')).toBe(
      '{"content":[{"type":"hologram","depth":1.0,"x":1e400}],"structuredContent":{"n":123456789012345678901234567890,"f":0.10000000000000000555,"e":"\\u00e9"},"isError":false,"unknown":[1,  2]}',
    );
    expect(connection.info.capabilities).toEqual({ tools: {}, 'x-odd': { kept: true } });
  });

  it('a message that was written over several lines arrives as one', async () => {
    const { connection } = await openStdioServer(oddServer());
    const call = toolCall('echo', '{\n  "text":\r\n "two\\nlines"\n}');
    expect(texts(await connection.request(call, {}))).toEqual(['two\nlines']);
  });

  it('replies are read whatever the chunks: CRLF, bytes of one character apart', async () => {
    const { connection } = await openStdioServer(oddServer());
    expect(texts(await connection.request(toolCall('crumbs'), {}))).toEqual(['Zürich 東京 🚆']);
  });

  it('a reply whose id is the number as a string finds its call', async () => {
    const { connection } = await openStdioServer(oddServer());
    await expect(connection.request(toolCall('digits-as-string'), {})).resolves.toBeDefined();
  });

  it('large results pass', async () => {
    const { connection } = await openStdioServer(oddServer());
    const [text = ''] = texts(await connection.request(toolCall('huge', '{"bytes":5000000}'), {}));
    expect(text).toHaveLength(5_000_000);
  });

  it('batches are read from a server of the one revision that had them', async () => {
    const { connection, notifications } = await openStdioServer(oddServer('--version=2025-03-26'));
    const reply = await connection.request(toolCall('batch'), {});
    expect(rawMember(reply, 'result')).toContain('12345678901234567890');
    expect(notifications.map(({ value }) => value['method'])).toEqual(['notifications/tools/list_changed']);
  });
});

describe('messages of the server', () => {
  it('progress goes to its running call, everything else to the session, in raw form', async () => {
    const { connection, notifications } = await openStdioServer(oddServer());
    const progress: RpcMessage[] = [];
    const call = toolCall('progress', '{"steps":3}', { onMessage: (message) => void progress.push(message) });
    await connection.request(call, {});
    expect(progress).toHaveLength(3);
    await connection.request(toolCall('announce'), {});
    expect(notifications.map(({ value }) => value['method'])).toEqual([
      'notifications/tools/list_changed',
      'notifications/message',
      // Of a task, perhaps: the session knows its tokens.
      'notifications/progress',
    ]);
    expect(notifications[1]?.text).toContain('12345678901234567890');
  });

  it('ping is answered, and what no client can answer is refused instead of left open', async () => {
    const { connection } = await openStdioServer(oddServer());
    expect(texts(await connection.request(toolCall('ask'), {}))).toEqual([
      '{"jsonrpc":"2.0","id":"p-1","result":{}}',
      '{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"Method not found"}}',
    ]);
  });

  it('a slow receiver gets progress in order and the reply last, and holds up no other call', async () => {
    const { connection } = await openStdioServer(oddServer());
    const steps: unknown[] = [];
    let release = (): void => undefined;
    const slow = connection.request(
      toolCall('progress', '{"steps":20}', {
        onMessage: async ({ value }) => {
          if (steps.length === 0) await new Promise<void>((resolve) => (release = resolve));
          steps.push((value['params'] as { progress: number }).progress);
        },
      }),
      {},
    );
    let isDone = false;
    void slow.then(() => (isDone = true));
    for (let call = 0; call < 5; call += 1) await connection.request(toolCall('echo', '{"text":"x"}'), {});
    expect(isDone).toBe(false);
    release();
    await slow;
    expect(steps).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  });

  it('progress that a receiver never takes is dropped beyond a bound', async () => {
    const { connection } = await openStdioServer(oddServer());
    const control = new CallControl();
    let taken = 0;
    const stuck = connection.request(
      toolCall('progress', '{"steps":5000,"size":10000}', {
        control,
        onMessage: () => {
          taken += 1;
          return new Promise<void>(() => undefined);
        },
      }),
      {},
    );
    const before = process.memoryUsage().rss;
    for (let call = 0; call < 3; call += 1) await connection.request(toolCall('echo'), {});
    expect(taken).toBe(1);
    expect(process.memoryUsage().rss - before).toBeLessThan(200_000_000);
    control.abandon();
    await expect(stuck).rejects.toMatchObject({ code: 'call/cancelled' });
  });

  it('a receiver that throws loses messages, not its reply', async () => {
    const { connection } = await openStdioServer(oddServer());
    const onMessage = (): void => {
      throw new Error('gone');
    };
    expect(texts(await connection.request(toolCall('progress', '{"steps":2}', { onMessage }), {}))).toEqual(['done']);
  });

  it('noise, lies and broken JSON on stdout are ignored and reported', async () => {
    const { connection, log } = await openStdioServer(oddServer('--banner'));
    expect(texts(await connection.request(toolCall('noise'), {}))).toEqual(['after the noise']);
    const text = log.join('');
    expect(text).toContain('Welcome to the odd server!');
    expect(text).toContain('console.log of a careless author');
  });
});

describe('deadlines and cancellation', () => {
  it('a call without a sign of life times out, and the server is told', async () => {
    const { connection } = await openStdioServer(oddServer());
    const call = toolCall('hang', '{}', { idleTimeoutMs: 50 });
    await expect(connection.request(call, {})).rejects.toMatchObject({
      code: 'upstream/timeout',
      data: { server: 'odd', retryable: true },
    });
    const seen = texts(await connection.request(toolCall('seen'), {}));
    expect(seen.filter((line) => line.includes('cancelled'))).toEqual([
      `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${call.id},"reason":"The request timed out"}}`,
    ]);
  });

  it("the server's own timeout counts when the call names none", async () => {
    const { connection } = await openStdioServer(oddServer(), { timeoutMs: 1_500 });
    await expect(connection.request(toolCall('hang'), {})).rejects.toMatchObject({ code: 'upstream/timeout' });
  });

  it('progress keeps a call alive beyond its idle deadline', async () => {
    const { connection } = await openStdioServer(oddServer());
    const call = toolCall('progress', '{"steps":8,"everyMs":100}', { idleTimeoutMs: 500 });
    expect(texts(await connection.request(call, {}))).toEqual(['done']);
  });

  it('no progress keeps a call alive beyond the deadline of a whole call', async () => {
    const { connection } = await openStdioServer(oddServer(), { limits: { callTimeoutMs: 600 } });
    const call = toolCall('progress', '{"steps":10000,"everyMs":20}', { idleTimeoutMs: 500 });
    await expect(connection.request(call, {})).rejects.toMatchObject({ code: 'upstream/timeout' });
  });

  it('a cancelled call ends at once, and the server is told', async () => {
    const { connection } = await openStdioServer(oddServer());
    const control = new CallControl();
    const call = toolCall('hang', '{}', { control });
    const running = connection.request(call, {});
    control.cancel();
    await expect(running).rejects.toMatchObject({ code: 'call/cancelled' });
    const seen = texts(await connection.request(toolCall('seen'), {}));
    expect(seen.at(-2)).toBe(
      `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${call.id},"reason":"The client cancelled the request"}}`,
    );
  });

  it('an abandoned call ends at once, and the server is not told; its late reply disturbs nobody', async () => {
    const { connection } = await openStdioServer(oddServer());
    const control = new CallControl();
    const running = connection.request(toolCall('later', '{"ms":30}', { control }), {});
    control.abandon();
    await expect(running).rejects.toMatchObject({ code: 'call/cancelled' });
    expect(texts(await connection.request(toolCall('later', '{"ms":60}'), {}))).toEqual(['late']);
    const seen = texts(await connection.request(toolCall('seen'), {}));
    expect(seen.join()).not.toContain('cancelled');
  });

  it('a call that was ended before it began is never sent', async () => {
    const { connection } = await openStdioServer(oddServer());
    const control = new CallControl();
    control.cancel();
    const call = toolCall('echo', '{}', { control });
    await expect(connection.request(call, {})).rejects.toMatchObject({ code: 'call/cancelled' });
    expect(texts(await connection.request(toolCall('seen'), {})).join()).not.toContain(String(call.id));
  });

  it('calls beyond the limit of the upstream are refused at once', async () => {
    const { connection } = await openStdioServer(oddServer(), { limits: { callsPerUpstreamMax: 2 } });
    const running = [connection.request(toolCall('hang'), {}), connection.request(toolCall('hang'), {})];
    await expect(connection.request(toolCall('echo'), {})).rejects.toMatchObject({ code: 'upstream/busy' });
    const ended = Promise.all(
      running.map((call) => expect(call).rejects.toMatchObject({ code: 'upstream/unreachable' })),
    );
    await connection.close();
    await ended;
  });

  it('notifications reach the server', async () => {
    const { connection } = await openStdioServer(oddServer());
    connection.send(notificationText('notifications/roots/list_changed', undefined), {});
    const seen = texts(await connection.request(toolCall('seen'), {}));
    expect(seen).toContain('{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}');
  });
});

describe('sizes', () => {
  const limits = { resultBytesMax: 100_000 };

  it.each([false, true])(
    'a result over the limit fails its call at once, and no other (id last: %s)',
    async (idLast) => {
      const { connection } = await openStdioServer(oddServer(), { limits });
      const other = connection.request(toolCall('later', '{"ms":100}'), {});
      await expect(
        connection.request(toolCall('huge', `{"bytes":300000,"idLast":${idLast}}`), {}),
      ).rejects.toMatchObject({ code: 'upstream/too_large' });
      expect(texts(await other)).toEqual(['late']);
      expect(texts(await connection.request(toolCall('huge', '{"bytes":90000}'), {}))[0]).toHaveLength(90_000);
    },
  );

  it('a result that nests without measure fails its call instead of stopping the gateway', async () => {
    const { connection } = await openStdioServer(oddServer());
    const started = performance.now();
    await expect(connection.request(toolCall('deep', '{"levels":3000000}'), {})).rejects.toMatchObject({
      code: 'upstream/bad_reply',
    });
    expect(performance.now() - started).toBeLessThan(2_500);
    await expect(connection.request(toolCall('deep', '{"levels":500}'), {})).resolves.toBeDefined();
  });

  it('a message without end ends the session instead of filling memory', async () => {
    const { connection, closes } = await openStdioServer(oddServer(), { limits });
    const pid = await pidOf(connection);
    await expect(connection.request(toolCall('endless'), {})).rejects.toMatchObject({ code: 'upstream/too_large' });
    expect(connection.closed).toBe(true);
    expect(closes).toHaveLength(1);
    await connection.close();
    expect(await isRunning(pid)).toBe(false);
  });

  it('a server that does not read is not written to without bound', async () => {
    const { connection } = await openStdioServer(oddServer());
    await connection.request(toolCall('deaf'), {});
    const padding = `{"text":"${'x'.repeat(4_000_000)}"}`;
    const calls = Array.from({ length: 8 }, () => connection.request(toolCall('echo', padding), {}));
    const outcomes = Promise.allSettled(calls);
    await expect(Promise.race(calls)).rejects.toMatchObject({ code: 'upstream/busy' });
    await connection.close();
    const codes = (await outcomes).map(
      (outcome) => outcome.status === 'rejected' && (outcome.reason as Error & { code: string }).code,
    );
    expect(codes.filter((code) => code === 'upstream/unreachable').length).toBeGreaterThan(3);
  });
});

describe('starting', () => {
  it('a command that does not exist is named, with the fix', async () => {
    await expect(
      openStdioServer({ transport: 'stdio', command: 'no-such-command-here', args: [] }),
    ).rejects.toMatchObject({
      code: 'upstream/spawn_refused',
      detail: 'odd: the command "no-such-command-here" was not found on PATH; install it or give its full path',
    });
  });

  it('a file that is not executable is named', async () => {
    const file = new URL('../../package.json', import.meta.url).pathname;
    await expect(openStdioServer({ transport: 'stdio', command: file, args: [] })).rejects.toMatchObject({
      code: 'upstream/spawn_refused',
      detail: expect.stringContaining('may not be executed'),
    });
  });

  it('a working directory that does not exist is told apart from a missing command', async () => {
    await expect(openStdioServer(oddServer(), { cwd: '/no/such/folder' })).rejects.toMatchObject({
      code: 'upstream/spawn_refused',
      detail: expect.stringContaining('the working directory "/no/such/folder" does not exist'),
    });
  });

  it('arguments are a vector: no shell reads them', async () => {
    const args = ['; touch /tmp/x', '$(id)', '`id`', '&& false', '* ?', 'a \'b\' "c"', ''];
    const { connection } = await openStdioServer(oddServer(...args), { cwd: tmpdir() });
    const [text = ''] = texts(await connection.request(toolCall('where'), {}));
    expect(JSON.parse(text)).toMatchObject({ argv: args, cwd: await realpath(tmpdir()) });
  });

  it('a command with shell metacharacters is looked for as it stands', async () => {
    for (const command of ['echo hi; true', '$SHELL', `${process.execPath} --version`]) {
      await expect(openStdioServer({ transport: 'stdio', command, args: [] })).rejects.toMatchObject({
        code: 'upstream/spawn_refused',
      });
    }
  });

  it("the child sees its own environment and the basics, and nothing else of the gateway's", async () => {
    const environment = {
      PATH: process.env['PATH'],
      HOME: '/home/gate',
      LC_ALL: 'C.UTF-8',
      DATABASE_URL: 'postgres://canary',
      LITELLM_MASTER_KEY: 'sk-canary',
      NODE_OPTIONS: '--no-warnings',
      LD_PRELOAD: '',
    };
    const { connection } = await openStdioServer(
      oddServer(),
      { env: { MY_TOKEN: 't', HOME: '/over' } },
      { environment },
    );
    const [text = ''] = texts(await connection.request(toolCall('env'), {}));
    expect(JSON.parse(text)).toEqual({ PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', MY_TOKEN: 't', HOME: '/over' });
  });

  it('a child that leaves at once is unreachable, with its last words', async () => {
    await expect(openStdioServer(oddServer('--fail-at-start'))).rejects.toMatchObject({
      code: 'upstream/unreachable',
      detail: 'odd: it exited with code 1: Set ODD_TOKEN and start again',
    });
  });

  it('a child that never answers initialize is given up, and ended', async () => {
    const started = performance.now();
    await expect(openStdioServer(oddServer('--never-initialize'), { timeoutMs: 1_000 })).rejects.toMatchObject({
      code: 'upstream/timeout',
    });
    expect(performance.now() - started).toBeLessThan(8_000);
  });

  it('a child that refuses initialize says why', async () => {
    await expect(openStdioServer(oddServer('--refuse'))).rejects.toMatchObject({
      code: 'upstream/bad_reply',
      detail: 'odd: it refused initialize with -32001: licence expired',
    });
  });

  it.each(['2025-06-18', '2025-03-26', '2024-11-05', '2024-10-07'])(
    'a server of revision %s is spoken to',
    async (version) => {
      const { connection } = await openStdioServer(oddServer(`--version=${version}`));
      expect(connection.info.protocolVersion).toBe(version);
      expect(texts(await connection.request(toolCall('echo', '{"text":"hi"}'), {}))).toEqual(['hi']);
    },
  );

  it.each(['2099-01-01', '1.0'])('a server that answers initialize with %s is refused', async (version) => {
    await expect(openStdioServer(oddServer(`--version=${version}`))).rejects.toMatchObject({
      code: 'upstream/bad_reply',
    });
  });

  it('a server that came by REST runs only when enabled, and only allowed commands by exact name', async () => {
    const definition = oddServer();
    const open = (enabled: boolean, allowedCommands: string[]) =>
      openStdioServer(definition, { origin: 'db' }, { stdio: { enabled, allowedCommands } });
    await expect(open(false, [definition.command])).rejects.toMatchObject({ code: 'upstream/spawn_refused' });
    await expect(open(true, ['node', `${definition.command} `])).rejects.toMatchObject({
      code: 'upstream/spawn_refused',
    });
    const { connection } = await open(true, [definition.command]);
    expect(connection.closed).toBe(false);
  });
});

describe('crashes', () => {
  it('a crash fails the running calls as a lost session, with code and last words, and closes once', async () => {
    const { connection, closes } = await openStdioServer(oddServer());
    const other = connection.request(toolCall('hang'), {});
    const crash = connection.request(toolCall('crash'), {});
    await expect(crash).rejects.toMatchObject({
      code: 'upstream/session_lost',
      detail: 'odd: it exited with code 3: boom: out of luck',
    });
    await expect(other).rejects.toMatchObject({ code: 'upstream/session_lost' });
    expect(connection.closed).toBe(true);
    expect(closes).toEqual(['it exited with code 3: boom: out of luck']);
    await expect(connection.request(toolCall('echo'), {})).rejects.toMatchObject({ code: 'upstream/session_lost' });
    await connection.close();
    expect(closes).toHaveLength(1);
  });

  it('a signal from outside is named', async () => {
    const { connection, closes } = await openStdioServer(oddServer());
    process.kill(await pidOf(connection), 'SIGKILL');
    await waitFor(() => closes.length > 0);
    expect(closes).toEqual(['it was ended by SIGKILL']);
  });

  it('a reply written just before the exit still counts', async () => {
    const { connection } = await openStdioServer(oddServer());
    expect(texts(await connection.request(toolCall('crash-after-reply'), {}))).toEqual(['last words']);
  });

  it('a child that closes its output but stays is over, and ended', async () => {
    const { connection, closes } = await openStdioServer(oddServer());
    const pid = await pidOf(connection);
    await expect(connection.request(toolCall('close-output'), {})).rejects.toMatchObject({
      code: 'upstream/session_lost',
    });
    expect(closes).toEqual(['it closed its output']);
    await waitFor(async () => !(await isRunning(pid)));
  });

  it('a child that closes its input but stays is over', async () => {
    // Node cannot close its own standard input; a shell can.
    const script = `
      read -r line
      id=$(printf '%s' "$line" | sed 's/.*"id":\\([0-9]*\\).*/\\1/')
      printf '{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-11-25","capabilities":{}}}\\n' "$id"
      exec 0<&-
      sleep 60`;
    const { connection, closes } = await openStdioServer({ transport: 'stdio', command: 'sh', args: ['-c', script] });
    const running = expect(connection.request(toolCall('echo'), {})).rejects.toMatchObject({
      code: 'upstream/session_lost',
    });
    await waitFor(() => {
      connection.send(notificationText('notifications/roots/list_changed', undefined), {});
      return closes.length > 0;
    });
    await running;
    expect(closes).toEqual(['it closed its input']);
  });

  it('what a crashed child forked is ended too', async () => {
    const { connection } = await openStdioServer(oddServer());
    const [grandchild = ''] = texts(await connection.request(toolCall('fork', '{"stubborn":true}'), {}));
    expect(await isRunning(Number(grandchild))).toBe(true);
    await expect(connection.request(toolCall('crash'), {})).rejects.toMatchObject({ code: 'upstream/session_lost' });
    await waitFor(async () => !(await isRunning(Number(grandchild))));
  });
});

describe('closing', () => {
  it('a child that leaves when its input ends is gone when close resolves', async () => {
    const { connection } = await openStdioServer(oddServer());
    const pid = await pidOf(connection);
    await connection.close();
    expect(await isRunning(pid)).toBe(false);
  });

  it('a child that ignores the end of its input and SIGTERM is killed', async () => {
    const { connection } = await openStdioServer(oddServer('--stubborn'));
    const pid = await pidOf(connection);
    await connection.close();
    expect(await isRunning(pid)).toBe(false);
  });

  it.each([false, true])('no grandchild stays behind (one that ignores SIGTERM: %s)', async (stubborn) => {
    const { connection } = await openStdioServer(oddServer());
    const pid = await pidOf(connection);
    const [grandchild = ''] = texts(await connection.request(toolCall('fork', `{"stubborn":${stubborn}}`), {}));
    await connection.close();
    expect(await isRunning(pid)).toBe(false);
    expect(await isRunning(Number(grandchild))).toBe(false);
  });

  it('is the same however often it is asked for, and fails what runs', async () => {
    const { connection, closes } = await openStdioServer(oddServer());
    const running = connection.request(toolCall('hang'), {});
    const failed = expect(running).rejects.toMatchObject({ code: 'upstream/unreachable' });
    await Promise.all([connection.close(), connection.close()]);
    await failed;
    await connection.close();
    expect(closes).toEqual(['closed by the gateway']);
  });
});

describe('when the gateway itself leaves without closing', () => {
  it.each(['exit', 'uncaught', 'sigkill'])('its children do not outlive it (%s)', async (how) => {
    const gateway = spawn(
      process.execPath,
      [
        '--no-warnings',
        '--experimental-transform-types',
        '--import',
        fixture('load-source.mjs'),
        fixture('leaving-gateway.ts'),
        how,
      ],
      { stdio: ['pipe', 'pipe', 'ignore'] },
    );
    const exited = once(gateway, 'exit');
    const [line] = (await once(gateway.stdout, 'data')) as [Buffer];
    const pids = (JSON.parse(line.toString()) as { pids: number[] }).pids.filter((pid) => pid > 0);
    for (const pid of pids) expect(await isRunning(pid)).toBe(true);
    gateway.stdin.write('leave\n');
    await exited;
    for (const pid of pids) await waitFor(async () => !(await isRunning(pid)));
  });
});

describe('stderr of a child', () => {
  it('is in our log, with the name of the server', async () => {
    const { connection, log } = await openStdioServer(oddServer());
    await connection.request(toolCall('complain', '{"text":"disk is nearly full"}'), {});
    await waitFor(() => log.some((line) => line.includes('disk is nearly full')));
    expect(log.find((line) => line.includes('disk is nearly full'))).toContain('"server":"odd"');
  });

  it('does not carry the secrets of its environment into log or errors', async () => {
    const env = { API_TOKEN: 'canary-4711-secret', SHORT: 'abc' };
    const { connection, log, closes } = await openStdioServer(oddServer(), { env });
    await connection.request(toolCall('complain', '{"text":"using token canary-4711-secret"}'), {});
    await waitFor(() => log.some((line) => line.includes('using token [redacted]')));
    process.kill(await pidOf(connection), 'SIGKILL');
    await waitFor(() => closes.length > 0);
    expect([...log, ...closes].join()).not.toContain('canary-4711');
  });

  it('cannot flood our log, by number or by length of lines', async () => {
    const { connection, log } = await openStdioServer(oddServer());
    await connection.request(toolCall('flood-stderr', '{"lines":3000,"size":20000}'), {});
    await connection.close();
    expect(log.length).toBeLessThan(300);
    expect(Math.max(...log.map((line) => line.length))).toBeLessThan(6_000);
    const dropped = log
      .filter((line) => line.includes('floods its stderr'))
      .map((line) => (JSON.parse(line) as { count: number }).count);
    expect(dropped.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(2_000);
  });
});
