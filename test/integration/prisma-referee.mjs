// What Prisma's own schema engine thinks of a database, for tests. A process of its own: the engine does not live in
// jest's sandbox. Arguments: URL, folder of migrations, and what to ask: history, apply or drift. Answers in JSON.
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { diffToSchema, NO_FILTER, withSchemaEngine } from '../../scripts/schema-diff.mjs';

const [url, baseDir, question] = process.argv.slice(2);

async function migrationsList() {
  const folders = (await readdir(baseDir, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const migrationDirectories = await Promise.all(
    folders.map(async ({ name }) => {
      const value = await readFile(join(baseDir, name, 'migration.sql'), 'utf8');
      return { path: name, migrationFile: { path: 'migration.sql', content: { tag: 'ok', value } } };
    }),
  );
  const lockfile = { path: 'migration_lock.toml', content: 'provider = "postgresql"' };
  return { baseDir, lockfile, shadowDbInitScript: '', migrationDirectories };
}

const questions = {
  history: async (engine) =>
    engine.diagnoseMigrationHistory({
      migrationsList: await migrationsList(),
      optInToShadowDatabase: false,
      filters: NO_FILTER,
    }),
  apply: async (engine) => engine.applyMigrations({ migrationsList: await migrationsList(), filters: NO_FILTER }),
};

const answer = question === 'drift' ? await diffToSchema(url) : await withSchemaEngine(url, questions[question]);
console.log(JSON.stringify(answer));
