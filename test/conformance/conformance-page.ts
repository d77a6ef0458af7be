import { reasonFor, type ExpectedFailures } from './judge.js';
import type { ScenarioResult, SuiteResult } from './run-suite.js';
import { SETS, type SetName, type Target } from './target.js';

const HEADS: Readonly<Record<SetName, string>> = {
  '2025-11-25': 'At the wire of `2025-11-25`',
  '2026-07-28': 'At the wire of `2026-07-28`',
  latest: 'Active suite of the release tagged `latest`',
};

/** `docs/conformance.md`: scenario by scenario what passes where, and why the rest cannot. Same results, same text. */
export function conformancePage(results: readonly SuiteResult[], expected: ExpectedFailures): string {
  const notes: string[] = [];
  const part = (leg: Target['leg']): string =>
    SETS.map((set) =>
      section(
        set,
        results.filter((result) => result.leg === leg && result.set === set),
      ),
    )
      .filter((text) => text !== '')
      .join('\n');
  const section = (set: SetName, columns: readonly SuiteResult[]): string => {
    if (columns.length === 0) return '';
    const scenarios = new Map(columns.flatMap((column) => column.scenarios.map((ran) => [ran.scenario, ran] as const)));
    const rows = [...scenarios.values()].map(({ scenario, notScored }) => [
      notScored === undefined ? scenario : `${scenario} _(${notScored})_`,
      ...columns.map((column) =>
        cell(
          column,
          column.scenarios.find((ran) => ran.scenario === scenario),
        ),
      ),
    ]);
    const head = ['scenario', ...columns.map(({ target }) => target)];
    return `### ${HEADS[set]}\n\n${markdownTable([head, ...rows])}\n`;
  };
  const cell = (column: SuiteResult, ran: ScenarioResult | undefined): string => {
    if (ran === undefined) return '';
    if (ran.failures.size === 0) return '✓';
    const reasons = [...ran.failures.keys()].map((check) => reasonFor(column, expected, ran.scenario, check) ?? '?');
    return [...new Set(reasons)].map((reason) => `[${noteOf(reason)}]`).join(' ');
  };
  const noteOf = (reason: string): number => {
    const at = notes.indexOf(reason);
    return at === -1 ? notes.push(reason) : at + 1;
  };
  const parts = { servers: part('server'), clients: part('client'), authorization: part('authorization') };
  const list = notes.map((note, index) => `${index + 1}. ${note}`).join('\n');
  const all: Readonly<Record<string, string>> = { ...parts, notes: list };
  return PAGE.replace(/\{(\w+)\}/g, (_, name: string) => all[name] ?? '');
}

const PAGE = `# Conformance

<!-- Written by \`npm run conformance -- --write\`; the run fails when this page is not what it found. -->

What the official conformance suite finds, scenario by scenario. ✓: every check passes, warnings counted as failures, and what
the revision does not score (in italics) held to as well. A number: why the scenario cannot pass there. How it is run is
in \`test/conformance/README.md\`.

## Servers behind the gateway

The same server directly, as the only one of its path, and together with the others on \`/mcp\` (with the prefix taken off
before the suite sees it). \`legacy\` speaks \`2025-11-25\` and nothing newer, \`modern\` speaks \`2026-07-28\` and nothing older,
\`dual\` both. So the first set on \`/mcp/modern\`, and the second on \`/mcp/legacy\`, are translated from one era into the other.

{servers}
## Clients through the gateway

The suite is the server, and looks at what the gateway sends it for a plain client of either era. Where the server wants to be
authorized, the gateway is its OAuth client, for a client whose own sign-in goes through the gateway.

{clients}
## The authorization server

The gateway's own, for clients that have nothing but an address.

{authorization}
## Why not

{notes}
`;

function markdownTable(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(3, ...rows.map((row) => (row[column] ?? '').length)));
  const line = (cells: readonly string[], fill: string): string =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width, fill)).join(' | ')} |`;
  const [first = [], ...others] = rows;
  return [
    line(first, ' '),
    line(
      first.map(() => ''),
      '-',
    ),
    ...others.map((row) => line(row, ' ')),
  ].join('\n');
}
