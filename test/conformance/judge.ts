import type { SuiteResult } from './run-suite.js';

/**
 * Failures we know of: target → set → `scenario` or `scenario:check-id` → whose defect it is and why. The target `*`
 * stands for all targets, the set `*` for all sets.
 */
export type ExpectedFailures = Readonly<Record<string, Readonly<Record<string, Entries>>>>;

type Entries = Readonly<Record<string, string>>;

export interface Verdict {
  /** Failed, and nobody expected it. */
  readonly unexpected: readonly string[];
  /** Expected to fail, and passed: the entry must go. */
  readonly stale: readonly string[];
}

/** Compares what failed with what was expected to; entries about what was not run are left alone. */
export function judge(result: SuiteResult, expected: ExpectedFailures): Verdict {
  const where = `${result.target}, ${result.set}`;
  const entries = entriesFor(result, expected);
  const used = new Set<string>();
  const unexpected: string[] = [];
  for (const { scenario, failures } of result.scenarios) {
    for (const [check, message] of failures) {
      const entry = keyOf(entries, scenario, check);
      if (entry === undefined) unexpected.push(`${where}: ${scenario}: ${check}: ${message}`);
      else used.add(entry);
    }
  }
  const ran = new Set(result.scenarios.map(({ scenario }) => scenario));
  const stale = Object.keys(entries)
    .filter((key) => ran.has(key.split(':')[0] ?? key) && !used.has(key))
    .map((key) => `${where}: ${key} passes; take it out of expected-failures.yaml`);
  return { unexpected, stale };
}

/** Why this check of this scenario was expected to fail; undefined: it was not. */
export function reasonFor(
  result: Pick<SuiteResult, 'target' | 'set'>,
  expected: ExpectedFailures,
  scenario: string,
  check: string,
): string | undefined {
  const entries = entriesFor(result, expected);
  const key = keyOf(entries, scenario, check);
  return key === undefined ? undefined : entries[key];
}

function entriesFor({ target, set }: Pick<SuiteResult, 'target' | 'set'>, expected: ExpectedFailures): Entries {
  const sections = ['*', target].flatMap((one) => ['*', set].map((each) => expected[one]?.[each]));
  return Object.assign({}, ...sections) as Entries;
}

function keyOf(entries: Entries, scenario: string, check: string): string | undefined {
  return [scenario, `${scenario}:${check}`].find((key) => key in entries);
}
