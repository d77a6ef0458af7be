import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'dotenv';
import { errorCode } from './error-code.js';
import type { Environment } from './expand-environment-references.js';
import type { Problem } from './problem.js';

/**
 * The variables of the process over those of `.env` in the working directory: real ones win. A variable that is set but
 * empty hides the file's too. An unreadable `.env` is a warning; a missing one is nothing.
 */
export function readEnvironment(
  processEnvironment: Environment,
  workingDirectory: string,
): { readonly environment: Environment; readonly problems: readonly Problem[] } {
  const own = { ...processEnvironment };
  try {
    const file = parse(readFileSync(join(workingDirectory, '.env')));
    return { environment: { ...file, ...own }, problems: [] };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return { environment: own, problems: [] };
    const problem: Problem = { severity: 'warning', file: '.env', message: 'cannot be read and is ignored' };
    return { environment: own, problems: [problem] };
  }
}
