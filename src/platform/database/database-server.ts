import type { Secret } from '../../core/model/secret.js';
import type { DatabaseSettings } from '../config/settings.js';
import type { DatabaseLog } from './database-log.js';
import { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded-postgres.js';
import { migrateDatabase } from './migrate.js';

/** The database of this gateway, migrated and ready: somebody else's, or one of our own that ends with us. */
export class DatabaseServer {
  readonly url: Secret;
  readonly #embedded: EmbeddedPostgres | undefined;

  constructor(url: Secret, embedded?: EmbeddedPostgres) {
    this.url = url;
    this.#embedded = embedded;
  }

  get isEmbedded(): boolean {
    return this.#embedded !== undefined;
  }

  /** Ends the embedded Postgres; a database of somebody else's is left alone. Everything else closes before. */
  async stop(): Promise<void> {
    await this.#embedded?.stop();
  }
}

/**
 * Starts the embedded Postgres when no database is configured, and brings the database to this version. A process that
 * is given the URL of an embedded Postgres (a worker of a cluster) uses it like any other.
 *
 * @throws GatewayError `database/unavailable` or `config/invalid` that says what to do.
 */
export async function openDatabase(settings: DatabaseSettings, log: DatabaseLog): Promise<DatabaseServer> {
  const embedded =
    settings.url === undefined
      ? await startEmbeddedPostgres({ dataDir: settings.dataDir, port: settings.embeddedPort, log })
      : undefined;
  const url = settings.url ?? embedded?.url;
  if (url === undefined) throw new TypeError('there is either a URL or an embedded Postgres');
  try {
    await migrateDatabase(url, { log });
    return new DatabaseServer(url, embedded);
  } catch (error) {
    await embedded?.stop();
    throw error;
  }
}
