import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { startHeaderFront } from './header-front.js';
import type { SetName, Target } from './target.js';

/** What became of one scenario. Warnings count: they are SHOULDs of the specification. */
export interface ScenarioResult {
  readonly scenario: string;
  readonly passed: number;
  /** Ids of the checks that failed or warned, each once, with what they said. */
  readonly failures: ReadonlyMap<string, string>;
  /** Why the revision does not score it (`extension`, `pending`, …); it must pass here all the same. */
  readonly notScored?: string;
}

export interface SuiteResult {
  readonly target: string;
  readonly set: SetName;
  readonly scenarios: readonly ScenarioResult[];
}

interface Check {
  readonly id: string;
  readonly status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO';
  readonly errorMessage?: string;
}

/** Stands among the failures of a scenario in which nothing was checked. */
export const NO_CHECK_RAN = 'no-check-ran';

const NEWEST = new URL('../../node_modules/@modelcontextprotocol/conformance/', import.meta.url);
const LATEST_TAGGED = new URL('../../node_modules/conformance-latest/', import.meta.url);

/** Runs a set of the official suite against a target; `scenario` limits it to one. */
export async function runSuite(target: Target, set: SetName, scenario?: string): Promise<SuiteResult> {
  const output = await mkdtemp(join(tmpdir(), 'gatehouse-conformance-'));
  const front = target.headers === undefined ? undefined : await startHeaderFront(target.url, target.headers);
  try {
    const url = front?.url ?? target.url;
    const text = await runTool(set, ['server', '--url', url, '-o', output, ...selection(set, scenario)]);
    const names = scenario === undefined ? namesIn(text) : [scenario];
    if (names.length === 0) throw new Error(`the suite ran nothing:\n${text}`);
    const notScored = await notScoredIn(set);
    const scenarios = names.map(async (name) => {
      const reason = notScored.get(name);
      const result = summarize(name, await checksOf(output, name, text));
      return reason === undefined ? result : { ...result, notScored: reason };
    });
    return { target: target.name, set, scenarios: await Promise.all(scenarios) };
  } finally {
    await front?.close();
    await rm(output, { recursive: true, force: true });
  }
}

function selection(set: SetName, scenario: string | undefined): readonly string[] {
  if (scenario === undefined) return set === 'latest' ? ['--suite', 'active'] : ['--requirements', set];
  return set === 'latest' ? ['--scenario', scenario] : ['--scenario', scenario, '--spec-version', set];
}

async function runTool(set: SetName, args: readonly string[]): Promise<string> {
  const tool = new URL('dist/index.js', set === 'latest' ? LATEST_TAGGED : NEWEST);
  const child = spawn(process.execPath, [tool.pathname, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => output.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => output.push(text));
  // The exit code counts what it scores; the checks are read instead.
  await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return output.join('');
}

function namesIn(output: string): readonly string[] {
  return [...output.matchAll(/^=== Running scenario: (\S+) ===$/gm)].map(([, name = '']) => name);
}

async function notScoredIn(set: SetName): Promise<ReadonlyMap<string, string>> {
  if (set === 'latest') return new Map();
  const text = await readFile(new URL(`requirements/${set}.yaml`, NEWEST), 'utf8');
  const { not_scored: entries } = parse(text) as {
    not_scored: readonly { scenario: string; leg: string; reason: string }[];
  };
  return new Map(entries.filter(({ leg }) => leg === 'server').map(({ scenario, reason }) => [scenario, reason]));
}

/** Written to `server-<scenario>-<time>/checks.json`; a scenario that broke down leaves an empty folder, or none. */
async function checksOf(output: string, scenario: string, text: string): Promise<readonly Check[]> {
  const folders = await readdir(output);
  const named = new RegExp(`^server-${scenario}-\\d{4}-\\d{2}-\\d{2}T`);
  const file = join(output, folders.find((name) => named.test(name)) ?? '', 'checks.json');
  if (existsSync(file)) return JSON.parse(await readFile(file, 'utf8')) as readonly Check[];
  const why = text.split(`Failed to run scenario ${scenario}:`)[1]?.split('\n')[0]?.trim();
  return [{ id: scenario, status: 'FAILURE', errorMessage: `the scenario broke down: ${why ?? 'see --scenario'}` }];
}

function summarize(scenario: string, checks: readonly Check[]): ScenarioResult {
  const failures = new Map<string, string>();
  for (const { id, status, errorMessage } of checks) {
    if (status === 'FAILURE' || status === 'WARNING') failures.set(id, `${status}: ${errorMessage ?? ''}`);
  }
  const passed = checks.filter(({ status }) => status === 'SUCCESS').length;
  // A scenario that finds nothing to look at says so with a shrug; here that is no pass.
  if (passed === 0 && failures.size === 0) failures.set(NO_CHECK_RAN, 'every check was skipped or only informed');
  return { scenario, passed, failures };
}
