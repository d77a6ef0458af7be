import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SUITE = join(ROOT, 'node_modules/@modelcontextprotocol/conformance/dist/index.js');
const CLIENT = ['--import', `${ROOT}scripts/load-typescript.mjs`, `${ROOT}test/e2e/oauth-relay/interactive-client.ts`];

interface Check {
  readonly id: string;
  readonly status: string;
  readonly errorMessage?: string;
}

/** The official suite's scenarios for people, with the gateway as OAuth client of the scenario's server. */
describe('the conformance suite', () => {
  let gateway: TestGateway;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gatehouse-suite-'));
    gateway = await startGateway({ config: { general_settings: { store_model_in_db: true } } });
  });

  afterAll(async () => {
    await gateway.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function run(scenario: string): Promise<{ readonly checks: readonly Check[]; readonly output: string }> {
    const command = [process.execPath, ...CLIENT].map((part) => `'${part}'`).join(' ');
    const args = [SUITE, 'client', '--command', command, '-o', folder, '--scenario', scenario];
    const env = { ...process.env, NODE_OPTIONS: '', GATEHOUSE_URL: gateway.url, GATEHOUSE_KEY: gateway.key };
    // Its exit code counts what it scores; the checks are read instead.
    const output = await new Promise<string>((resolve) => {
      execFile(process.execPath, args, { env, timeout: 60_000 }, (_error, stdout, stderr) => resolve(stdout + stderr));
    });
    const made = await readdir(folder, { recursive: true });
    const file = made.find((name) => name.startsWith(`${scenario}-2`) && name.endsWith('checks.json'));
    if (file === undefined) throw new Error(output);
    return { checks: JSON.parse(await readFile(join(folder, file), 'utf8')) as readonly Check[], output };
  }

  it.each([
    'metadata-default',
    'metadata-var1',
    'metadata-var2',
    'metadata-var3',
    'scope-from-www-authenticate',
    'scope-from-scopes-supported',
    'scope-omitted-when-undefined',
    'scope-step-up',
    'scope-retry-limit',
    'token-endpoint-auth-basic',
    'token-endpoint-auth-post',
    'token-endpoint-auth-none',
    'pre-registration',
    '2025-03-26-oauth-metadata-backcompat',
    '2025-03-26-oauth-endpoint-fallback',
    'resource-mismatch',
    'offline-access-scope',
    'offline-access-not-supported',
    'authorization-server-migration',
    'iss-supported',
    'iss-not-advertised',
    'iss-supported-missing',
    'iss-wrong-issuer',
    'iss-unexpected',
    'iss-normalized',
    'metadata-issuer-mismatch',
  ])('auth/%s passes', async (name) => {
    const { checks, output } = await run(`auth/${name}`);
    const failed = checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING');
    if (failed.length > 0) process.stdout.write(`${output}\n`);
    expect(failed).toEqual([]);
    expect(checks.some(({ status }) => status === 'SUCCESS')).toBe(true);
  });
});
