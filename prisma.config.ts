import { defineConfig } from 'prisma/config';

// Only the client is generated here; migrations are applied and authored by our own code. Naming any existing binary
// keeps `prisma generate` from looking for (and downloading) an engine it does not need.
process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= process.execPath;

const url = process.env['DATABASE_URL'];

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  ...(url === undefined ? {} : { datasource: { url } }),
});
