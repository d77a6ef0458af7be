import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { Secret } from '../../src/core/model/secret.js';

/** Set by `global-setup.ts`, which cannot be imported here: it runs outside of jest's sandbox. */
const TEST_POSTGRES = 'GATEHOUSE_TEST_POSTGRES';

export interface TestPostgres {
  /** Of a database nobody else uses. */
  readonly url: Secret;
  /** Runs SQL as the superuser, on a connection of its own. */
  query(sql: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  /** Cuts everybody off and removes the database. Optional: the server ends with the run. */
  drop(): Promise<void>;
}

export interface TestPostgresOptions {
  /** False: without any table. */
  readonly migrated?: boolean;
}

/** A fresh database on the real Postgres of this test run, as the migrations leave it; takes some 50 ms. */
export async function testPostgres({ migrated = true }: TestPostgresOptions = {}): Promise<TestPostgres> {
  const template = process.env[TEST_POSTGRES];
  if (template === undefined) throw new Error('no Postgres in this run: jest needs test/harness/global-setup.ts');
  const templateName = new URL(template).pathname.slice(1);
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await queryOnce(
    atDatabase(template, 'postgres'),
    `CREATE DATABASE ${name} TEMPLATE ${migrated ? templateName : 'template0'}`,
  );
  const url = atDatabase(template, name);
  return {
    url: new Secret(url),
    query: (sql, values) => queryOnce(url, sql, values),
    drop: async () => {
      await queryOnce(atDatabase(template, 'postgres'), `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

function atDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

async function queryOnce(url: string, sql: string, values?: unknown[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql, values)).rows;
  } finally {
    await client.end();
  }
}
