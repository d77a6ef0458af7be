import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GatewayError } from '../../src/core/errors/gateway-error.js';
import { Secret } from '../../src/core/model/secret.js';
import { migrateDatabase } from '../../src/platform/database/migrate.js';
import { MIGRATIONS_DIR } from '../../src/platform/database/read-migrations.js';
import { freePort } from '../harness/free-port.js';
import { testPostgres, type TestPostgres } from '../harness/postgres.js';

const log = { debug: () => undefined, warn: () => undefined };
const REFEREE = new URL('prisma-referee.mjs', import.meta.url).pathname;
const HISTORY = 'SELECT migration_name, checksum, applied_steps_count FROM _prisma_migrations ORDER BY migration_name';

let database: TestPostgres;
let dir: string;

beforeEach(async () => {
  database = await testPostgres({ migrated: false });
  dir = await mkdtemp(join(tmpdir(), 'gatehouse-migrations-'));
});

afterEach(async () => {
  await database.drop();
  await rm(dir, { recursive: true, force: true });
});

async function write(name: string, sql: string): Promise<void> {
  await mkdir(join(dir, name), { recursive: true });
  await writeFile(join(dir, name, 'migration.sql'), sql);
}

function migrate(url = database.url): Promise<readonly string[]> {
  return migrateDatabase(url, { log, migrationsDir: dir, connectTimeoutMs: 5_000 });
}

async function refusal(url = database.url): Promise<string> {
  try {
    await migrate(url);
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'database/unavailable') return error.message;
    throw error;
  }
  throw new Error('it was not refused');
}

async function tables(schema = 'public'): Promise<unknown[]> {
  const rows = await database.query('SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1', [schema]);
  return rows.map((row) => row['tablename']).filter((name) => name !== '_prisma_migrations');
}

/** Asks Prisma's own engine. */
async function referee(question: 'history' | 'apply' | 'drift', url = database.url): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, [REFEREE, url.reveal(), dir, question]);
  return JSON.parse(stdout);
}

