import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { errorCode } from './platform/config/error-code.js';
import { PROJECT_ROOT } from './platform/config/project-root.js';

/** The remote servers of `config.example.yaml`, run on this machine for whoever tries the gateway out. */
export const DEMO_UPSTREAMS = [
  { server: 'everything_http', transport: 'streamableHttp', port: 4011 },
  { server: 'everything_sse', transport: 'sse', port: 4012 },
] as const;

export interface DemoUpstream {
  /** As `config.example.yaml` calls it. */
  readonly server: string;
  readonly transport: 'streamableHttp' | 'sse';
  /** On 127.0.0.1. */
  readonly port: number;
}

export interface RunningDemo {
  /** Ends them; resolves when they are gone. Never throws. */
  close(): Promise<void>;
}

const START_MS_MAX = 15_000;
const STOP_MS_MAX = 2_000;
const PORT_TAKEN = 98;

/**
 * Makes what the example needs: its folder, and its two remote servers as children, which end with this process whatever
 * ends it. Resolves when each listens or has failed; a failure (a taken port) is a warning, not an error.
 */
export async function startDemoUpstreams(
  logger: Logger,
  upstreams: readonly DemoUpstream[] = DEMO_UPSTREAMS,
): Promise<RunningDemo> {
  await prepareFolder(logger);
  const children = await Promise.all(upstreams.map((upstream) => start(upstream, logger)));
  return {
    close: async () => {
      await Promise.all(children.map(stop));
    },
  };
}

async function prepareFolder(logger: Logger): Promise<void> {
  const folder = join(PROJECT_ROOT, 'data', 'files');
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'welcome.txt'), 'Hello from behind the gateway.\n', { flag: 'wx' });
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return;
    logger.warn({ err: error }, 'the folder data/files of the example cannot be made');
  }
}

function start({ server, transport, port }: DemoUpstream, logger: Logger): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['scripts/demo-upstream.mjs', transport, String(port)], {
    cwd: PROJECT_ROOT,
    env: {},
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  // It must not keep a gateway alive that has nothing else to do; the channel tells it when we are gone.
  child.unref();
  child.channel?.unref();
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      logger.warn({ server, port }, 'the demo server has not started in time');
      resolve(child);
    }, START_MS_MAX);
    const done = (): void => {
      clearTimeout(timer);
      resolve(child);
    };
    child.once('message', () => {
      logger.info({ server, port }, `demo server ${server} listens on 127.0.0.1:${port}`);
      done();
    });
    child.once('error', (error) => {
      logger.warn({ err: error, server }, 'the demo server cannot be started');
      done();
    });
    child.once('exit', (code) => {
      // Told to go, by us or with us.
      if (code === 0) return;
      const reason =
        code === PORT_TAKEN
          ? `port ${port} is taken: the demo server ${server} is not started, and calls to it reach whatever listens there`
          : `demo server ${server} has ended`;
      logger.warn({ server, port, code }, reason);
      done();
    });
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    if (child.connected) child.disconnect();
    else child.kill();
  });
}
