import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import pg from 'pg';
import { GatewayError } from '../../src/core/errors/gateway-error.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/platform/database/embedded-postgres.js';
import { isAlive } from '../harness/is-alive.js';
import { waitFor } from '../harness/wait-for.js';

const FIXTURE = new URL('embedded-gateway.mjs', import.meta.url).pathname;
const isRoot = process.getuid?.() === 0;

let dataDir: string;
let warnings: string[];
const running: EmbeddedPostgres[] = [];
const children: ChildProcess[] = [];

/** A cluster made once: making one takes as long as everything else a test does. */
let madeDir: string;

beforeAll(async () => {
  madeDir = await folder();
  dataDir = madeDir;
  warnings = [];
  const server = await start();
  await query(server.url.reveal(), "CREATE TABLE kept AS SELECT 'here' AS word");
  await server.stop();
});

afterAll(() => rm(madeDir, { recursive: true, force: true }));

beforeEach(async () => {
  dataDir = await folder();
  warnings = [];
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const server of running.splice(0)) await server.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'gatehouse-embedded-'));
  await chmod(path, 0o755);
  return path;
}

/** Gives this test's folder a cluster with a table `kept`. */
async function useMadeCluster(): Promise<void> {
  await promisify(execFile)('cp', ['-a', join(madeDir, 'postgres'), dataDir]);
}

async function start(options: { dataDir?: string; port?: number } = {}): Promise<EmbeddedPostgres> {
  const log = { debug: () => undefined, warn: (message: string) => void warnings.push(message) };
  const server = await startEmbeddedPostgres({ dataDir, port: 0, log, ...options });
  running.push(server);
  return server;
}

async function refusal(options: { dataDir?: string; port?: number } = {}): Promise<string> {
  try {
    await start(options);
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'database/unavailable') return error.message;
    throw error;
  }
  throw new Error('it started');
}

