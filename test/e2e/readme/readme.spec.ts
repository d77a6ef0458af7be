import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { loadConfiguration } from '../../../src/platform/config/load-configuration.js';
import { connectV1, connectV2 } from '../../harness/mcp-client.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

const ROOT = join(import.meta.dirname, '../../..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const GUARD = pathToFileURL(join(ROOT, 'test/harness/loopback-only.mjs')).href;
const run = promisify(execFile);

/** What stands between fences, in order, by language. */
const blocks = (language: string): string[] =>
  [...README.matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)]
    .filter(([, name]) => name === language)
    .map(([, , text = '']) => text);
const shell = blocks('sh');
const parsed = blocks('json').map((text) => JSON.parse(text) as Readonly<Record<string, unknown>>);

const hasBash = spawnSync('bash', ['-c', 'curl --version']).status === 0;
const python = process.env['PYTHON'] ?? 'python3';
const hasPython =
  spawnSync(python, ['-c', 'from mcp.client.streamable_http import streamable_http_client']).status === 0;

let gateway: TestGateway;

beforeAll(async () => {
  const example = parse(readFileSync(join(ROOT, 'config.example.yaml'), 'utf8')) as {
    mcp_servers: Record<string, object>;
  };
  // The server that the commands name; the others are called where the whole example is started.
  const { everything } = example.mcp_servers;
  gateway = await startGateway({ config: { mcp_servers: { everything } } });
});

afterAll(() => gateway.close());

/** A piece of the README with the address and the key of this run. */
const here = (text: string): string =>
  text.replaceAll('http://127.0.0.1:4000', gateway.url).replaceAll('sk-…', gateway.key);

function pick<T>(items: readonly T[], matches: (item: T) => boolean): T {
  const found = items.filter(matches);
  const [only] = found;
  if (only === undefined || found.length > 1) throw new Error(`README: ${found.length} blocks where one is expected`);
  return only;
}

async function expectConnection(url: string, headers: Readonly<Record<string, string>>, tool: string): Promise<void> {
  for (const connect of [connectV1, connectV2]) {
    const client = await connect(url, { headers });
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain(tool);
    const result = await client.callTool({ name: tool, arguments: { message: 'hello' } });
    expect(result.content).toEqual([{ type: 'text', text: 'Echo: hello' }]);
    await client.close();
  }
}

describe('the first call', () => {
  const commands = pick(shell, (text) => text.includes('export KEY'));

  (hasBash ? test : test.skip)('typed as it stands answers what the README says', async () => {
    const { stdout } = await run('bash', ['-ec', here(commands).replaceAll('curl -s', 'curl -sw "\\n"')]);
    const [listed = '', called = ''] = stdout.trim().split('\n');
    expect(JSON.parse(listed)).toMatchObject({
      result: { tools: expect.arrayContaining([expect.objectContaining({ name: 'everything-echo' })]) as unknown },
    });
    expect(JSON.parse(called)).toEqual(pick(parsed, (json) => 'jsonrpc' in json));
  });
});

