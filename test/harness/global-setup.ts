import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import '../../scripts/load-typescript.mjs';
import type { EmbeddedPostgres } from '../../src/platform/database/embedded-postgres.js';

/** Where `testPostgres()` looks for the server of this run; jest's workers inherit the environment. */
const TEST_POSTGRES = 'GATEHOUSE_TEST_POSTGRES';

/** Left by the set-up for the tear-down; both run in the same process. */
export interface TestPostgresServer {
  readonly server: EmbeddedPostgres;
  readonly dataDir: string;
}

declare global {
  var gatehouseTestPostgres: TestPostgresServer | undefined;
}

/**
 * One real Postgres for the whole run, on a port and in a folder of its own, so that runs may go on side by side. Its
 * database is migrated once and then only copied.
 */
export default async function globalSetup(): Promise<void> {
  // Jest loads this file without its transform; Node strips the types.
  const { startEmbeddedPostgres } = await import('../../src/platform/database/embedded-postgres.js');
  const { migrateDatabase } = await import('../../src/platform/database/migrate.js');
  const log = { debug: () => undefined, warn: (message: string) => void process.stderr.write(`${message}\n`) };
  const dataDir = join(tmpdir(), `gatehouse-test-${randomUUID()}`);
  const server = await startEmbeddedPostgres({
    dataDir,
    port: 0,
    log,
    serverSettings: {
      // Nothing of this outlives the run.
      fsync: 'off',
      synchronous_commit: 'off',
      full_page_writes: 'off',
      max_connections: '300',
      autovacuum: 'off',
    },
  });
  await migrateDatabase(server.url, { log });
  process.env[TEST_POSTGRES] = server.url.reveal();
  globalThis.gatehouseTestPostgres = { server, dataDir };
}
