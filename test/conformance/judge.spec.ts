import { judge, type ExpectedFailures } from './judge.js';
import type { ScenarioResult, SuiteResult } from './run-suite.js';

function ran(scenario: string, ...failing: string[]): ScenarioResult {
  return { scenario, passed: 1, failures: new Map(failing.map((check) => [check, 'FAILURE: because'])) };
}

function suite(...scenarios: ScenarioResult[]): SuiteResult {
  return { target: 'gateway', leg: 'server', set: '2026-07-28', scenarios, output: '' };
}

type Row = readonly [title: string, SuiteResult, ExpectedFailures, unexpected: number, stale: number];

function expecting(entries: Record<string, string>, set = '2026-07-28'): ExpectedFailures {
  return { gateway: { [set]: entries } };
}

describe('judging a run of the suite', () => {
  it.each([
    ['nothing fails', suite(ran('ping')), expecting({}), 0, 0],
    ['a failure nobody expected', suite(ran('ping', 'pong')), expecting({}), 1, 0],
    ['each check of a scenario counts', suite(ran('ping', 'a', 'b')), expecting({ 'ping:a': 'theirs' }), 1, 0],
    ['a whole scenario excused', suite(ran('ping', 'a', 'b')), expecting({ ping: 'theirs' }), 0, 0],
    ['an excuse for all sets', suite(ran('ping', 'a')), expecting({ ping: 'theirs' }, '*'), 0, 0],
    ['an excuse for all targets', suite(ran('ping', 'a')), { '*': { latest: {}, '*': { ping: 'theirs' } } }, 0, 0],
    ["another set's excuse", suite(ran('ping', 'a')), expecting({ ping: 'theirs' }, 'latest'), 1, 0],
    ['an excuse no longer needed', suite(ran('ping')), expecting({ ping: 'theirs' }), 0, 1],
    ['a check excused that passes', suite(ran('ping', 'b')), expecting({ 'ping:a': 'theirs' }), 1, 1],
    ['an excuse for what was not run', suite(ran('ping')), expecting({ 'tools-list': 'theirs' }), 0, 0],
  ] as const satisfies readonly Row[])('%s', (_, result, expected, unexpected, stale) => {
    const verdict = judge(result, expected);
    expect(verdict.unexpected).toHaveLength(unexpected);
    expect(verdict.stale).toHaveLength(stale);
  });
});
