// A process that owns an embedded Postgres, as a gateway does, for tests that kill it: says which process it is, then waits.
import '../../scripts/load-typescript.mjs';

const { startEmbeddedPostgres } = await import('../../src/platform/database/embedded-postgres.ts');
const log = { debug() {}, warn() {} };
const server = await startEmbeddedPostgres({ dataDir: process.argv[2], port: 0, log });
console.log(JSON.stringify({ pid: server.pid }));
setInterval(() => {}, 60_000);
