// An empty Postgres of our own for as long as a script needs one, with all migrations applied.
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import './load-typescript.mjs';

/**
 * @template T
 * @param {(url: string) => Promise<T>} use
 * @returns {Promise<T>}
 */
export async function withMigratedDatabase(use) {
  const { startEmbeddedPostgres } = await import('../src/platform/database/embedded-postgres.ts');
  const { migrateDatabase } = await import('../src/platform/database/migrate.ts');
  const log = { debug() {}, warn: (message) => console.error(message) };
  const dataDir = join(tmpdir(), `gatehouse-scratch-${randomUUID()}`);
  const server = await startEmbeddedPostgres({ dataDir, port: 0, log, serverSettings: { fsync: 'off' } });
  try {
    await migrateDatabase(server.url, { log });
    return await use(server.url.reveal());
  } finally {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}
