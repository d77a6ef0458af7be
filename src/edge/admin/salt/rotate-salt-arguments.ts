import { parseArgs } from 'node:util';

/** What `gatehouse rotate-salt` was asked to do. */
export interface RotateSaltRequest {
  readonly dryRun: boolean;
  /** Goes on although some rows do not open; they stay as they are. */
  readonly skipUnreadable: boolean;
  /** Removes the secret an installation without a salt kept in its database. */
  readonly dropDatabaseSecret: boolean;
  readonly batch: number;
  /** The gateway's configuration file. */
  readonly config: string | undefined;
}

export type RotateSaltArguments =
  | { readonly kind: 'rotate'; readonly request: RotateSaltRequest }
  | { readonly kind: 'exit'; readonly code: 0 | 2; readonly output: string };

export const ROTATE_SALT_HELP = `Usage
  npm start -- rotate-salt [flags]

Seals every stored secret anew under LITELLM_SALT_KEY, while gateways run. What it replaces is opened with
LITELLM_SALT_KEY_PREVIOUS (or the secret kept in the database, where there was no salt before): give both to this command
and to every gateway. May be repeated and interrupted: what is sealed under the new salt is left alone.

Flags
      --dry-run                 count what would be sealed anew, and what does not open; write nothing
      --skip-unreadable         go on although some rows do not open; they stay as they are
      --drop-database-secret    afterwards remove the secret kept in the database
      --batch N                 rows written at once (1 to 10000)      [500]
  -c, --config FILE             the gateway's configuration file
  -h, --help                    this text

Exit codes: 0 everything is sealed under the salt (or would be), 1 not everything, 2 wrong flags.
`;

const BATCH = 500;
const BATCH_MAX = 10_000;

const OPTIONS = {
  'dry-run': { type: 'boolean' },
  'skip-unreadable': { type: 'boolean' },
  'drop-database-secret': { type: 'boolean' },
  batch: { type: 'string' },
  config: { type: 'string', short: 'c' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @param argv what follows `rotate-salt`. */
export function parseRotateSaltArguments(argv: readonly string[]): RotateSaltArguments {
  try {
    const { values } = parseArgs({ args: [...argv], options: OPTIONS, strict: true, allowPositionals: false });
    if (values.help === true) return { kind: 'exit', code: 0, output: ROTATE_SALT_HELP };
    const batch = /^\d{1,5}$/.test(values.batch ?? String(BATCH)) ? Number(values.batch ?? BATCH) : 0;
    if (batch < 1 || batch > BATCH_MAX) return usageError(`--batch must be a whole number from 1 to ${BATCH_MAX}`);
    return {
      kind: 'rotate',
      request: {
        dryRun: values['dry-run'] === true,
        skipUnreadable: values['skip-unreadable'] === true,
        dropDatabaseSecret: values['drop-database-secret'] === true,
        batch,
        config: values.config,
      },
    };
  } catch (error) {
    // `parseArgs` explains itself; nothing else in here throws.
    return usageError(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
  }
}

function usageError(reason: string): RotateSaltArguments {
  return { kind: 'exit', code: 2, output: `gatehouse rotate-salt: ${reason}\nTry: npm start -- rotate-salt --help\n` };
}
