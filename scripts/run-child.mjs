// Runs the program that npm was asked for in place of this process, as far as one process can stand in for another.
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { NODE, ROOT, environment } from './prepare.mjs';

const FOLLOW_PARENT = fileURLToPath(new URL('follow-parent.mjs', import.meta.url));

/** Ctrl-C in a terminal reaches us twice, from the terminal and from npm; the program must hear it once. */
const SAME_SIGNAL_MS = 500;
const PARENT_POLL_MS = 200;
const SIGNALS = { SIGINT: 'SIGINT', SIGTERM: 'SIGTERM', SIGHUP: 'SIGTERM' };

/**
 * Starts the pinned Node. When this process dies, however it dies, the child is told to stop.
 *
 * @param {string[]} args
 * @param {{ env?: Record<string, string>, ownGroup?: boolean }} [options] `ownGroup`: the child leads a process group of
 *   its own, so that only we hear the terminal; it cannot read from the terminal then
 */
export function startNode(args, { env = {}, ownGroup = true } = {}) {
  const child = spawn(NODE, ['--import', FOLLOW_PARENT, ...args], {
    cwd: ROOT,
    env: environment({ ...env, GATEHOUSE_PARENT_FD: '3' }),
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    detached: ownGroup && process.platform !== 'win32',
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
  const watch = watchNpm(() => current()?.kill('SIGTERM'));
  return () => {
    clearInterval(watch);
    for (const off of listeners) off();
  };
}

/**
 * npm that is killed outright tells nobody, nor does the shell between npm and us: we notice that our parent is another
 * one, or that npm is gone.
 */
function watchNpm(onGone) {
  if (process.env.npm_lifecycle_event === undefined) return undefined;
  const parent = process.ppid;
  const npm = findNpm(parent);
  const timer = setInterval(() => {
    if (process.ppid === parent && (npm === undefined || isAlive(npm))) return;
    clearInterval(timer);
    onGone();
  }, PARENT_POLL_MS);
  timer.unref();
  return timer;
}

/** The process number of npm: our parent, or the parent of the shell that is. */
function findNpm(parent) {
  for (let pid = parent, step = 0; step < 3 && pid > 1; step++) {
    const { stdout } = spawnSync('ps', ['-o', 'ppid=,args=', '-p', String(pid)], { encoding: 'utf8' });
    const found = /^\s*(\d+)\s+(.*)$/m.exec(stdout ?? '');
    if (found === null) return undefined;
    if (/^npm\b|npm-cli\.c?js/.test(found[2])) return pid;
    pid = Number(found[1]);
  }
  return undefined;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Runs the pinned Node to its end and ends the way it ended. */
export async function runNode(args, options = {}) {
  const { child, ended } = startNode(args, options);
  const stopForwarding = forwardSignals(() => child);
  const { code, signal } = await ended;
  stopForwarding();
  if (signal !== null) process.kill(process.pid, signal);
  process.exitCode = code ?? 1;
}
