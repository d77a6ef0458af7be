import { conformancePage } from './conformance-page.js';
import type { SuiteResult } from './run-suite.js';

const RESULTS: readonly SuiteResult[] = [
  {
    target: 'here',
    leg: 'server',
    set: '2026-07-28',
    output: '',
    scenarios: [
      { scenario: 'ping', passed: 3, failures: new Map() },
      {
        scenario: 'pong',
        passed: 1,
        failures: new Map([
          ['a', 'FAILURE'],
          ['b', 'FAILURE'],
        ]),
        notScored: 'pending',
      },
    ],
  },
  {
    target: 'there',
    leg: 'server',
    set: '2026-07-28',
    output: '',
    scenarios: [{ scenario: 'pong', passed: 0, failures: new Map([['a', 'FAILURE']]), notScored: 'pending' }],
  },
];

test('the page says what passes where, and why the rest does not, each reason once', () => {
  const page = conformancePage(RESULTS, { '*': { '*': { 'pong:a': 'Theirs.', 'pong:b': 'Nobody can.' } } });
  expect(page).toMatch(/\| scenario +\| here +\| there +\|/);
  expect(page).toMatch(/\| ping +\| ✓ +\| +\|/);
  expect(page).toMatch(/\| pong _\(pending\)_ +\| \[1\] \[2\] +\| \[1\] +\|/);
  expect(page).toContain('1. Theirs.\n2. Nobody can.\n');
});

test('another run with the same outcome writes the same page', () => {
  const again = RESULTS.map((result) => ({
    ...result,
    scenarios: result.scenarios.map((ran) => ({ ...ran, passed: ran.passed + 1 })),
  }));
  expect(conformancePage(again, {})).toBe(conformancePage(RESULTS, {}));
});
