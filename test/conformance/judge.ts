import type { SuiteResult } from './run-suite.js';

/**
 * Failures we know of: target → set → `scenario` or `scenario:check-id` → whose defect it is and why. The target `*`
 * stands for all targets, the set `*` for all sets.
 */
export type ExpectedFailures = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, string>>>>>>;

export interface Verdict {
  /** Failed, and nobody expected it. */
  readonly unexpected: readonly string[];
  /** Expected to fail, and passed: the entry must go. */
  readonly stale: readonly string[];
}

/** Compares what failed with what was expected to; entries about what was not run are left alone. */
export function judge(result: SuiteResult, expected: ExpectedFailures): Verdict {
  const where = `${result.target}, ${result.set}`;
  const sections = ['*', result.target].flatMap((target) => ['*', result.set].map((set) => expected[target]?.[set]));
  const entries: Record<string, string> = Object.assign({}, ...sections);
  const used = new Set<string>();
  const unexpected: string[] = [];
  for (const { scenario, failures } of result.scenarios) {
    for (const [check, message] of failures) {
      const entry = [scenario, `${scenario}:${check}`].find((key) => key in entries);
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
