import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { usageOf } from './processes.mjs';

const run = promisify(execFile);

/** One round: the load's figures, and CPU per request and memory of the process under test meanwhile. */
export async function runLoad(job, underTest, pin) {
  const [program, ...args] = [
    ...(pin?.others ?? []),
    process.execPath,
    join(import.meta.dirname, 'load.mjs'),
    JSON.stringify(job),
  ];
  const before = await usageOf(underTest);
  const { stdout } = await run(program, args);
  const after = await usageOf(underTest);
  const { total, ...result } = JSON.parse(stdout);
  return { ...result, cpuUs: ((after.cpuSeconds - before.cpuSeconds) * 1e6) / total, rssMiB: after.rssMiB };
}
