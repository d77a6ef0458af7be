import { formatProblems } from './format-problems.js';
import type { ConfigurationOutcome } from './load-configuration.js';

/** What a start prints and how it ends when there is nothing to run. */
export interface Report {
  readonly code: 0 | 1 | 2;
  readonly output: string;
}

/** The answer of `--check`, and of a start with an invalid configuration: every problem with its line. Needs no database. */
export function reportConfiguration(outcome: ConfigurationOutcome): Report {
  switch (outcome.kind) {
    case 'exit':
      return { code: outcome.code, output: outcome.output };
    case 'invalid':
      return { code: 1, output: formatProblems(outcome.problems) };
    case 'loaded': {
      const { servers } = outcome.declared;
      const verdict = `${outcome.settings.config.path} is valid: ${servers.length} server${servers.length === 1 ? '' : 's'}\n`;
      return { code: 0, output: formatProblems(outcome.problems) + verdict };
    }
  }
}
