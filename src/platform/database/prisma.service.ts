import { Injectable, Logger } from '@nestjs/common';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { connectionOptions } from './connection-options.js';
import { DatabaseServer } from './database-server.js';
import { PrismaClient } from './generated/client.js';

/** Connections of one process when the URL says nothing; the data path does not use the database per call. */
const POOL_MAX = 10;
const IDLE_TIMEOUT_MS = 30_000;
/** No query of ours is meant to run longer. */
const QUERY_TIMEOUT_MS = 30_000;

/**
 * The Prisma client. Connects when first used, and again when the database comes back: a query while it is away fails
 * within seconds (`translatePrismaError` makes `database/unavailable` of it).
 *
 * It does not close itself in a lifecycle hook: the database module does, after everything registered by
 * {@link beforeClose} has been written.
 */
@Injectable()
export class PrismaService extends PrismaClient {
  readonly #beforeClose: (() => Promise<void>)[] = [];
  readonly #log: Logger;
  readonly #pool: pg.Pool;
  readonly #prepares: boolean;

  constructor(server: DatabaseServer) {
    const log = new Logger('Database');
    const { client, schema, poolMax, pooled } = connectionOptions(server.url);
    const pool = new pg.Pool({
      ...client,
      max: poolMax ?? POOL_MAX,
      idleTimeoutMillis: IDLE_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      // Runs on each new connection before it is handed out. Prisma's adapter drops the offset of the times it reads:
      // they must come in UTC, whatever the server prefers.
      verify: (connection, done) =>
        connection.query("SET TIME ZONE 'UTC'", (error: Error | null) => done(error ?? undefined)),
    });
    super({
      adapter: new PrismaPg(pool, {
        ...(schema === undefined ? {} : { schema }),
        disposeExternalPool: true,
        onPoolError: (error) => log.debug(`An idle connection to the database broke: ${error.message}`),
        onConnectionError: (error) => log.debug(`A connection to the database broke: ${error.message}`),
      }),
    });
    this.#log = log;
    this.#pool = pool;
    // A pooler that hands out connections by transaction forgets what was prepared.
    this.#prepares = !pooled;
  }

  /**
   * Runs one statement past Prisma, on the same connections, prepared once for each of them: for what is written all the
   * time in bulk, where Prisma's handling of the values costs as much again. Answers the rows written.
   *
   * @param name of the prepared statement; a constant of the calling code, one for each text.
   */
  async execute(name: string, text: string, values: readonly unknown[]): Promise<number> {
    const { rowCount } = await this.#pool.query({ ...(this.#prepares ? { name } : {}), text, values: [...values] });
    return rowCount ?? 0;
  }

  /** Asks the database for a sign of life. Rejects when there is none. */
  async ping(): Promise<void> {
    await this.$queryRaw`SELECT 1`;
  }

  /** Registers what must still be written; runs at shutdown after the HTTP server has closed, before we disconnect. */
  beforeClose(task: () => Promise<void>): void {
    this.#beforeClose.push(task);
  }

  /** Runs the registered tasks and disconnects. Never rejects: what could not be written is logged. */
  async close(): Promise<void> {
    const results = await Promise.allSettled(this.#beforeClose.map((task) => task()));
    for (const result of results) {
      if (result.status === 'fulfilled') continue;
      this.#log.error(`Not everything was written before the database closed: ${String(result.reason)}`);
    }
    await this.$disconnect();
  }
}
