import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** The folder that holds package.json and the example configuration; the same seen from `src/` and from `dist/`. */
export const PROJECT_ROOT = resolve(import.meta.dirname, '../../..');

/** The version in package.json. */
export function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(resolve(PROJECT_ROOT, 'package.json'), 'utf8'));
  const version =
    typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : undefined;
  return typeof version === 'string' ? version : '0.0.0';
}
