import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger as NestFrameworkLogger } from '@nestjs/common';
import type { Logger } from 'pino';
import { openDatabase } from '../platform/database/database-server.js';
import type { Settings } from '../platform/config/settings.js';
import { newReplicaId } from '../platform/config/worker.js';
import { NestLogger } from '../platform/telemetry/nest-logger.js';
import { WorkerFleet } from './worker-fleet.js';
import type { WorkerMessage } from './worker-message.js';
import { workerEnvironment } from './worker-place.js';

export interface Primary {
  /** Drains all workers, then ends the database. Answers whether everybody went by themselves. Idempotent. */
  stop(): Promise<boolean>;
}

/**
 * The first process of `--workers N`: owns the database (an embedded Postgres, migrations) and the worker processes,
 * and serves nothing itself. The connections clients open are dealt to the workers in turn by node:cluster.
 */
export async function runPrimary(
  settings: Settings,
  logger: Logger,
  onMessage: (message: WorkerMessage, index: number) => void,
): Promise<Primary> {
  NestFrameworkLogger.overrideLogger(new NestLogger(logger));
  const database = await openDatabase(settings.database, new NestFrameworkLogger('Database'));
  // Siblings trust what comes through these sockets as they trust the network: the folder keeps other users out.
  const socketDir = await mkdtemp(join(tmpdir(), 'gatehouse-'));
  await chmod(socketDir, 0o700);
  logger.debug({ socketDir }, 'sockets of the workers');
  const { workers: count } = settings.listen;
  const replica = newReplicaId();
  const fleet = new WorkerFleet({
    count,
    environment: (index) => ({
      ...workerEnvironment(replica, index, count, socketDir),
      DATABASE_URL: database.url.reveal(),
    }),
    shutdownGraceMs: settings.limits.shutdownGraceMs,
    logger: logger.child({ room: 'cluster' }),
    onMessage,
  });
  fleet.start();
  let stopped: Promise<boolean> | undefined;
  const stop = async (): Promise<boolean> => {
    const orderly = await fleet.stop();
    await database.stop();
    await rm(socketDir, { recursive: true, force: true });
    return orderly;
  };
  return { stop: () => (stopped ??= stop()) };
}
