import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type ConfigContent, createGatewayFolder, type GatewayFolder } from './config-file.js';
import { freePort } from './free-port.js';
import { TEST_MASTER_KEY } from './test-master-key.js';
import { waitFor } from './wait-for.js';

const ROOT = join(import.meta.dirname, '../..');
const GUARD = pathToFileURL(join(import.meta.dirname, 'loopback-only.mjs')).href;

export interface GatewayProcessOptions {
  /** Absent: no `--config` is given, and the working directory is empty. */
  readonly config?: ConfigContent;
  /** Further flags. */
  readonly args?: readonly string[];
  /** Over a clean environment; a master key is set unless this sets it, even to undefined. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** `npm start` in the repository instead of the built program. Slower; what a newcomer types. */
  readonly viaNpm?: boolean;
  /** Runs here, on what is there already, instead of in a fresh folder that is removed afterwards. */
  readonly folder?: GatewayFolder;
  /** Absent: an embedded Postgres under the folder. */
  readonly databaseUrl?: string;
  readonly port?: number;
  /** `ready` (default) waits for readiness, `listening` for liveness, `started` for nothing. */
  readonly until?: 'ready' | 'listening' | 'started';
  readonly timeoutMs?: number;
}

export interface GatewayExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A gateway in a process of its own, as it runs in production. */
export interface GatewayProcess {
  readonly pid: number;
  readonly url: string;
  readonly key: string;
  readonly folder: GatewayFolder;
  /** Everything it wrote to stdout and stderr so far. */
  output(): string;
  readonly exited: Promise<GatewayExit>;
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL; the folder goes with it. */
  close(): Promise<void>;
}

/** Starts `dist/main.js` (or `npm start`) and waits until it serves. Needs a build. */
export async function startGatewayProcess(options: GatewayProcessOptions = {}): Promise<GatewayProcess> {
  const main = join(ROOT, 'dist/main.js');
  if (options.viaNpm !== true && !existsSync(main)) throw new Error('There is no build: run `npm run build` first');
  const folder = options.folder ?? (await createGatewayFolder(options.config ?? {}));
  const port = options.port ?? (await freePort());
  const flags = [
    ...(options.config === undefined ? [] : ['--config', folder.configPath]),
    ...['--port', String(port)],
    ...(options.args ?? []),
  ];
  const [command, args] =
    options.viaNpm === true
      ? ['npm', ['start', '--', ...flags]]
      : [process.execPath, ['--import', GUARD, '--enable-source-maps', main, ...flags]];
  const env = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    LITELLM_MASTER_KEY: TEST_MASTER_KEY,
    GATEHOUSE_DATA_DIR: join(folder.path, 'data'),
    LOG_LEVEL: 'debug',
    ...(options.databaseUrl === undefined ? {} : { DATABASE_URL: options.databaseUrl }),
    ...options.env,
  };
  const child = spawn(command, args, {
    cwd: options.viaNpm === true ? ROOT : folder.path,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: what npm started ends with npm.
    detached: true,
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command} could not be started`);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  const outputEnded = once(child, 'close');
  const running = () => child.exitCode === null && child.signalCode === null;
  const url = `http://127.0.0.1:${port}`;

  const killGroup = (signal: NodeJS.Signals) => {
    try {
      process.kill(-pid, signal);
    } catch {
      // The whole group is gone already.
    }
  };
  const close = async () => {
    if (running()) {
      process.kill(pid, 'SIGTERM');
      const timer = setTimeout(() => killGroup('SIGKILL'), 15_000);
      await exited;
      // npm leaves before what it started, which is gone when nobody holds the output any more.
      if (options.viaNpm === true) await outputEnded;
      clearTimeout(timer);
    }
    killGroup('SIGKILL');
    if (options.folder === undefined) await folder.remove();
  };

  const until = options.until ?? 'ready';
  if (until !== 'started') {
    try {
      const path = until === 'ready' ? '/health/readiness' : '/health/liveliness';
      await waitFor(
        async () => {
          if (!running()) return true;
          return (await fetch(`${url}${path}`)).ok;
        },
        { what: `the gateway on ${url}`, timeoutMs: options.timeoutMs ?? 60_000, everyMs: 50 },
      );
      if (!running()) throw new Error('The gateway ended while it was being waited for');
    } catch (error) {
      await close();
      throw new Error(`${String(error)}\n${output}`, { cause: error });
    }
  }
  return {
    pid,
    url,
    key: env.LITELLM_MASTER_KEY,
    folder,
    output: () => output,
    exited,
    kill: (signal) => void process.kill(pid, signal),
    close,
  };
}
