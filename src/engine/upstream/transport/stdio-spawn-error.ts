import { stat } from 'node:fs/promises';
import type { GatewayError } from '../../../core/errors/gateway-error.js';
import type { ServerEntry, StdioEndpoint } from '../../../core/model/server-entry.js';
import { upstreamError } from '../upstream-error.js';

/** The machine is short of something just now; a later attempt may succeed. */
const TEMPORARY = new Set(['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE', 'ETXTBSY']);

/** Why a child could not be started, naming the command and the fix. */
export async function spawnError(entry: ServerEntry, endpoint: StdioEndpoint, cause: unknown): Promise<GatewayError> {
  const { command, cwd } = endpoint;
  const { code: systemCode } = cause as { code?: unknown };
  const code = typeof systemCode === 'string' ? systemCode : 'unknown';
  if (TEMPORARY.has(code)) {
    return upstreamError(
      'upstream/unreachable',
      entry,
      `the command "${command}" could not be started now (${code})`,
      cause,
    );
  }
  return upstreamError('upstream/spawn_refused', entry, await explain(code, command, cwd), cause);
}

async function explain(code: string, command: string, cwd: string | undefined): Promise<string> {
  // The system says ENOENT for both.
  if (cwd !== undefined && (code === 'ENOENT' || code === 'ENOTDIR') && !(await isDirectory(cwd))) {
    return `the working directory "${cwd}" does not exist; create it or correct cwd`;
  }
  switch (code) {
    case 'ENOENT':
      return command.includes('/')
        ? `the command "${command}" does not exist; correct the path`
        : `the command "${command}" was not found on PATH; install it or give its full path`;
    case 'EACCES':
      return `the command "${command}" may not be executed by the user the gateway runs as; check its permissions`;
    case 'ENOEXEC':
      return `the command "${command}" is not a program of this system; start it through its interpreter`;
    case 'E2BIG':
      return `the arguments and the environment of the command "${command}" are too long`;
    default:
      return `the command "${command}" could not be started (${code})`;
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    // Not there, or not to be seen by us: no directory to start in either way.
    return false;
  }
}
