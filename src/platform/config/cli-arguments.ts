import { parseArgs } from 'node:util';
import { suggestion } from '../../core/definition/closest-name.js';
import { errorCode } from './error-code.js';
import { HELP_TEXT } from './help-text.js';

/** Flags as given, not yet validated. */
export interface CliFlags {
  readonly config?: string;
  readonly port?: string;
  readonly host?: string;
  readonly workers?: string;
  readonly check: boolean;
}

export type CliOutcome =
  | { readonly kind: 'run'; readonly flags: CliFlags }
  /** Print `output` (to stderr when the code is not 0) and leave with `code`. */
  | { readonly kind: 'exit'; readonly code: 0 | 2; readonly output: string };

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  port: { type: 'string', short: 'p' },
  host: { type: 'string' },
  workers: { type: 'string' },
  check: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const;

/** Reads the command line. A flag that does not exist, or lacks its value, is an exit with code 2 and the reason. */
export function parseCliArguments(argv: readonly string[], version: string): CliOutcome {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: OPTIONS,
      strict: true,
      allowPositionals: true,
    });
    if (values.help === true) return { kind: 'exit', code: 0, output: HELP_TEXT };
    if (values.version === true) return { kind: 'exit', code: 0, output: `gatehouse ${version}\n` };
    const [positional] = positionals;
    if (positional !== undefined) return usageError(`unexpected argument "${positional}"`);
    const { config, port, host, workers, check } = values;
    return {
      kind: 'run',
      flags: {
        ...(config === undefined ? {} : { config }),
        ...(port === undefined ? {} : { port }),
        ...(host === undefined ? {} : { host }),
        ...(workers === undefined ? {} : { workers }),
        check: check === true,
      },
    };
  } catch (error) {
    return usageError(describe(error, argv));
  }
}

function usageError(reason: string): CliOutcome {
  return { kind: 'exit', code: 2, output: `gatehouse: ${reason}\nTry --help.\n` };
}

/** `parseArgs` explains itself at length for programmers; this is for whoever typed the flag. */
function describe(error: unknown, argv: readonly string[]): string {
  const unknown = errorCode(error) === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' ? argv.find(isUnknownFlag) : undefined;
  if (unknown !== undefined) {
    const name = nameOf(unknown);
    return `unknown flag "${unknown.split('=')[0] ?? unknown}"${suggestion(name, Object.keys(OPTIONS)).replace('"', '"--')}`;
  }
  const message = typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : '';
  return message.split('\n')[0] ?? 'cannot read the flags';
}

function isUnknownFlag(argument: string): boolean {
  if (argument.startsWith('--')) return argument !== '--' && !(nameOf(argument) in OPTIONS);
  const shorts: readonly string[] = Object.values(OPTIONS).flatMap((option) =>
    'short' in option ? [option.short] : [],
  );
  return /^-[^-]/.test(argument) && !shorts.includes(argument.charAt(1));
}

function nameOf(flag: string): string {
  return flag.replace(/^-+/, '').split('=')[0] ?? '';
}
