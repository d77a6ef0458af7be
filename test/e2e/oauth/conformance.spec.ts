import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { insertKey } from '../../factory/insert-key.js';
import { freePort } from '../../harness/free-port.js';
import { startGateway } from '../../harness/start-gateway.js';
import { newBrowser, Person } from './person.js';
import { register } from './token-requests.js';

const TOOL = new URL('../../../node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url).pathname;

interface Check {
  readonly id: string;
  readonly status: string;
  readonly errorMessage?: string;
}

/** The official suite's scenarios for authorization servers, all of them, against the gateway's own. */
test('the official suite finds nothing wrong with the authorization server', async () => {
  const gateway = await startGateway({});
  const { key } = await insertKey(gateway.databaseUrl, {});
  const port = await freePort();
  const callback = `http://127.0.0.1:${port}/callback`;
  const { body } = await register(gateway.url, { redirect_uris: [callback] });
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-conformance-'));
  const tool = spawn(
    process.execPath,
    [
      TOOL,
      'authorization',
      ...['--url', gateway.url],
      ...['--client-id', String(body['client_id'])],
      ...['--resource', `${gateway.url}/mcp`],
      ...['--port', String(port)],
      ...['--output-dir', folder],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NODE_OPTIONS: '' } },
  );
  let output = '';
  let opened: Promise<unknown> | undefined;
  const read = (chunk: Buffer): void => {
    output += chunk.toString('utf8');
    const address = /https?:\/\/\S+\/authorize\?\S+/.exec(output)?.[0];
    // What the tool prints is what a person opens.
    if (address !== undefined && opened === undefined) {
      opened = open(address);
    }
  };
  const open = async (address: string): Promise<void> => {
    const person = new Person(key, newBrowser(callback));
    const answer = await person.signIn(new URL(address));
    await (await fetch(`${callback}?${answer.toString()}`)).text();
  };
  tool.stdout.on('data', read);
  tool.stderr.on('data', read);
  const code = await new Promise((resolve) => tool.once('close', resolve));
  await opened;
  const checks: Check[] = [];
  for (const name of await readdir(folder, { recursive: true })) {
    if (name.endsWith('checks.json')) {
      checks.push(...(JSON.parse(await readFile(join(folder, name), 'utf8')) as Check[]));
    }
  }
  await rm(folder, { recursive: true });
  await gateway.close();
  expect({ code, output: code === 0 ? '' : output }).toEqual({ code: 0, output: '' });
  expect(Object.fromEntries(checks.map(({ id, status, errorMessage }) => [id, errorMessage ?? status]))).toEqual({
    'authorization-server-metadata': 'SUCCESS',
    'authorization-server-metadata-cimd': 'SUCCESS',
    'authorization-code-grant': 'SUCCESS',
  });
  expect(opened).toBeDefined();
}, 60_000);
