import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { freePort } from '../harness/free-port.js';
import { startHeaderFront } from './header-front.js';
import type { AuthorizationTarget, ClientTarget, ServerTarget, SetName, Target } from './target.js';

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
  readonly leg: Target['leg'];
  readonly set: SetName;
  readonly scenarios: readonly ScenarioResult[];
  /** What the tool itself had to say. */
  readonly output: string;
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

/** A suite that takes longer hangs: alone it is done in seconds. */
const SUITE_MS_MAX = 300_000;

/** Runs a set of the official suite on a target. `scenario` limits it to one; a set without it runs nothing. */
export async function runSuite(target: Target, set: SetName, scenario?: string): Promise<SuiteResult> {
  const known = await scenariosOf(set, target.leg);
  const result = { target: target.name, leg: target.leg, set };
  if (scenario !== undefined && !known.has(scenario)) return { ...result, scenarios: [], output: '' };
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-conformance-'));
  try {
    const { names, output } = await runOn(target, set, folder, known, scenario);
    const scenarios = names.map(async (name) => {
      const reason = known.get(name);
      const ran = summarize(name, await checksOf(folder, name, output));
      return reason === undefined ? ran : { ...ran, notScored: reason };
    });
    return { ...result, scenarios: await Promise.all(scenarios), output };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The scenarios of a set, and why the revision does not score them where it does not. */
type Scenarios = ReadonlyMap<string, string | undefined>;

interface Run {
  readonly names: readonly string[];
  readonly output: string;
}

function runOn(
  target: Target,
  set: SetName,
  folder: string,
  known: Scenarios,
  scenario: string | undefined,
): Promise<Run> {
  const wanted = scenario === undefined ? [...known.keys()] : [scenario];
  switch (target.leg) {
    case 'server':
      return runOnServer(target, set, folder, scenario);
    case 'client':
      return runOnClient(target, set, folder, known, wanted);
    case 'authorization':
      return runOnAuthorizationServer(target, set, folder, wanted);
  }
}

async function runOnServer(
  target: ServerTarget,
  set: SetName,
  folder: string,
  scenario: string | undefined,
): Promise<Run> {
  const front = target.headers === undefined ? undefined : await startHeaderFront(target.url, target.headers);
  try {
    const url = front?.url ?? target.url;
    const output = await runTool(set, ['server', '--url', url, '-o', folder, ...selection(set, scenario)]);
    const names = scenario === undefined ? namesIn(output) : [scenario];
    if (names.length === 0) throw new Error(`the suite ran nothing:\n${output}`);
    return { names, output };
  } finally {
    await front?.close();
  }
}

/** One by one: a client is given only so much time, and asked for all of a set it runs many at once. */
async function runOnClient(
  target: ClientTarget,
  set: SetName,
  folder: string,
  known: Scenarios,
  scenarios: readonly string[],
): Promise<Run> {
  const names = scenarios.filter((name) => target.takes(name, set));
  const outputs: string[] = [];
  for (const name of names) {
    // Extensions are of no revision.
    const chosen = known.get(name) === 'extension' ? ['--scenario', name] : selection(set, name);
    const args = ['client', '--command', target.command, '-o', folder, ...chosen];
    outputs.push(await runTool(set, args, target.env));
  }
  return { names, output: outputs.join('') };
}

/** All at once, since they build on each other; `names` are those that count. */
async function runOnAuthorizationServer(
  target: AuthorizationTarget,
  set: SetName,
  folder: string,
  names: readonly string[],
): Promise<Run> {
  if (names.length === 0) return { names, output: '' };
  const { url, clientId } = target;
  const port = await freePort();
  const args = ['authorization', '--url', url, '--client-id', clientId, '-p', String(port), '-o', folder];
  const visited = new Set<string>();
  const output = await runTool(set, [...args, '--spec-version', set], {}, (text) => {
    const printed = /^http\S+[?&]code_challenge=\S+$/m.exec(text)?.[0];
    if (printed === undefined || visited.has(printed)) return;
    visited.add(printed);
    // What goes wrong shows in the scenario, which waits for the browser.
    target.signIn(new URL(printed)).catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
  });
  return { names, output };
}

function selection(set: SetName, scenario: string | undefined): readonly string[] {
  if (scenario === undefined) return set === 'latest' ? ['--suite', 'active'] : ['--requirements', set];
  return set === 'latest' ? ['--scenario', scenario] : ['--scenario', scenario, '--spec-version', set];
}

/** What the tool wrote. Its exit code counts only what it scores; the checks are read instead. */
async function runTool(
  set: SetName,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  onOutput: (whole: string) => void = () => undefined,
): Promise<string> {
  const tool = new URL('dist/index.js', set === 'latest' ? LATEST_TAGGED : NEWEST);
  const child = spawn(process.execPath, [fileURLToPath(tool), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    timeout: SUITE_MS_MAX,
  });
  const output: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.push(text);
    onOutput(output.join(''));
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => output.push(text));
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code === null) throw new Error(`the suite did not end by itself:\n${output.join('')}`);
  return output.join('');
}

function namesIn(output: string): readonly string[] {
  return [...output.matchAll(/^=== Running scenario: (\S+) ===$/gm)].map(([, name = '']) => name);
}

async function scenariosOf(set: SetName, leg: Target['leg']): Promise<Scenarios> {
  if (leg === 'authorization' && set === 'latest') return new Map();
  if (leg === 'authorization' || set === 'latest') {
    const listed = await runTool(set, ['list', `--${leg}`]);
    return new Map([...listed.matchAll(/^ {2}- (\S+)/gm)].map(([, name = '']) => [name, undefined]));
  }
  const text = await readFile(new URL(`requirements/${set}.yaml`, NEWEST), 'utf8');
  const { not_scored: notScored, ...legs } = parse(text) as Record<'server' | 'client', readonly string[]> & {
    not_scored: readonly { scenario: string; leg: string; reason: string }[];
  };
  const required = legs[leg].map((name) => [name, undefined] as const);
  const others = notScored
    .filter((other) => other.leg === leg)
    .map(({ scenario, reason }) => [scenario, reason] as const);
  return new Map<string, string | undefined>([...required, ...others]);
}

/** Written to `[[authorization-]server-]<scenario>-<time>/checks.json`; a scenario that broke down leaves an empty folder, or none. */
async function checksOf(folder: string, scenario: string, output: string): Promise<readonly Check[]> {
  const made = existsSync(join(folder, dirname(scenario))) ? await readdir(join(folder, dirname(scenario))) : [];
  const named = new RegExp(`^((authorization-)?server-)?${basename(scenario)}-\\d{4}-\\d{2}-\\d{2}T`);
  const file = join(folder, dirname(scenario), made.find((name) => named.test(name)) ?? '', 'checks.json');
  if (existsSync(file)) return JSON.parse(await readFile(file, 'utf8')) as readonly Check[];
  const why = output.split(`Failed to run scenario ${scenario}:`)[1]?.split('\n')[0]?.trim();
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
