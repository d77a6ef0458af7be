import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { insertKey, insertUser } from '../../factory/insert-key.js';
import { fakeUpstream } from '../../harness/fake-upstream.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway } from '../../harness/start-gateway.js';
import { tokensFor } from './token-requests.js';

const ROOT = join(import.meta.dirname, '../../..');
const PAGE = 'docs/oauth.md';
const text = readFileSync(join(ROOT, PAGE), 'utf8');
const run = promisify(execFile);
const hasBash = spawnSync('bash', ['-c', 'curl --version && sed --version']).status === 0;

(hasBash ? test : test.skip)('the commands of the page show a grant and end it', async () => {
  const upstream = await fakeUpstream();
  const gateway = await startGateway({ config: { mcp_servers: { wiki: { url: upstream.url } } } });
  const userId = await insertUser(gateway.databaseUrl, {});
  const { key } = await insertKey(gateway.databaseUrl, { userId, permission: { servers: ['wiki'] } });
  const { access_token: token } = await tokensFor(gateway.url, key, { resource: `${gateway.url}/mcp/wiki` });
  const list = (): Promise<number> =>
    rpc(`${gateway.url}/mcp/wiki`, 'tools/list', undefined, { headers: { authorization: `Bearer ${token}` } }).then(
      ({ status }) => status,
    );
  expect(await list()).toBe(200);
  const commands = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)]
    .map(([, block = '']) => block)
    .filter((block) => block.includes('curl'))
    .join('\n')
    .replaceAll('http://127.0.0.1:4000', gateway.url)
    .replaceAll('curl -s', 'curl -sS --fail-with-body');
  const { stdout } = await run('bash', ['-ec', `set -o pipefail\n${commands}`], { env: { ...process.env, KEY: key } });
  expect(stdout).toContain(`"resource":"${gateway.url}/mcp/wiki"`);
  expect(stdout).toContain('"endpoint":"/mcp/wiki"');
  expect(stdout).toContain('"status":"over"');
  expect(await list()).toBe(401);
  await gateway.close();
  await upstream.close();
});

test('links of the page lead somewhere', () => {
  const links = [...text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, link = '']) => link);
  const missing = links.filter((link) => !/^https?:/.test(link) && !existsSync(join(ROOT, dirname(PAGE), link)));
  expect(missing).toEqual([]);
});
