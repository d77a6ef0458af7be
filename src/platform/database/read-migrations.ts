import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The migrations of this version of the gateway: beside `src` as beside `dist`. */
export const MIGRATIONS_DIR = fileURLToPath(new URL('../../../prisma/migrations', import.meta.url));

export interface Migration {
  /** The folder's name, `<utc>_<what_changed>`; their order is the order of applying. */
  readonly name: string;
  readonly sql: string;
  /** As Prisma computes it: SHA-256 of the file, in hex. */
  readonly checksum: string;
  /** Checksums that also stand for this text: Git may have changed its line ends. */
  readonly acceptedChecksums: readonly string[];
}

/** All migrations below a folder, in order. */
export async function readMigrations(migrationsDir: string): Promise<readonly Migration[]> {
  const entries = await readdir(migrationsDir, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(join(migrationsDir, name, 'migration.sql'), 'utf8');
      const unix = sql.replaceAll('\r\n', '\n');
      const checksum = checksumOf(sql);
      return {
        name,
        sql,
        checksum,
        acceptedChecksums: [checksum, checksumOf(unix), checksumOf(unix.replaceAll('\n', '\r\n'))],
      };
    }),
  );
}

function checksumOf(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