describe('connecting', () => {
  const adds = [...README.matchAll(/^claude mcp add --transport http (\w+) (\S+) --header "([^:]+): (.+)"$/gm)];

  test.each(adds.map(([, name = '', url = '', header = '', value = '']) => ({ name, url, header, value })))(
    'Claude Code: what "claude mcp add … $name" stores works',
    async ({ name, url, header, value }) => {
      const headers = { [header]: value.replace('$KEY', gateway.key) };
      await expectConnection(here(url), headers, name === 'gatehouse' ? 'everything-echo' : 'echo');
    },
  );

  test('Claude Code: all servers, and one by name', () => {
    expect(adds).toHaveLength(2);
  });

  interface RemoteServer {
    readonly type?: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
  }

  test.each([
    ['Cursor', '.cursor/mcp.json', 'mcpServers', undefined],
    ['VS Code', '.vscode/mcp.json', 'servers', 'http'],
  ])('%s: %s has the shape it wants, and what it names works', async (_client, file, member, type) => {
    expect(README).toContain(`(\`${file}\`)`);
    const json = pick(parsed, (candidate) => member in candidate);
    expect(Object.keys(json)).toEqual([member]);
    const [server, ...others] = Object.values(json[member] as Record<string, RemoteServer>);
    expect(others).toEqual([]);
    expect(server).toEqual({
      ...(type === undefined ? {} : { type }),
      url: expect.stringMatching(/^http:/) as string,
      headers: { 'x-litellm-api-key': expect.stringMatching(/^Bearer /) as string },
    });
    const headers = Object.entries(server?.headers ?? {}).map(([name, value]) => [name, here(value)]);
    await expectConnection(
      here(server?.url ?? ''),
      Object.fromEntries(headers) as Record<string, string>,
      'everything-echo',
    );
  });

  test('TypeScript: the program lists, calls and ends', async () => {
    // Where packages resolve as they do for whoever installed the SDK, and nothing is committed.
    const cache = join(ROOT, 'node_modules', '.cache');
    await mkdir(cache, { recursive: true });
    const folder = mkdtempSync(join(cache, 'readme-'));
    try {
      const program = join(folder, 'example.mjs');
      writeFileSync(program, here(pick(blocks('ts'), () => true)));
      const { stdout } = await run(process.execPath, ['--import', GUARD, program], { timeout: 20_000 });
      expect(stdout).toContain("'everything-echo'");
      expect(stdout).toContain('Echo: hello');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  const why = hasPython ? '' : ' (skipped: this machine has no python3 with the package mcp)';
  (hasPython ? test : test.skip)(`Python: the program lists, calls and ends${why}`, async () => {
    const program = here(pick(blocks('python'), () => true));
    const { stdout } = await run(python, ['-c', program], { timeout: 20_000 });
    expect(stdout).toContain("'everything-echo'");
    expect(stdout).toContain('Echo: hello');
  });

  test.each(['authorization', 'x-api-key', 'x-litellm-api-key'])('the key is accepted in %s', async (header) => {
    const value = header === 'x-api-key' ? gateway.key : `Bearer ${gateway.key}`;
    await expectConnection(`${gateway.url}/mcp/everything`, { [header]: value }, 'echo');
  });
});

describe('what it says of operations', () => {
  test.each([
    ['/health/liveness', 200, 200],
    ['/health/readiness', 200, 200],
    ['/health', 401, 200],
    ['/metrics', 401, 200],
  ])('%s answers %i without a key and %i with one', async (path, without, withKey) => {
    expect(README).toContain(`${path}\``);
    const status = async (headers: Record<string, string>): Promise<number> => {
      const response = await fetch(`${gateway.url}${path}`, { headers });
      await response.body?.cancel();
      return response.status;
    };
    expect([await status({}), await status({ 'x-api-key': gateway.key })]).toEqual([without, withKey]);
  });

  test('the configuration it shows loads without a word', () => {
    const cwd = mkdtempSync(join(tmpdir(), 'gatehouse-readme-'));
    try {
      writeFileSync(
        join(cwd, 'config.yaml'),
        pick(blocks('yaml'), () => true),
      );
      const outcome = loadConfiguration({ argv: [], env: { GITHUB_TOKEN: 'token' }, cwd });
      expect(outcome).toMatchObject({ kind: 'loaded', problems: [] });
    } finally {
      rmSync(cwd, { recursive: true, force: true });
    }
  });

  test('variables to set before docker compose are the ones .env.example leaves empty', () => {
    const empty = [...readFileSync(join(ROOT, '.env.example'), 'utf8').matchAll(/^([A-Z_]+)=$/gm)].map(
      ([, name]) => name,
    );
    const [, sentence = ''] = /With Docker:([\s\S]*?)```/.exec(README) ?? [];
    expect([...sentence.matchAll(/`([A-Z_]{4,})`/g)].map(([, name]) => name)).toEqual(empty);
  });

  test('commands and pages it names exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object };
    const named = [...README.matchAll(/npm (?:run ([\w:]+)|(start|test)\b)/g)].map(
      ([, script, short = '']) => script ?? short,
    );
    expect(named.length).toBeGreaterThan(6);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
    const links = [...README.matchAll(/\]\(([^)]+)\)/g)].map(([, path = '']) => path);
    expect(links.length).toBeGreaterThan(3);
    expect(links.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});
