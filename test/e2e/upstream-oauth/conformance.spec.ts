import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const SUITE = join(ROOT, 'node_modules/@modelcontextprotocol/conformance/dist/index.js');
const CLIENT = ['--import', `${ROOT}scripts/load-typescript.mjs`, `${ROOT}test/e2e/upstream-oauth/machine-client.ts`];

interface Check {
  readonly id: string;
  readonly status: string;
  readonly errorMessage?: string;
}

/** The official suite's scenarios of the extensions for machines and companies, with the gateway as OAuth client. */
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

  async function run(scenario: string): Promise<readonly Check[]> {
    const command = [process.execPath, ...CLIENT].map((part) => `'${part}'`).join(' ');
    const args = [SUITE, 'client', '--command', command, '-o', folder, '--scenario', scenario];
    const env = { ...process.env, NODE_OPTIONS: '', GATEHOUSE_URL: gateway.url, GATEHOUSE_KEY: gateway.key };
    // Its exit code counts what it scores; the checks are read instead.
    const output = await new Promise<string>((resolve) => {
      execFile(process.execPath, args, { env, timeout: 60_000 }, (_error, stdout, stderr) => resolve(stdout + stderr));
    });
    const made = await readdir(folder, { recursive: true });
    const file = made.find((name) => name.startsWith(scenario) && name.endsWith('checks.json'));
    if (file === undefined) throw new Error(output);
    return JSON.parse(await readFile(join(folder, file), 'utf8')) as readonly Check[];
  }

  it.each([
    ['auth/client-credentials-basic', 'client-credentials-basic-auth'],
    ['auth/client-credentials-jwt', 'client-credentials-jwt-verified'],
    ['auth/enterprise-managed-authorization', 'complete-flow-jwt-bearer'],
  ])('%s passes', async (scenario, check) => {
    const checks = await run(scenario);
    const failed = checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING');
    expect(failed).toEqual([]);
    expect(checks.filter(({ status }) => status === 'SUCCESS').map(({ id }) => id)).toContain(check);
  });
});
