import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { chromium, type Page } from 'playwright-core';
import { insertKey, insertUser } from '../../factory/insert-key.js';
import { listen } from '../../harness/listen.js';
import { OauthClient } from '../../harness/oauth-client.js';
import { OAUTH_CLIENT_KINDS } from '../../harness/oauth-connect.js';
import { oauthProvider } from '../../harness/oauth-provider.js';
import { protectedServer } from '../../harness/protected-server.js';
import { startGateway } from '../../harness/start-gateway.js';

const CHROMIUM = '/usr/bin/chromium';

/**
 * The pages in a browser that goes by their Content-Security-Policy, cookies and forms: everything else drives them as a
 * program would. Skipped where Debian's Chromium is not installed.
 */
(existsSync(CHROMIUM) ? test : test.skip)(
  'in a real browser: sign in here, allow the client, log in at the server, and back to the client',
  async () => {
    const provider = await oauthProvider({ user: null });
    const guarded = await protectedServer({ provider });
    const gateway = await startGateway({
      config: { mcp_servers: { files: { url: guarded.url, transport: 'http', auth_type: 'oauth2' } } },
    });
    const userId = await insertUser(gateway.databaseUrl, { id: 'ada' });
    const { key } = await insertKey(gateway.databaseUrl, { userId, permission: { servers: ['files'] } });
    // The client's own little server, as Claude Code has one.
    const { promise: answered, resolve } = Promise.withResolvers<URLSearchParams>();
    const waiting = await listen(
      createServer((request, response) => {
        const url = new URL(request.url ?? '/', 'http://localhost');
        if (url.pathname === '/callback') resolve(url.searchParams);
        response.writeHead(200, { 'content-type': 'text/html' }).end('<title>Done</title>You can close this window.');
      }),
    );
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    });
    try {
      const context = await browser.newContext();
      const page = await context.newPage();
      const problems: string[] = [];
      page.on('console', (message) => {
        if (message.type() === 'error') problems.push(message.text());
      });
      const [kind] = OAUTH_CLIENT_KINDS;
      if (kind === undefined) throw new Error('no client');
      const oauth = new OauthClient({ redirectUrl: `${waiting.origin}/callback`, clientName: 'Real client' });
      const client = await kind.connect(`${gateway.url}/mcp/files`, oauth, async (url) => {
        await page.goto(url.href);
        await page.getByLabel('Gateway key').fill(key);
        await page.getByRole('button', { name: 'Sign in with this key' }).click();
        await expectHeading(page, 'Allow Real client?');
        await page.getByRole('button', { name: 'Allow' }).click();
        await page.locator('button[value="connect"]').click();
        await page.getByLabel('User').fill('ada');
        await page.getByRole('button', { name: 'Sign in' }).click();
        return answered;
      });
      expect(JSON.parse(await client.callTool('whoami'))).toMatchObject({ user: 'ada' });
      await client.close();
      expect(problems.filter((text) => /content security policy/i.test(text))).toEqual([]);
      const cookies = await context.cookies(gateway.url);
      expect(cookies.map(({ httpOnly, sameSite }) => [httpOnly, sameSite])).toEqual(cookies.map(() => [true, 'Lax']));
      expect(cookies.length).toBeGreaterThan(0);
    } finally {
      await browser.close();
      await waiting.close();
      await gateway.close();
      await guarded.close();
      await provider.close();
    }
  },
  60_000,
);

async function expectHeading(page: Page, text: string): Promise<void> {
  await page.getByRole('heading', { name: text }).waitFor({ timeout: 10_000 });
}
