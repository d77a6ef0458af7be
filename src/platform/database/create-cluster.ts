import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { GatewayError } from '../../core/errors/gateway-error.js';
import { Secret } from '../../core/model/secret.js';
import type { PostgresAccount } from './postgres-account.js';
import type { PostgresBinaries } from './postgres-binaries.js';
import { isAlive } from './postmaster-file.js';

/** The superuser of the embedded Postgres, and the name of its database. */
export const CLUSTER_USER = 'gatehouse';

const PASSWORD_FILE = 'gatehouse.password';

/** Whether there is a complete cluster. A folder with anything else in it is refused rather than touched. */
export async function clusterExists(clusterDir: string): Promise<boolean> {
  let entries: string[];
  try {
    entries = await readdir(clusterDir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw unusable(clusterDir, error);
  }
  if (entries.length === 0) return false;
  if (entries.includes('PG_VERSION')) return true;
  throw new GatewayError('database/unavailable', {
    detail: `${clusterDir} holds files but no Postgres database: move it away, or set GATEHOUSE_DATA_DIR to another folder`,
  });
}

/**
 * Makes a new cluster with a random password beside its final place and renames it there when it is complete: whoever
 * is killed on the way leaves nothing that looks like a database, and of two who try at once one wins.
 */
export async function createCluster(
  clusterDir: string,
  binaries: PostgresBinaries,
  account: PostgresAccount,
): Promise<void> {
  const draft = `${clusterDir}.new-${process.pid}-${randomBytes(4).toString('hex')}`;
  const passwordFile = `${draft}.password`;
  try {
    await mkdir(draft, { mode: 0o700 });
    await account.give(draft);
    await writeFile(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
    await account.give(passwordFile);
    await runInitdb(draft, passwordFile, binaries, account);
    await rename(passwordFile, join(draft, PASSWORD_FILE));
    await moveIntoPlace(draft, clusterDir);
  } catch (error) {
    throw error instanceof GatewayError ? error : unusable(dirname(clusterDir), error);
  } finally {
    await rm(draft, { recursive: true, force: true });
    await rm(passwordFile, { force: true });
  }
}

/** Takes away what {@link createCluster} of a killed process left. */
export async function removeDrafts(clusterDir: string): Promise<void> {
  const prefix = `${basename(clusterDir)}.new-`;
  for (const name of await readdir(dirname(clusterDir))) {
    if (!name.startsWith(prefix)) continue;
    const pid = Number.parseInt(name.slice(prefix.length), 10);
    if (
      pid === process.pid ||
      (Number.isInteger(pid) && isAlive(pid) && (await isRecent(join(dirname(clusterDir), name))))
    )
      continue;
    await rm(join(dirname(clusterDir), name), { recursive: true, force: true });
  }
}

/** @throws GatewayError `database/unavailable` when the password is gone or not readable. */
export async function readClusterPassword(clusterDir: string): Promise<Secret> {
  const path = join(clusterDir, PASSWORD_FILE);
  try {
    return new Secret((await readFile(path, 'utf8')).trim());
  } catch (error) {
    throw unusable(path, error);
  }
}

/** A folder or file the gateway needs for its database cannot be used. */
export function unusable(path: string, cause: unknown): GatewayError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new GatewayError('database/unavailable', {
    cause,
    detail: `cannot use ${path} for the embedded Postgres (${reason}): make it writable, set GATEHOUSE_DATA_DIR to another folder, or set DATABASE_URL`,
  });
}

async function runInitdb(
  draft: string,
  passwordFile: string,
  binaries: PostgresBinaries,
  account: PostgresAccount,
): Promise<void> {
  const child = account.spawn(
    binaries.initdb,
    [
      `--pgdata=${draft}`,
      `--username=${CLUSTER_USER}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      // The same order of texts on every system, whatever locales it has.
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-instructions',
    ],
    ['ignore', 'ignore', 'pipe'],
  );
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const complaints = child.stderr === null ? '' : text(child.stderr);
  const code = await ended;
  if (code !== 0) throw new Error(`initdb ended with ${code}: ${(await complaints).trim()}`);
}

async function moveIntoPlace(draft: string, clusterDir: string): Promise<void> {
  try {
    await rename(draft, clusterDir);
  } catch (error) {
    // Another gateway was faster; its cluster is as good.
    if (await clusterExists(clusterDir)) return;
    throw error;
  }
}

/** Process numbers are given out anew: an old draft is nobody's, whoever has its maker's number now. */
async function isRecent(path: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs < 10 * 60_000;
  } catch {
    // Gone meanwhile.
    return false;
  }
}