describe('migrations', () => {
  it('are applied once, in order, and recorded with the SHA-256 of their file', async () => {
    await write('20260101000000_one', 'CREATE TABLE one (id int);');
    await write('20260102000000_two', 'ALTER TABLE one ADD COLUMN two text; CREATE INDEX ON one (two);');
    expect(await migrate()).toEqual(['20260101000000_one', '20260102000000_two']);
    expect(await migrate()).toEqual([]);
    await write('20260103000000_three', 'CREATE TABLE three (id int);');
    expect(await migrate()).toEqual(['20260103000000_three']);
    const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
    expect((await database.query(HISTORY))[0]).toEqual({
      migration_name: '20260101000000_one',
      checksum: sha256('CREATE TABLE one (id int);'),
      applied_steps_count: 1,
    });
  });

  it('are applied once when many gateways start at the same moment', async () => {
    for (let index = 0; index < 4; index++) await write(`2026010${index}000000_m`, `CREATE TABLE t${index} (id int);`);
    const runs = await Promise.all(Array.from({ length: 6 }, () => migrate()));
    expect(runs.flat().sort()).toEqual([
      '20260100000000_m',
      '20260101000000_m',
      '20260102000000_m',
      '20260103000000_m',
    ]);
    expect(await database.query(HISTORY)).toHaveLength(4);
  });

  it('of this version look to Prisma as if it had applied them itself', async () => {
    await cp(MIGRATIONS_DIR, dir, { recursive: true });
    await migrate();
    expect(await referee('history')).toEqual({
      editedMigrationNames: [],
      failedMigrationNames: [],
      hasMigrationsTable: true,
      history: null,
    });
    expect(await referee('apply')).toEqual({ appliedMigrationNames: [] });
  });

  it('that Prisma applied are not applied again', async () => {
    await cp(MIGRATIONS_DIR, dir, { recursive: true });
    const { appliedMigrationNames } = (await referee('apply')) as { appliedMigrationNames: string[] };
    expect(appliedMigrationNames.length).toBeGreaterThan(0);
    expect(await migrate()).toEqual([]);
  });

  it('of this version give exactly the schema the code is written for', async () => {
    const migrated = await testPostgres();
    expect(await referee('drift', migrated.url)).toBe('');
    await migrated.query('ALTER TABLE gateway_setting DROP COLUMN value');
    expect(await referee('drift', migrated.url)).toContain('ADD COLUMN     "value" TEXT NOT NULL');
    await migrated.drop();
  });

  it('that fail leave nothing behind, keep what came before, and name themselves', async () => {
    await write('20260101000000_good', 'CREATE TABLE good (id int);');
    await write('20260102000000_bad', 'CREATE TABLE half (id int); INSERT INTO missing VALUES (1);');
    const message = await refusal();
    expect(message).toContain('20260102000000_bad');
    expect(message).toContain('relation "missing" does not exist');
    expect(await tables()).toEqual(['good']);
    expect(await database.query(HISTORY)).toHaveLength(1);
    await write('20260102000000_bad', 'CREATE TABLE whole (id int);');
    expect(await migrate()).toEqual(['20260102000000_bad']);
  });

  it('that were edited after they were applied stop the start', async () => {
    await write('20260101000000_one', 'CREATE TABLE one (id int);\n');
    await migrate();
    await write('20260101000000_one', 'CREATE TABLE one (id bigint);\n');
    expect(await refusal()).toMatch(/20260101000000_one was edited/);
  });

  it('are not taken for edited when Git changed their line ends', async () => {
    await write('20260101000000_one', 'CREATE TABLE one (\n  id int\n);\n');
    await migrate();
    await write('20260101000000_one', 'CREATE TABLE one (\r\n  id int\r\n);\r\n');
    expect(await migrate()).toEqual([]);
  });

  it('this version does not know stop the start: the database is newer, or somebody else’s', async () => {
    await write('20260101000000_one', 'CREATE TABLE one (id int);');
    await write('20260102000000_future', 'CREATE TABLE future (id int);');
    await migrate();
    await rm(join(dir, '20260102000000_future'), { recursive: true });
    const message = await refusal();
    expect(message).toContain('20260102000000_future');
    expect(message).toContain('newer version');
  });

  it('another tool left half applied stop the start', async () => {
    await write('20260101000000_one', 'CREATE TABLE one (id int);');
    await migrate();
    await database.query('UPDATE _prisma_migrations SET finished_at = NULL');
    expect(await refusal()).toContain('prisma migrate resolve');
  });

  it('go into the schema the URL names', async () => {
    await write('20260101000000_one', 'CREATE TABLE one (id int);');
    const url = new URL(database.url.reveal());
    url.searchParams.set('schema', 'gatehouse');
    expect(await migrate(new Secret(url.href))).toEqual(['20260101000000_one']);
    expect(await tables('gatehouse')).toEqual(['one']);
    expect(await tables()).toEqual([]);
    expect(await migrate(new Secret(url.href))).toEqual([]);
  });
});

describe('a database that cannot be used', () => {
  it('is waited for, and named without its password when the wait is over', async () => {
    const waits: string[] = [];
    const url = new Secret(`postgresql://gatehouse:canary-password@127.0.0.1:${await freePort()}/gatehouse`);
    const waiting = { debug: () => undefined, warn: (message: string) => void waits.push(message) };
    const attempt = migrateDatabase(url, { log: waiting, migrationsDir: dir, connectTimeoutMs: 1_000 });
    await expect(attempt).rejects.toThrow(/nothing answered at 127\.0\.0\.1:\d+\/gatehouse within 1 s .*ECONNREFUSED/);
    expect(waits.length).toBeGreaterThan(1);
    expect(waits.join()).not.toContain('canary');
  });

  it('is refused at once when the credential is wrong, for waiting does not help', async () => {
    const url = new URL(database.url.reveal());
    url.password = 'canary-password';
    const message = await refusal(new Secret(url.href));
    expect(message).toContain('password authentication failed');
    expect(message).not.toContain('canary');
  });

  it('is refused when its URL is none, without repeating it', async () => {
    const attempt = migrate(new Secret('canary-password@db'));
    await expect(attempt).rejects.toMatchObject({ code: 'config/invalid' });
    await expect(attempt).rejects.not.toThrow(/canary/);
  });
});
