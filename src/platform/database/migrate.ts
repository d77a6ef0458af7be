import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { Secret } from '../../core/model/secret.js';
import { connectWithRetry } from './connect-with-retry.js';
import { connectionOptions, quoteIdentifier } from './connection-options.js';
import type { DatabaseLog } from './database-log.js';
import { MIGRATIONS_DIR, readMigrations, type Migration } from './read-migrations.js';

export interface MigrateOptions {
  readonly log: DatabaseLog;
  /** Default: those of this version. */
  readonly migrationsDir?: string;
  /** How long to wait for a database that does not answer. */
  readonly connectTimeoutMs?: number;
}

/** The advisory lock `prisma migrate` takes: its runs and ours exclude each other. */
const MIGRATION_LOCK = 72_707_369;

const CONNECT_TIMEOUT_MS = 60_000;

/** A migration that cannot get its locks gives up instead of queueing everybody behind it. */
const LOCK_TIMEOUT = '60s';

/** Prisma's own table, so that `prisma migrate deploy` and this agree on what was applied. */
const CREATE_HISTORY = `
CREATE TABLE IF NOT EXISTS _prisma_migrations (
  id varchar(36) PRIMARY KEY NOT NULL,
  checksum varchar(64) NOT NULL,
  finished_at timestamptz,
  migration_name varchar(255) NOT NULL,
  logs text,
  rolled_back_at timestamptz,
  started_at timestamptz NOT NULL DEFAULT now(),
  applied_steps_count integer NOT NULL DEFAULT 0
)`;

interface HistoryRow {
  readonly migration_name: string;
  readonly checksum: string;
  readonly finished: boolean;
}

/**
 * Brings a database to this version: applies what is pending, in order, each migration in a transaction of its own
 * together with its record, under Prisma's advisory lock. Any number of replicas may do so at once. A migration that
 * fails leaves nothing behind.
 *
 * @returns the names of the migrations applied by this run.
 * @throws GatewayError `database/unavailable` when there is no database, one is not ours or newer than this version, an
 *   applied migration was edited, or a migration fails.
 */
export async function migrateDatabase(url: Secret, options: MigrateOptions): Promise<readonly string[]> {
  const migrations = await readMigrations(options.migrationsDir ?? MIGRATIONS_DIR);
  const connection = connectionOptions(url);
  const client = await connectWithRetry(connection, options.log, options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS);
  const applied: string[] = [];
  try {
    for (;;) {
      const name = await applyNext(client, migrations, connection.schema, connection.address);
      if (name === undefined) return applied;
      options.log.debug(`Applied migration ${name}`);
      applied.push(name);
    }
  } finally {
    await client.end().catch(() => undefined);
  }
}

/**
 * One transaction: lock, look, apply the first pending migration. The lock ends with the transaction, so this also works
 * through a pooler that hands out connections by transaction.
 */
async function applyNext(
  client: Client,
  migrations: readonly Migration[],
  schema: string | undefined,
  address: string,
): Promise<string | undefined> {
  let pending: Migration | undefined;
  try {
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    await client.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
    await client.query("SET LOCAL client_min_messages = 'warning'");
    if (schema !== undefined) await client.query(`CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)}`);
    await client.query(CREATE_HISTORY);
    const { rows } = await client.query<HistoryRow>(
      `SELECT migration_name, checksum, finished_at IS NOT NULL AS finished
       FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY started_at, migration_name`,
    );
    pending = firstPending(migrations, rows, address);
    if (pending !== undefined) {
      await client.query(pending.sql);
      await client.query(
        `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
         VALUES ($1, $2, $3, now(), clock_timestamp(), 1)`,
        [randomUUID(), pending.checksum, pending.name],
      );
    }
    await client.query('COMMIT');
    return pending?.name;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    if (error instanceof GatewayError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new GatewayError('database/unavailable', {
      cause: error,
      detail:
        pending === undefined
          ? `the migrations of ${address} could not be read: ${reason}`
          : `migration ${pending.name} failed on ${address} and was rolled back: ${reason}`,
    });
  }
}

/** Compares what was applied with what this version has; refuses where they contradict each other. */
function firstPending(
  migrations: readonly Migration[],
  history: readonly HistoryRow[],
  address: string,
): Migration | undefined {
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  const applied = new Set<string>();
  for (const { migration_name: name, checksum, finished } of history) {
    const migration = known.get(name);
    if (migration === undefined) {
      throw new GatewayError('database/unavailable', {
        detail: `${address} has migration ${name}, which this version does not know: it was made by a newer version (start that one), or it belongs to another program (give the gateway a database or a schema of its own, DATABASE_URL=…?schema=gatehouse)`,
      });
    }
    if (!finished) {
      throw new GatewayError('database/unavailable', {
        detail: `migration ${name} failed halfway on ${address} when another tool applied it: repair the database, then run prisma migrate resolve --rolled-back ${name}`,
      });
    }
    if (!migration.acceptedChecksums.includes(checksum)) {
      throw new GatewayError('database/unavailable', {
        detail: `migration ${name} was edited after it was applied to ${address}: restore prisma/migrations/${name}/migration.sql and put the change into a new migration`,
      });
    }
    applied.add(name);
  }
  return migrations.find((migration) => !applied.has(migration.name));
}
