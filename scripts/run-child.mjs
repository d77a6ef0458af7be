// Runs the program that npm was asked for in place of this process, as far as one process can stand in for another.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { NODE, ROOT, environment } from './prepare.mjs';

const FOLLOW_PARENT = fileURLToPath(new URL('follow-parent.mjs', import.meta.url));

/** Ctrl-C in a terminal reaches us twice, from the terminal and from npm; the program must hear it once. */
const SAME_SIGNAL_MS = 500;
const PARENT_POLL_MS = 1_000;
const SIGNALS = { SIGINT: 'SIGINT', SIGTERM: 'SIGTERM', SIGHUP: 'SIGTERM' };

/**
 * Starts the pinned Node. The child leads a process group of its own, so that only we hear the terminal; when this
 * process dies, however it dies, the child is told to stop.
 *
 * @param {string[]} args
 * @param {Record<string, string>} [extra] environment
 */
export function startNode(args, extra = {}) {
  const child = spawn(NODE, ['--import', FOLLOW_PARENT, ...args], {
    cwd: ROOT,
    env: environment({ ...extra, GATEHOUSE_PARENT_FD: '3' }),
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    detached: process.platform !== 'win32',
  });
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  return { child, ended };
}

/** Forwards signals to whatever `current` gives, until the returned function is called. */
export function forwardSignals(current) {
  let last = { name: '', at: 0 };
  const listeners = Object.entries(SIGNALS).map(([name, forwarded]) => {
    const listener = () => {
      const now = Date.now();
      if (last.name === forwarded && now - last.at < SAME_SIGNAL_MS) return;
      last = { name: forwarded, at: now };
      current()?.kill(forwarded);
    };
    process.on(name, listener);
    return () => process.off(name, listener);
  });
  // npm that is killed outright tells nobody; we notice that somebody else has become our parent.
  const parent = process.ppid;
  const watch =
    process.env.npm_lifecycle_event === undefined
      ? undefined
      : setInterval(() => {
          if (process.ppid === parent) return;
          clearInterval(watch);
          current()?.kill('SIGTERM');
        }, PARENT_POLL_MS);
  watch?.unref();
  return () => {
    clearInterval(watch);
    for (const off of listeners) off();
  };
}

/** Runs the pinned Node to its end and ends the way it ended. */
export async function runNode(args, extra = {}) {
  const { child, ended } = startNode(args, extra);
  const stopForwarding = forwardSignals(() => child);
  const { code, signal } = await ended;
  stopForwarding();
  if (signal !== null) process.kill(process.pid, signal);
  process.exitCode = code ?? 1;
}
