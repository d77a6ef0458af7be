import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { loadConfiguration } from '../../../src/platform/config/load-configuration.js';
import { createGatewayFolder, type ConfigContent } from '../../harness/config-file.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { TEST_MASTER_KEY } from '../../harness/test-master-key.js';
import { waitFor } from '../../harness/wait-for.js';

const ROOT = join(import.meta.dirname, '../../..');
const PAGE = readFileSync(join(ROOT, 'docs/upstream-credentials.md'), 'utf8');
const run = promisify(execFile);

/** What stands between fences of one language, in order. */
const blocks = (language: string): string[] =>
  [...PAGE.matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)]
    .filter(([, name]) => name === language)
    .map(([, , text = '']) => text);

/** The page’s machine-to-machine recipe, as it stands, but for ports and key. */
describe('docs/upstream-credentials.md, machine to machine', () => {
  let mock: ChildProcess;
  let written = '';
  let origin = '';
  let gateway: TestGateway;

  const here = (text: string): string =>
    text.replaceAll('http://127.0.0.1:4000', gateway.url).replaceAll('http://127.0.0.1:8765', origin);
  const typed = async (commands: string): Promise<string[]> => {
    const env = { ...process.env, KEY: gateway.key };
    const { stdout } = await run('bash', ['-ec', here(commands).replaceAll('curl -s', 'curl -sw "\\n"')], { env });
    return stdout.trim().split('\n');
  };

  beforeAll(async () => {
    const [command = ''] = blocks('sh');
    expect(command).toBe('node scripts/mock-oauth2-server.mjs\n');
    mock = spawn(process.execPath, ['scripts/mock-oauth2-server.mjs', '0'], { cwd: ROOT });
    mock.stdout?.setEncoding('utf8').on('data', (text: string) => void (written += text));
    const listening = await waitFor(() => /MCP server on (http:\/\/127\.0\.0\.1:\d+)\/mcp/.exec(written));
    origin = listening[1] ?? '';
    const [yaml = ''] = blocks('yaml');
    const config = parse(yaml.replaceAll('http://127.0.0.1:8765', origin)) as ConfigContent & object;
    gateway = await startGateway({ config: { ...config, general_settings: { store_model_in_db: true } } });
  });

  afterAll(async () => {
    await gateway.close();
    mock.kill();
    await once(mock, 'exit');
  });

  it('lists and calls with only name and arguments, and one token serves both', async () => {
    const [commands = ''] = blocks('bash');
    const [listed = '', called = ''] = await typed(commands);
    expect((JSON.parse(listed) as { tools: { name: string }[] }).tools.map(({ name }) => name)).toEqual([
      'echo',
      'add',
    ]);
    const [answer = ''] = blocks('json');
    expect(JSON.parse(called)).toEqual(JSON.parse(answer));
    expect(written.match(/gave a token/g)).toHaveLength(1);
  });

  it.each(blocks('yaml').map((yaml, index) => [index, yaml] as const))(
    'configuration %i of the page is valid as it stands',
    async (_index, yaml) => {
      const folder = await createGatewayFolder(yaml);
      const argv = ['--config', folder.configPath];
      const outcome = loadConfiguration({ argv, env: { LITELLM_MASTER_KEY: TEST_MASTER_KEY }, cwd: folder.path });
      if (outcome.kind !== 'loaded') throw new Error(JSON.stringify(outcome));
      expect(outcome.problems).toEqual([]);
      await folder.remove();
    },
  );

  it('by REST it is the same', async () => {
    const [, create = ''] = blocks('bash');
    const [created = ''] = await typed(create);
    expect(JSON.parse(created)).toMatchObject({
      server_name: 'test_oauth2_rest',
      credentials: { client_secret: '***' },
    });
    const { server_id: serverId } = JSON.parse(created) as { server_id: string };
    const [listed = ''] = await typed(
      `curl -s "http://127.0.0.1:4000/mcp-rest/tools/list?server_id=${serverId}" -H "Authorization: Bearer $KEY"`,
    );
    expect(JSON.parse(listed)).toMatchObject({ error: null, tools: expect.arrayContaining([]) as unknown });
    expect(written.match(/gave a token/g)).toHaveLength(2);
  });
});
