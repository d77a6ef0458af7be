// npm run db:drift: all migrations on an empty database must give exactly prisma/schema.prisma.
import { diffToSchema } from './schema-diff.mjs';
import { withMigratedDatabase } from './scratch-database.mjs';

const sql = await withMigratedDatabase(diffToSchema);
if (sql === '') {
  console.log('Migrations and prisma/schema.prisma agree.');
} else {
  console.error(
    'Migrations and prisma/schema.prisma differ. What is missing (npm run db:migration -- NAME writes it):\n',
  );
  console.error(sql);
  process.exitCode = 1;
}
