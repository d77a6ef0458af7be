import { parseArgs } from 'node:util';
import { Secret } from '../../../core/model/secret.js';

/** What `gatehouse import litellm` was asked to do. */
export interface ImportRequest {
  readonly databaseUrl: Secret;
  /** The incumbent's `LITELLM_SALT_KEY`, or its master key when it had none; undefined: sealed credentials stay behind. */
  readonly saltKey: Secret | undefined;
  /** Our configuration file, for our own database settings. */
  readonly config: string | undefined;
  readonly dryRun: boolean;
}

export type ImportArguments =
  | { readonly kind: 'import'; readonly request: ImportRequest }
  | { readonly kind: 'exit'; readonly code: 0 | 2; readonly output: string };

export const IMPORT_HELP = `Usage
  npm start -- import litellm --database-url URL [flags]

Reads LiteLLM's Postgres (keys as hashes, teams, organizations, users, customers, servers, permissions, toolsets, access
groups) into this gateway's. Its database is only read. May be repeated: what is the same already is left alone.

Flags
      --database-url URL   LiteLLM's database                      [LITELLM_DATABASE_URL]
      --salt-key KEY       its LITELLM_SALT_KEY (its master key, when it had none), to open stored credentials
                                                                   [LITELLM_IMPORT_SALT_KEY]
  -c, --config FILE        this gateway's configuration file, for its own database
      --dry-run            print what would change and write nothing
  -h, --help               this text

Secrets on a command line can be read by others on the machine: prefer the variables in brackets.
Exit codes: 0 imported (or would be), 1 it failed, 2 wrong flags.
`;

const OPTIONS = {
  'database-url': { type: 'string' },
  'salt-key': { type: 'string' },
  config: { type: 'string', short: 'c' },
  'dry-run': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @param argv what follows `import`. @param env only the two variables in brackets are read. */
export function parseImportArguments(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ImportArguments {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: OPTIONS,
      strict: true,
      allowPositionals: true,
    });
    if (values.help === true) return { kind: 'exit', code: 0, output: IMPORT_HELP };
    const [from, extra] = positionals;
    if (from !== 'litellm') return usageError(`import from what? Only "litellm" is known, got "${from ?? ''}"`);
    if (extra !== undefined) return usageError(`unexpected argument "${extra}"`);
    const url = values['database-url'] ?? env['LITELLM_DATABASE_URL'];
    if (url === undefined || url === '') return usageError('--database-url (or LITELLM_DATABASE_URL) is required');
    const salt = values['salt-key'] ?? env['LITELLM_IMPORT_SALT_KEY'];
    return {
      kind: 'import',
      request: {
        databaseUrl: new Secret(url),
        saltKey: salt === undefined || salt === '' ? undefined : new Secret(salt),
        config: values.config,
        dryRun: values['dry-run'] === true,
      },
    };
  } catch (error) {
    // `parseArgs` explains itself; nothing else in here throws.
    return usageError(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
  }
}

function usageError(reason: string): ImportArguments {
  return { kind: 'exit', code: 2, output: `gatehouse import: ${reason}\nTry: npm start -- import --help\n` };
}
