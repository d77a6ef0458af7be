/**
 * `npm run conformance`: the official conformance suite on every target; prints tables and ends with 1 if anything failed
 * that `expected-failures.yaml` does not name, passed that it names, or is otherwise than `docs/conformance.md` says.
 *
 *   --target NAME    only targets whose name begins so      --set NAME   2025-11-25, 2026-07-28 or latest
 *   --scenario NAME  only this one, with all that the suite says of it
 *   --write          writes docs/conformance.md
 */
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { authorizationTargets } from './authorization-targets.js';
import { clientTargets } from './client-targets.js';
import { conformancePage } from './conformance-page.js';
import { directTargets } from './direct-targets.js';
import { gatewayTargets } from './gateway-targets.js';
import { judge, type ExpectedFailures, type Verdict } from './judge.js';
import { runSuite, type SuiteResult } from './run-suite.js';
import { table } from './table.js';
import { setsOf, type TargetGroup } from './target.js';

const GROUPS: readonly (() => Promise<TargetGroup>)[] = [
  directTargets,
  gatewayTargets,
  clientTargets,
  authorizationTargets,
];
const LEGS = ['server', 'client', 'authorization'] as const;
const PAGE = new URL('../../docs/conformance.md', import.meta.url);

const { values: flags } = parseArgs({
  options: {
    target: { type: 'string' },
    set: { type: 'string' },
    scenario: { type: 'string' },
    write: { type: 'boolean' },
  },
});
const isWhole = flags.target === undefined && flags.set === undefined && flags.scenario === undefined;

const file = await readFile(new URL('expected-failures.yaml', import.meta.url), 'utf8');
const expected = (parse(file) ?? {}) as ExpectedFailures;

async function runGroup(open: () => Promise<TargetGroup>): Promise<readonly SuiteResult[]> {
  const group = await open();
  try {
    const results: SuiteResult[] = [];
    const columns = group.targets
      .filter(({ name }) => name.startsWith(flags.target ?? ''))
      .flatMap((target) => setsOf(target).map((set) => ({ target, set })))
      .filter(({ set }) => flags.set === undefined || flags.set === set);
    // One after the other: some scenarios give a server only so much time.
    for (const { target, set } of columns) {
      process.stderr.write(`${target.name}: ${set} …\n`);
      const result = await runSuite(target, set, flags.scenario);
      if (flags.scenario !== undefined) process.stderr.write(result.output);
      if (result.scenarios.length > 0) results.push(result);
    }
    return results;
  } finally {
    await group.close();
  }
}

/** What is wrong with the page of a whole run, if anything. */
async function pageProblems(text: string): Promise<readonly string[]> {
  if (flags.write === true) {
    await writeFile(PAGE, text);
    return [];
  }
  const written = await readFile(PAGE, 'utf8').catch(() => '');
  return written === text ? [] : ['docs/conformance.md says something else: npm run conformance -- --write'];
}

function list(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `\n${title}\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

const results: SuiteResult[] = [];
for (const open of GROUPS) results.push(...(await runGroup(open)));
const verdicts: readonly Verdict[] = results.map((result) => judge(result, expected));
const unexpected = verdicts.flatMap((verdict) => verdict.unexpected);
const stale = verdicts.flatMap((verdict) => verdict.stale);
for (const leg of LEGS) {
  const columns = results.filter((result) => result.leg === leg);
  if (columns.length > 0) process.stdout.write(`${table(columns)}\n\n`);
}
const isAsExpected = results.length > 0 && unexpected.length === 0 && stale.length === 0;
const outdated = isWhole && isAsExpected ? await pageProblems(conformancePage(results, expected)) : [];
process.stdout.write(`${list('Unexpected:', unexpected)}${list('Stale:', stale)}${list('Outdated:', outdated)}`);
if (results.length === 0) process.stdout.write('Nothing was run.\n');
process.exitCode = isAsExpected && outdated.length === 0 ? 0 : 1;
