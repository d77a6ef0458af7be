import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { Secret } from '../../core/model/secret.js';
import { CLUSTER_USER } from './create-cluster.js';
import type { DatabaseLog } from './database-log.js';
import { disownPostmasterFile, isAlive, isPostmasterOf, readPostmasterFile } from './postmaster-file.js';

/** The gateway that owns an embedded Postgres holds this advisory lock of its `postgres` database while it lives. */
export const OWNER_LOCK = 7_235_019_201;

const ANSWER_TIMEOUT_MS = 10_000;
const FAST_STOP_MS = 15_000;
const IMMEDIATE_STOP_MS = 5_000;

/**
 * Makes way for a new postmaster on this folder: a stale `postmaster.pid` is made harmless, and a postmaster whose
 * gateway was killed is stopped. One whose gateway lives is left alone.
 *
 * @throws GatewayError `database/unavailable` when another gateway uses the folder or the old postmaster will not end.
 */
export async function clearLeftovers(clusterDir: string, password: Secret, log: DatabaseLog): Promise<void> {
  const file = await readPostmasterFile(clusterDir);
  if (file === undefined) return;
  if (!(await isPostmasterOf(clusterDir, file.pid))) {
    if (isAlive(file.pid)) await disownPostmasterFile(clusterDir);
    log.debug(`The embedded Postgres was not stopped properly last time; recovering ${clusterDir}`);
    return;
  }
  if (!(await isOrphan(clusterDir, file.pid, password))) return;
  log.warn(`Stopping the embedded Postgres (pid ${file.pid}) of a gateway that was killed`);
  await stopPostmaster(file.pid);
}

/** Ends a postmaster that is not our child. */
async function stopPostmaster(pid: number): Promise<void> {
  for (const [signal, patienceMs] of [
    ['SIGINT', FAST_STOP_MS],
    ['SIGQUIT', IMMEDIATE_STOP_MS],
  ] as const) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return;
      throw new GatewayError('database/unavailable', {
        cause: error,
        detail: `the embedded Postgres (pid ${pid}) of an earlier run is still there and may not be stopped by this user: stop it, e.g. kill -INT ${pid}`,
      });
    }
    const deadline = performance.now() + patienceMs;
    while (performance.now() < deadline) {
      if (!isAlive(pid)) return;
      await delay(20);
    }
  }
  throw new GatewayError('database/unavailable', {
    detail: `the embedded Postgres (pid ${pid}) of an earlier run does not stop: end it, e.g. kill -QUIT ${pid}`,
  });
}

/** True: it runs and nobody owns it. False: it ended while we asked. Throws when somebody owns it or it does not answer. */
async function isOrphan(clusterDir: string, pid: number, password: Secret): Promise<boolean> {
  const deadline = performance.now() + ANSWER_TIMEOUT_MS;
  let reason: unknown;
  do {
    const port = (await readPostmasterFile(clusterDir))?.port ?? 0;
    if (port > 0) {
      try {
        if (await ownerLockIsFree(port, password)) return true;
        throw new GatewayError('database/unavailable', {
          detail: `another gateway is running on ${clusterDir} (its Postgres is process ${pid}): stop it, or give this one a folder of its own with GATEHOUSE_DATA_DIR, or let both share a Postgres with DATABASE_URL`,
        });
      } catch (error) {
        if (error instanceof GatewayError) throw error;
        // Starting up or shutting down: ask again.
        reason = error;
      }
    }
    await delay(50);
    if (!isAlive(pid)) return false;
  } while (performance.now() < deadline);
  throw new GatewayError('database/unavailable', {
    cause: reason,
    detail: `a Postgres (pid ${pid}) runs on ${clusterDir} but does not answer: stop it, e.g. kill -INT ${pid}`,
  });
}

async function ownerLockIsFree(port: number, password: Secret): Promise<boolean> {
  const client = new pg.Client({
    host: '127.0.0.1',
    ssl: false,
    port,
    user: CLUSTER_USER,
    password: password.reveal(),
    database: 'postgres',
    connectionTimeoutMillis: 2_000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ free: boolean }>('SELECT pg_try_advisory_lock($1) AS free', [OWNER_LOCK]);
    return rows[0]?.free === true;
  } finally {
    await client.end().catch(() => undefined);
  }
}
