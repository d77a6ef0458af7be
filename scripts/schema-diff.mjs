// What it takes to turn a database into prisma/schema.prisma, as SQL. Prisma's schema engine in its WebAssembly form:
// its native form would have to be downloaded from a place that closed networks do not reach.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';
import { ColumnTypeEnum, bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import pg from 'pg';

const require = createRequire(import.meta.url);
const SCHEMA = new URL('../prisma/schema.prisma', import.meta.url);
export const NO_FILTER = { externalTables: [], externalEnums: [] };

/** Indices of the columns of Postgres' internal type "char", by the rows of a result. */
const charColumns = new WeakMap();

/** The engine reads "char" columns of the catalogue; the adapter refuses them. Here they pass it as text … */
class CataloguePool extends pg.Pool {
  async query(...args) {
    const result = await super.query(...args);
    const found = (result.fields ?? []).flatMap(({ dataTypeID }, index) =>
      dataTypeID === pg.types.builtins.CHAR ? [index] : [],
    );
    for (const index of found) result.fields[index].dataTypeID = pg.types.builtins.TEXT;
    charColumns.set(result.rows, found);
    return result;
  }
}

/** … and here they become single characters again. */
class CatalogueAdapterFactory extends PrismaPg {
  async connect() {
    const adapter = await super.connect();
    const queryRaw = adapter.queryRaw.bind(adapter);
    adapter.queryRaw = async (query) => {
      const set = await queryRaw(query);
      for (const index of charColumns.get(set.rows) ?? []) set.columnTypes[index] = ColumnTypeEnum.Character;
      return set;
    };
    return adapter;
  }
}

/** Its bindings are one per process. */
let loading;

async function loadEngine() {
  // The engine hands its last words to this global before it gives up.
  globalThis.PRISMA_WASM_PANIC_REGISTRY = { set_message: (message) => console.error(message) };
  const bindingsPath = require.resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const bindings = await import(pathToFileURL(bindingsPath).href);
  const wasm = await readFile(bindingsPath.replace(/\.js$/, '.wasm'));
  const { instance } = await WebAssembly.instantiate(wasm, { './schema_engine_bg.js': bindings });
  bindings.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  return bindings.SchemaEngine;
}

/**
 * Opens Prisma's schema engine on a database.
 *
 * @template T
 * @param {string} url
 * @param {(engine: any, files: { path: string, content: string }[]) => Promise<T>} use gets the engine and the schema
 * @returns {Promise<T>}
 */
export async function withSchemaEngine(url, use) {
  const files = [{ path: 'schema.prisma', content: await readFile(SCHEMA, 'utf8') }];
  const pool = new CataloguePool({ connectionString: url });
  const adapter = bindMigrationAwareSqlAdapterFactory(new CatalogueAdapterFactory(pool));
  loading ??= loadEngine();
  const SchemaEngine = await loading;
  const datamodels = files.map(({ path, content }) => [path, content]);
  const engine = await SchemaEngine.new({ datamodels }, () => {}, adapter);
  try {
    return await use(engine, files);
  } finally {
    engine.free();
    await pool.end();
  }
}

/**
 * @param {string} url a database with all migrations applied
 * @returns {Promise<string>} SQL; empty when database and schema agree
 */
export function diffToSchema(url) {
  return withSchemaEngine(url, async (engine, files) => {
    const { stdout } = await engine.diff({
      from: { tag: 'schemaDatasource', files, configDir: '.' },
      to: { tag: 'schemaDatamodel', files },
      script: true,
      exitCode: null,
      filters: NO_FILTER,
    });
    const sql = stdout ?? '';
    return sql.trim() === '-- This is an empty migration.' ? '' : sql;
  });
}
