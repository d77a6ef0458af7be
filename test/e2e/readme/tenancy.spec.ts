import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { adminCaller, type AdminCaller } from '../../harness/admin-call.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';

const ROOT = join(import.meta.dirname, '../../..');
const run = promisify(execFile);
const hasBash = spawnSync('bash', ['-c', 'curl --version']).status === 0;

let gateway: TestGateway;
let upstream: FakeUpstream;
let admin: AdminCaller;

beforeAll(async () => {
  const example = parse(readFileSync(join(ROOT, 'config.example.yaml'), 'utf8')) as {
    mcp_servers: Record<string, object>;
  };
  upstream = await fakeUpstream({
    tools: ['search', 'create', 'erase'].map((name) => ({ name, inputSchema: { type: 'object' } })),
  });
  const { everything } = example.mcp_servers;
  gateway = await startGateway({ config: { mcp_servers: { everything } }, env: { STORE_MODEL_IN_DB: 'true' } });
  admin = adminCaller(gateway.url, gateway.key);
});

afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

/** The shell commands of a page, or of one section of it, in order. */
function commandsOf(page: string, title = ''): string {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const start = text.indexOf(title);
  const end = title === '' ? -1 : text.indexOf('\n## ', start);
  const section = end === -1 ? text.slice(start) : text.slice(start, end);
  return [...section.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block = '']) => block).join('\n');
}

/**
 * Types them into one shell, in which an HTTP error is an error, and gives what `names` hold in the end and everything
 * that was printed.
 */
async function type(commands: string, names: readonly string[]): Promise<{ out: string; values: string[] }> {
  const here = commands
    .replaceAll('http://127.0.0.1:4000', gateway.url)
    .replaceAll(/https:\/\/(notes|tickets)\.example\.com\/mcp/g, upstream.url)
    .replaceAll('curl -s', 'curl -sS --fail-with-body -w "\\n"');
  const script = `set -o pipefail\n${here}\necho; echo VALUES\n${names.map((name) => `echo "$${name}"`).join('\n')}`;
  const { stdout } = await run('bash', ['-ec', script], { env: { ...process.env, KEY: gateway.key } });
  const [out = '', values = ''] = stdout.split('\nVALUES\n');
  return { out, values: values.trim().split('\n') };
}

async function toolsOf(key: string): Promise<readonly string[]> {
  const { message } = await rpc(`${gateway.url}/mcp`, 'tools/list', {}, { key });
  return ((message?.result as { tools: { name: string }[] } | undefined)?.tools ?? []).map(({ name }) => name);
}

(hasBash ? describe : describe.skip)('typed as they stand', () => {
  test('the commands of README lead from nothing to a team with keys', async () => {
    const section = commandsOf('README.md', '## From nothing');
    const [setUp = '', takeAway = ''] = section.split('admin /team/update');
    const { out, values } = await type(setUp, ['ANNA', 'CI']);
    const [anna = '', ci = ''] = values;
    expect(out).toContain('"name":"everything-echo"');
    expect(out).toContain('Echo: hello');
    expect(await toolsOf(ci)).toEqual(['everything-echo']);
    expect(await toolsOf(anna)).toEqual(expect.arrayContaining(['everything-echo', 'notes-search']));

    const later = await type(`${helpers()}\nCI=${ci}\nadmin /team/update${takeAway}`, ['CI']);
    expect(await toolsOf(anna)).not.toContain('notes-search');
    expect(later.out).toContain('"allowed":false');
    expect(later.out).toContain('"action":"');
    expect((await rpc(`${gateway.url}/mcp`, 'tools/list', {}, { key: ci })).status).toBe(401);
  }, 60_000);

  test('the commands of docs/admin.md do what is said around them', async () => {
    const { out, values } = await type(commandsOf('docs/admin.md'), ['ANNA', 'BOT']);
    const [anna = '', bot = ''] = values;
    expect(out).toContain('"description":"What customers wrote"');
    expect(out).not.toContain('"secret"');
    // When the team was cut down to one server. It gets the other back by a group.
    expect(out).toContain('"name":"tickets-create"');
    expect(out).not.toContain('"name":"everything-echo"');
    expect(await toolsOf(anna)).toEqual(
      expect.arrayContaining(['everything-echo', 'tickets-create', 'tickets-search']),
    );
    expect(await toolsOf(bot)).toEqual(['tickets-search']);
    expect((out.match(/"allowed":false/g) ?? []).length).toBe(2);
    expect((await admin('GET', '/audit?object_kind=team&object_id=support')).body).toMatchObject({ total: 4 });
  }, 60_000);
});

/** The two functions every command goes through. */
function helpers(): string {
  return /^admin\(\) .*\nkey\(\) .*$/m.exec(readFileSync(join(ROOT, 'docs/admin.md'), 'utf8'))?.[0] ?? '';
}

test('the README and the page type the same helpers', () => {
  expect(readFileSync(join(ROOT, 'README.md'), 'utf8')).toContain(helpers());
  expect(helpers()).toContain('curl');
});

test.each(['docs/admin.md', 'docs/00-map.md', 'docs/02-database.md'])('links of %s lead somewhere', (page) => {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
  const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target);
  const isDead = (target: string): boolean =>
    target.startsWith('#')
      ? !anchors.includes(target.slice(1))
      : !existsSync(join(ROOT, dirname(page), target.split('#')[0] ?? ''));
  expect(links.filter(isDead)).toEqual([]);
});

test('routes and settings the page names exist', () => {
  const page = readFileSync(join(ROOT, 'docs/admin.md'), 'utf8');
  const document = JSON.parse(readFileSync(join(ROOT, 'docs/openapi.json'), 'utf8')) as { paths: object };
  const paths = Object.keys(document.paths).map((path) => path.replaceAll(/\{\w+\}/g, '{}'));
  const named = [...page.matchAll(/(?:`(?:GET |POST |PUT )?|admin "?)(\/[a-z0-9_./{}-]+)/g)].map(([, path = '']) =>
    path.replaceAll(/\{\w+\}/g, '{}').replace(/\/tickets$/, '/{}'),
  );
  const known = (path: string): boolean => paths.includes(path) || paths.some((each) => each.endsWith(path));
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((path) => !known(path))).toEqual([]);
  const settings = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8');
  for (const name of [
    'public_docs',
    'store_model_in_db',
    'enable_mcp_registry',
    'mcp_internal_ip_ranges',
    'jwt_auth',
  ]) {
    expect(page).toContain(name);
    expect(settings).toContain(name);
  }
});
