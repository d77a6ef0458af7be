import { readFile, readlink, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What `postmaster.pid` in a cluster's folder says (PostgreSQL, `pidfile.h`). */
export interface PostmasterFile {
  readonly pid: number;
  readonly port: number;
  /** The server accepts connections. */
  readonly isReady: boolean;
}

/** Reads `postmaster.pid`; undefined when there is none or it is not written yet. */
export async function readPostmasterFile(clusterDir: string): Promise<PostmasterFile | undefined> {
  let text: string;
  try {
    text = await readFile(postmasterPath(clusterDir), 'utf8');
  } catch {
    // None: nobody runs there, or it went away while being read.
    return undefined;
  }
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  return { pid, port: Number(lines[3] ?? 0), isReady: lines[7]?.trim() === 'ready' };
}

/** Whether this process is alive and is the Postgres of this folder, not a stranger that was given the same number. */
export async function isPostmasterOf(clusterDir: string, pid: number): Promise<boolean> {
  if (!isAlive(pid)) return false;
  if (process.platform === 'win32') return true;
  try {
    // A postmaster's working directory is its data folder.
    return (await readlink(`/proc/${pid}/cwd`)) === clusterDir;
  } catch {
    // No /proc on this system, or not ours to read: its command line names the folder.
  }
  try {
    const { stdout } = await run('ps', ['-o', 'command=', '-p', String(pid)]);
    return stdout.includes(clusterDir);
  } catch {
    // ps knows no such process.
    return false;
  }
}

/**
 * Makes Postgres see a stale file as stale although its number now belongs to a stranger: it ignores a file that names
 * its own parent. The file is kept, because Postgres reads from it which shared memory must be free of old backends.
 */
export async function disownPostmasterFile(clusterDir: string): Promise<void> {
  const path = postmasterPath(clusterDir);
  const [, ...rest] = (await readFile(path, 'utf8')).split('\n');
  await writeFile(path, [String(process.pid), ...rest].join('\n'));
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function postmasterPath(clusterDir: string): string {
  return join(clusterDir, 'postmaster.pid');
}
