// npm run openapi: writes docs/openapi.json, as a gateway of this build serves it.
import { spawn } from 'node:child_process';
import { rm, mkdtemp, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { NODE, ROOT, say } from './prepare.mjs';
import { withMigratedDatabase } from './scratch-database.mjs';

const KEY = 'sk-documentation-only';
const START_MAX_MS = 60_000;

const folder = await mkdtemp(join(tmpdir(), 'gatehouse-openapi-'));
try {
  const text = await withMigratedDatabase(readDocument);
  await writeFile(join(ROOT, 'docs', 'openapi.json'), text);
  say('docs/openapi.json is written');
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function readDocument(databaseUrl) {
  const port = await freePort();
  const config = join(folder, 'config.yaml');
  await writeFile(config, 'mcp_servers: {}\n');
  const flags = ['--config', config, '--port', String(port)];
  const child = spawn(NODE, [join(ROOT, 'dist', 'main.js'), ...flags], {
    cwd: folder,
    env: { PATH: process.env.PATH, DATABASE_URL: databaseUrl, LITELLM_MASTER_KEY: KEY, LOG_LEVEL: 'warn' },
    stdio: ['ignore', 2, 2],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    const giveUpAt = Date.now() + START_MAX_MS;
    while (child.exitCode === null && Date.now() < giveUpAt) {
      const answer = await fetch(`http://127.0.0.1:${port}/openapi.json`, { headers: { 'x-api-key': KEY } }).catch(
        // Not listening yet.
        () => undefined,
      );
      if (answer?.ok) return await answer.text();
      await delay(100);
    }
    throw new Error('the gateway did not serve /openapi.json');
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