/** Another gateway's process with an embedded Postgres on the folder of this test. */
async function startElsewhere(): Promise<{ gateway: ChildProcess; pid: number }> {
  const gateway = spawn(process.execPath, [FIXTURE, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(gateway);
  const [line] = (await once(createInterface({ input: gateway.stdout }), 'line')) as [string];
  return { gateway, ...(JSON.parse(line) as { pid: number }) };
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function processesNaming(text: string): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,args=']);
  return stdout
    .split('\n')
    .filter((line) => line.includes(text))
    .map((line) => Number.parseInt(line, 10));
}

describe('the embedded Postgres', () => {
  it('keeps its data from one run to the next and leaves no process behind', async () => {
    const first = await start();
    await query(first.url.reveal(), "CREATE TABLE kept AS SELECT 'here' AS word");
    await first.stop();
    expect(isAlive(first.pid)).toBe(false);
    const second = await start();
    expect(await query(second.url.reveal(), 'SELECT word FROM kept')).toEqual([{ word: 'here' }]);
    await second.stop();
    expect(await processesNaming(dataDir)).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it('lets in only who knows its password, which only its owner can read, and listens on loopback only', async () => {
    await useMadeCluster();
    const server = await start();
    const wrong = new URL(server.url.reveal());
    wrong.password = 'guess';
    await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
    expect((await stat(join(dataDir, 'postgres', 'gatehouse.password'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(dataDir, 'postgres'))).mode & 0o777).toBe(0o700);
    const shown = await query(server.url.reveal(), 'SHOW listen_addresses');
    expect(shown).toEqual([{ listen_addresses: '127.0.0.1' }]);
    expect(JSON.stringify({ server, warnings })).not.toContain(new URL(server.url.reveal()).password);
  });

  it('ends when its gateway is killed, and the next run finds everything that was committed', async () => {
    await useMadeCluster();
    const { gateway, pid } = await startElsewhere();
    gateway.kill('SIGKILL');
    await waitFor(() => !isAlive(pid), { what: 'the watchdog to stop Postgres' });
    const next = await start();
    expect(await query(next.url.reveal(), 'SELECT word FROM kept')).toEqual([{ word: 'here' }]);
  });

  it('is stopped by the next run when even the watchdog was killed', async () => {
    await useMadeCluster();
    const { gateway, pid } = await startElsewhere();
    for (const watchdog of await processesNaming(`kill -INT "$0" ${pid}`)) process.kill(watchdog, 'SIGKILL');
    gateway.kill('SIGKILL');
    await once(gateway, 'exit');
    expect(isAlive(pid)).toBe(true);
    const next = await start();
    expect(isAlive(pid)).toBe(false);
    expect(await query(next.url.reveal(), 'SELECT word FROM kept')).toEqual([{ word: 'here' }]);
    expect(warnings.join()).toContain('of a gateway that was killed');
  });

  it('recovers when gateway and server were killed at once', async () => {
    await useMadeCluster();
    const { gateway, pid } = await startElsewhere();
    process.kill(pid, 'SIGKILL');
    gateway.kill('SIGKILL');
    const next = await start();
    expect(await query(next.url.reveal(), 'SELECT word FROM kept')).toEqual([{ word: 'here' }]);
  });

  it('is refused to a second gateway on the same folder, and the first does not notice', async () => {
    await useMadeCluster();
    const first = await start();
    const message = await refusal();
    expect(message).toContain('another gateway is running');
    expect(message).toContain('GATEHOUSE_DATA_DIR');
    expect(await query(first.url.reveal(), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('belongs to exactly one of several gateways that start on an empty folder at once', async () => {
    const outcomes = await Promise.allSettled([start(), start(), start()]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'database/unavailable' });
    }
    expect(await readdir(dataDir)).toEqual(['postgres']);
  });

  it('comes back at the same address when the server dies under a living gateway', async () => {
    await useMadeCluster();
    const server = await start();
    const url = server.url.reveal();
    const former = server.pid;
    process.kill(former, 'SIGKILL');
    expect(await waitFor(() => query(url, 'SELECT word FROM kept').catch(() => undefined))).toEqual([{ word: 'here' }]);
    await waitFor(() => warnings.join().includes('is back'));
    expect(server.pid).not.toBe(former);
    expect(await refusal()).toContain('another gateway is running');
  });

  it('starts although its stale pid file names a stranger that lives', async () => {
    await useMadeCluster();
    const server = await start();
    await server.stop();
    const stranger = spawn('sleep', ['60']);
    children.push(stranger);
    const lines = [
      stranger.pid,
      join(dataDir, 'postgres'),
      1_700_000_000,
      server.port,
      '',
      '127.0.0.1',
      '',
      'ready   ',
    ];
    await writeFile(join(dataDir, 'postgres', 'postmaster.pid'), `${lines.join('\n')}\n`);
    await start();
    expect(isAlive(stranger.pid ?? 0)).toBe(true);
  });

  it('is made anew when the first making was interrupted', async () => {
    const draft = join(dataDir, 'postgres.new-999999999-abcd');
    await mkdir(join(draft, 'base'), { recursive: true });
    await writeFile(join(draft, 'PG_VERSION'), '18\n');
    await start();
    expect(await readdir(dataDir)).toEqual(['postgres']);
  });

  it('leaves a folder alone that holds something else', async () => {
    await mkdir(join(dataDir, 'postgres'));
    await writeFile(join(dataDir, 'postgres', 'thesis.txt'), 'years of work');
    expect(await refusal()).toContain('no Postgres database');
    expect(await readFile(join(dataDir, 'postgres', 'thesis.txt'), 'utf8')).toBe('years of work');
  });

  it('says which setting to change when its port is taken', async () => {
    await useMadeCluster();
    const squatter = createServer();
    squatter.listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    try {
      const { port } = squatter.address() as AddressInfo;
      const message = await refusal({ port });
      expect(message).toContain(`port ${port}`);
      expect(message).toContain('GATEHOUSE_POSTGRES_PORT');
    } finally {
      squatter.close();
    }
  });

  it('says which setting to change when its folder cannot be used', async () => {
    const path = join(dataDir, 'a-file');
    await writeFile(path, '');
    const message = await refusal({ dataDir: path });
    expect(message).toContain(path);
    expect(message).toContain('GATEHOUSE_DATA_DIR');
  });

  (isRoot ? it : it.skip)('works for root below a folder that nobody else may enter', async () => {
    const closed = join(dataDir, 'closed');
    await mkdir(closed, { mode: 0o700 });
    const server = await start({ dataDir: join(closed, 'data') });
    expect(await query(server.url.reveal(), 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect((await stat(closed)).mode & 0o777).toBe(0o700);
  });
});
