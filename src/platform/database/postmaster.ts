import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Readable } from 'node:stream';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { DatabaseLog } from './database-log.js';
import type { PostgresAccount } from './postgres-account.js';
import type { PostgresBinaries } from './postgres-binaries.js';
import { readPostmasterFile } from './postmaster-file.js';

export interface PostmasterOptions {
  readonly clusterDir: string;
  readonly port: number;
  readonly binaries: PostgresBinaries;
  readonly account: PostgresAccount;
  readonly serverSettings: Readonly<Record<string, string>>;
  readonly log: DatabaseLog;
}

/** Recovery of a large cluster after a crash may take its time. */
const START_TIMEOUT_MS = 120_000;
const START_POLL_MS = 10;
const FAST_STOP_MS = 15_000;
const IMMEDIATE_STOP_MS = 5_000;
const LOG_LINES_KEPT = 20;

/** The port is taken by somebody else: the one failure to start that another port cures. */
export class PortTakenError extends GatewayError {
  constructor(port: number) {
    super('database/unavailable', {
      detail: `port ${port} of the embedded Postgres is in use: set GATEHOUSE_POSTGRES_PORT to another one, or to 0 for any`,
    });
  }
}

/**
 * Starts the server process and waits until it accepts connections.
 *
 * @throws PortTakenError, or GatewayError `database/unavailable` with the server's own last words.
 */
export async function startPostmaster(options: PostmasterOptions): Promise<Postmaster> {
  const { clusterDir, port, binaries, account, serverSettings, log } = options;
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    // A socket file would need a folder that is short, private and reachable; TCP needs none.
    unix_socket_directories: '',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    ...serverSettings,
  };
  const args = ['-D', clusterDir, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const postmaster = new Postmaster(account.spawn(binaries.postgres, args, ['ignore', 'ignore', 'pipe']), port, log);
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const file = await readPostmasterFile(clusterDir);
    if (file?.pid === postmaster.pid && file.isReady) return postmaster;
    await Promise.race([postmaster.ended, delay(START_POLL_MS)]);
    if (postmaster.hasEnded) throw postmaster.failure(clusterDir);
    if (performance.now() > deadline) {
      await postmaster.stop(binaries, clusterDir);
      throw new GatewayError('database/unavailable', {
        detail: `the embedded Postgres in ${clusterDir} did not become ready within ${START_TIMEOUT_MS / 1_000} s: ${postmaster.lastWords()}`,
      });
    }
  }
}

/** A server process that is our child. */
export class Postmaster {
  readonly port: number;
  /** Settles when the process has ended; never rejects. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #watchdog: ChildProcess | undefined;
  #hasEnded = false;

  constructor(child: ChildProcess, port: number, log: DatabaseLog) {
    this.#child = child;
    this.port = port;
    this.ended = new Promise((resolve) => {
      const end = (): void => {
        this.#hasEnded = true;
        this.#watchdog?.kill('SIGKILL');
        resolve();
      };
      child.once('error', (error) => {
        this.#keep(error.message);
        end();
      });
      child.once('close', end);
    });
    if (child.stderr !== null) this.#follow(child.stderr, log);
    this.#watchdog = child.pid === undefined ? undefined : watch(child.pid);
  }

  /** Zero when it could not even be spawned. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** What the server said when it complained last; one line, no secrets. */
  lastWords(): string {
    const complaints = this.#lines.filter((line) => /\b(FATAL|PANIC|ERROR|DETAIL|HINT):|cannot|denied/.test(line));
    return (complaints.length > 0 ? complaints : this.#lines).slice(-4).join(' ') || 'it said nothing';
  }

  failure(clusterDir: string): GatewayError {
    if (this.#lines.some((line) => line.includes('Address already in use'))) return new PortTakenError(this.port);
    return new GatewayError('database/unavailable', {
      detail: `the embedded Postgres in ${clusterDir} does not start: ${this.lastWords()}`,
    });
  }

  /** Fast shutdown: running transactions are rolled back; harsher when that takes too long. */
  async stop(binaries: PostgresBinaries, clusterDir: string): Promise<void> {
    if (this.#hasEnded) return;
    if (process.platform === 'win32') {
      // No signals there: a plain kill would be a crash.
      await once(spawn(binaries.pgCtl, ['stop', '-D', clusterDir, '-m', 'fast'], { stdio: 'ignore' }), 'close');
    }
    for (const [signal, patienceMs] of [
      ['SIGINT', FAST_STOP_MS],
      ['SIGQUIT', IMMEDIATE_STOP_MS],
      ['SIGKILL', IMMEDIATE_STOP_MS],
    ] as const) {
      this.#child.kill(signal);
      const patience = new AbortController();
      await Promise.race([this.ended, delay(patienceMs, undefined, { signal: patience.signal, ref: false })]);
      patience.abort();
      if (this.hasEnded) return;
    }
  }

  #follow(stderr: Readable, log: DatabaseLog): void {
    createInterface({ input: stderr }).on('line', (line) => {
      this.#keep(line);
      log.debug(line);
    });
  }

  #keep(line: string): void {
    this.#lines.push(line.replace(/^.*?(?=\b(?:LOG|FATAL|PANIC|ERROR|DETAIL|HINT|WARNING):)/, ''));
    if (this.#lines.length > LOG_LINES_KEPT) this.#lines.shift();
  }
}

/**
 * A shell that reads from a pipe nobody writes to: its other end closes when this process dies, however it dies, and
 * then the shell tells the server to stop.
 */
function watch(pid: number): ChildProcess | undefined {
  if (process.platform === 'win32') return undefined;
  const watchdog = spawn('/bin/sh', ['-c', 'read -r _; kill -INT "$0"', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  // Without a shell there is no watchdog; the next start clears what is left.
  watchdog.on('error', () => undefined);
  watchdog.stdin.on('error', () => undefined);
  watchdog.unref();
  if (watchdog.stdin instanceof Socket) watchdog.stdin.unref();
  return watchdog;
}
