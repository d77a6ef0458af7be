import { NO_CHECK_RAN, type ScenarioResult, type SuiteResult } from './run-suite.js';

/** Scenario by scenario what passed where, as Markdown: the number of checks passed, or failed. */
export function table(results: readonly SuiteResult[]): string {
  const scenarios = [...new Set(results.flatMap((result) => result.scenarios.map(({ scenario }) => scenario)))];
  const head = ['scenario', ...results.map(({ target, set }) => `${target}: ${set}`)];
  const rows = scenarios.map((scenario) => [
    scenario,
    ...results.map((result) => cell(result.scenarios.find((ran) => ran.scenario === scenario))),
  ]);
  const totals = [
    'passed of run',
    ...results.map(({ scenarios: ran }) => `${ran.filter(isPassed).length}/${ran.length}`),
  ];
  const lines = [head, head.map(() => ''), ...rows, totals];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  return lines
    .map((line, index) => widths.map((width, column) => (line[column] ?? '').padEnd(width, index === 1 ? '-' : ' ')))
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

function isPassed({ failures }: ScenarioResult): boolean {
  return failures.size === 0;
}

function cell(result: ScenarioResult | undefined): string {
  if (result === undefined) return '';
  const extra = result.notScored === undefined ? '' : ` (${result.notScored})`;
  if (result.failures.has(NO_CHECK_RAN)) return `no check ran${extra}`;
  return isPassed(result) ? `pass ${result.passed}${extra}` : `FAIL ${result.failures.size}${extra}`;
}
