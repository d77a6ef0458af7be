import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { startGateway } from '../../harness/start-gateway.js';
import { relayWorld } from './relay-world.js';
import { newBrowser, sdkClient } from './sdk-client.js';

const ROOT = join(import.meta.dirname, '../../..');
const PAGE = 'docs/oauth-upstream.md';
const text = readFileSync(join(ROOT, PAGE), 'utf8');
const run = promisify(execFile);
const hasBash = spawnSync('bash', ['-c', 'curl --version']).status === 0;

const blocks = (language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, block = '']) => block);

(hasBash ? test : test.skip)(
  'the tutorial as it is written: a key, a client with it in its header, a tool call',
  async () => {
    const world = await relayWorld();
    const gateway = await startGateway({
      config: { mcp_servers: { atlassian: { url: world.server.url, auth_type: 'oauth2' } } },
    });
    try {
      const shell = async (command: string, env: Record<string, string>): Promise<string> => {
        const script = command.replaceAll('http://127.0.0.1:4000', gateway.url);
        return (await run('bash', ['-ec', script], { env: { ...process.env, ...env } })).stdout;
      };
      const commands = blocks('sh').join('');
      const generate = commands.slice(commands.indexOf('curl -s'), commands.indexOf('claude mcp add'));
      const { key } = JSON.parse(await shell(generate, { LITELLM_MASTER_KEY: gateway.key })) as { key: string };

      const add = /claude mcp add --transport http (\S+) (\S+) --header "x-litellm-api-key: Bearer sk-…"/.exec(
        commands,
      );
      expect(add?.[1]).toBe('atlassian');
      const looked = await shell(commands.slice(commands.indexOf('curl -si')), { KEY: key });
      expect(looked).toContain('401 Unauthorized');
      expect(looked).toContain(`resource_metadata="${gateway.url}/.well-known/oauth-protected-resource/mcp/atlassian"`);
      expect(looked).toContain(`"issuer":"${gateway.url}/atlassian"`);

      const client = sdkClient('v1', (add?.[2] ?? '').replace('http://127.0.0.1:4000', gateway.url), key);
      await client.connect(newBrowser());
      expect(JSON.parse(await client.call('whoami'))).toMatchObject({ user: 'alice' });
      await client.close();
    } finally {
      await gateway.close();
      await world.close();
    }
  },
);

test('the configurations of the page are valid and without a warning', async () => {
  const servers = blocks('yaml').map((block) => (parse(block) as { mcp_servers: object }).mcp_servers);
  expect(servers).toHaveLength(2);
  const gateway = await startGateway({
    config: { mcp_servers: Object.assign({}, ...servers) as object },
    env: { GITHUB_OAUTH_CLIENT_ID: 'id', GITHUB_OAUTH_CLIENT_SECRET: 'secret' },
  });
  try {
    for (const name of ['atlassian', 'github_mcp']) {
      const response = await fetch(`${gateway.url}/.well-known/oauth-protected-resource/mcp/${name}`);
      expect(await response.json()).toMatchObject({ authorization_servers: [`${gateway.url}/${name}`] });
    }
    expect(gateway.logs()).not.toMatch(/unknown field|no effect|set aside/);
  } finally {
    await gateway.close();
  }
});

test('links of the page lead somewhere', () => {
  const links = [...text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, link = '']) => link);
  expect(links.filter((link) => !/^https?:/.test(link) && !existsSync(join(ROOT, dirname(PAGE), link)))).toEqual([]);
});
