// npm run db:migration -- NAME: writes the step from the present migrations to prisma/schema.prisma as a new migration.
import { mkdir, writeFile } from 'node:fs/promises';
import { diffToSchema } from './schema-diff.mjs';
import { withMigratedDatabase } from './scratch-database.mjs';

const [name] = process.argv.slice(2);
if (name === undefined || !/^[a-z][a-z0-9_]*$/.test(name)) {
  console.error('Usage: npm run db:migration -- what_changed   (lower-case letters, digits, underscores)');
  process.exit(2);
}
const sql = await withMigratedDatabase(diffToSchema);
if (sql === '') {
  console.error('Nothing to do: the migrations already give prisma/schema.prisma. Change the schema first.');
  process.exit(1);
}
const utc = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
const path = `prisma/migrations/${utc}_${name}/migration.sql`;
await mkdir(new URL(`../${path.replace(/\/migration\.sql$/, '')}`, import.meta.url), { recursive: true });
await writeFile(new URL(`../${path}`, import.meta.url), sql);
console.log(`Wrote ${path}. Read it, name in a comment the query each index serves, then commit it with the schema.`);
