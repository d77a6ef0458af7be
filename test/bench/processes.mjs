/** The processes of the benchmark: each started for real, each ended for sure. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const MAIN = join(import.meta.dirname, '../../dist/main.js');
const TICKS_PER_SECOND = 100;

/** Prefixes that put a command on a core, or null where that is not possible or there is only one. */
export async function pinning() {
  if (process.platform !== 'linux' || availableParallelism() < 2) return null;
  try {
    await promisify(execFile)('taskset', ['--version']);
    return { tested: ['taskset', '-c', '0'], others: ['taskset', '-c', '1'] };
  } catch {
    // util-linux is not everywhere; unpinned figures are noisier, not wrong.
    return null;
  }
}

function start(command, { env = {}, prefix = [], cwd } = {}) {
  const [program, ...args] = [...prefix, process.execPath, ...command];
  const child = spawn(program, args, {
    cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => (output = (output + chunk).slice(-20_000)));
  child.stderr.on('data', (chunk) => (output = (output + chunk).slice(-20_000)));
  return {
    pid: child.pid,
    output: () => output,
    async until(condition, what) {
      const deadline = Date.now() + 60_000;
      for (;;) {
        const answer = await condition(output);
        if (answer) return answer;
        if (child.exitCode !== null) throw new Error(`${what} ended with ${child.exitCode}:\n${output}`);
        if (Date.now() > deadline) throw new Error(`${what} did not start:\n${output}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    async close() {
      if (child.exitCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** CPU seconds used so far and resident MiB of a process, threads included, children not. Linux only; else zeros. */
export async function usageOf({ pid }) {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
      rssMiB: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024,
    };
  } catch {
    // No /proc on this system.
    return { cpuSeconds: 0, rssMiB: 0 };
  }
}

async function startListener(script, env, prefix) {
  const running = start([join(import.meta.dirname, script)], { env, prefix });
  const port = await running.until((output) => /listening (\d+)/.exec(output)?.[1], script);
  return { ...running, origin: `http://127.0.0.1:${port}` };
}

export const startUpstream = (pin) => startListener('upstream.mjs', {}, pin?.others);

export const startBareProxy = (upstream, pin) => startListener('bare-proxy.mjs', { UPSTREAM: upstream }, pin?.tested);

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Moves the children of a process, and all they will start, to another core. */
async function moveChildren(pid, [taskset, , core]) {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ').filter(Boolean);
  for (const child of children) {
    await moveChildren(child, [taskset, '-c', core]);
    await promisify(execFile)(taskset, ['-a', '-p', '-c', core, child]);
  }
}

/** The built gateway on a fresh data folder, ready to serve. */
export async function startGateway({ key, servers, pin, profile, nodeOptions = [], env = {} }) {
  if (!existsSync(MAIN)) throw new Error('There is no build: run `npm run build` first');
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-bench-'));
  const config = join(folder, 'config.yaml');
  const listed = Object.entries(servers).map(([name, url]) => `  ${name}:\n    url: ${url}\n    transport: http\n`);
  await writeFile(config, `mcp_servers:\n${listed.join('')}`);
  const port = await freePort();
  const profiling = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  const running = start(
    [...nodeOptions, ...profiling, MAIN, '--config', config, '--port', String(port), '--host', '127.0.0.1'],
    {
      prefix: pin?.tested,
      cwd: folder,
      env: {
        LITELLM_MASTER_KEY: key,
        GATEHOUSE_DATA_DIR: join(folder, 'data'),
        LOG_LEVEL: 'warn',
        NODE_ENV: 'production',
        ...env,
      },
    },
  );
  const origin = `http://127.0.0.1:${port}`;
  await running.until(
    () =>
      fetch(`${origin}/health/readiness`).then(
        ({ ok }) => ok,
        () => false,
      ),
    'the gateway',
  );
  // The core under test is the gateway's; its database would be on another machine.
  if (pin) await moveChildren(running.pid, pin.others);
  return {
    ...running,
    origin,
    async close() {
      await running.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
