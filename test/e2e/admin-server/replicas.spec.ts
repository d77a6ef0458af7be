import pg from 'pg';
import { adminCaller } from '../../harness/admin-call.js';
import { fakeUpstream, type FakeUpstream } from '../../harness/fake-upstream.js';
import { rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

const PATH = '/v1/mcp/server';
const config = { general_settings: { store_model_in_db: true } };

let upstream: FakeUpstream;
let here: TestGateway;
let there: TestGateway;

beforeAll(async () => {
  upstream = await fakeUpstream();
  here = await startGateway({ config });
  there = await startGateway({ config, databaseUrl: here.databaseUrl });
});

afterAll(async () => {
  await there.close();
  await here.close();
  await upstream.close();
});

async function toolsOf(gateway: TestGateway): Promise<readonly string[]> {
  const { message } = await rpc(`${gateway.url}/mcp`, 'tools/list', {}, { key: gateway.key });
  return ((message?.result as { tools: { name: string }[] } | undefined)?.tools ?? []).map(({ name }) => name);
}

async function sql(text: string, values: unknown[] = []): Promise<void> {
  const client = new pg.Client({ connectionString: here.databaseUrl });
  await client.connect();
  await client.query(text, values).finally(() => client.end());
}

test('what one replica writes every replica serves within a second, and forgets within a second', async () => {
  const admin = adminCaller(here.url, here.key);
  await admin('POST', PATH, { server_id: 'one', server_name: 'one', url: upstream.url });
  expect(await toolsOf(here)).toEqual(['one-echo']);
  await waitFor(async () => (await toolsOf(there)).includes('one-echo'), { timeoutMs: 1_000 });
  await adminCaller(there.url, there.key)('PUT', `${PATH}/one`, { alias: 'uno' });
  expect(await toolsOf(there)).toEqual(['uno-echo']);
  await waitFor(async () => (await toolsOf(here)).includes('uno-echo'), { timeoutMs: 1_000 });
  await admin('DELETE', `${PATH}/one`);
  expect(await toolsOf(here)).toEqual([]);
  await waitFor(async () => (await toolsOf(there)).length === 0, { timeoutMs: 1_000 });
});

test('a replica that gets no notices hears of it by polling', async () => {
  const deaf = await startGateway({ config, databaseUrl: `${here.databaseUrl}?pgbouncer=true` });
  const admin = adminCaller(here.url, here.key);
  await admin('POST', PATH, { server_id: 'two', server_name: 'two', url: upstream.url });
  await waitFor(async () => (await toolsOf(deaf)).includes('two-echo'), { timeoutMs: 10_000 });
  await admin('DELETE', `${PATH}/two`);
  await waitFor(async () => (await toolsOf(deaf)).length === 0, { timeoutMs: 10_000 });
  await deaf.close();
});

test('a row that cannot be used is set aside with its reason and takes no other down (defects 32, 50)', async () => {
  const admin = adminCaller(here.url, here.key);
  const body = { url: upstream.url, auth_type: 'bearer_token', credentials: { auth_value: 'secret-of-a-server' } };
  await admin('POST', PATH, { server_id: 'good', server_name: 'good', ...body });
  await admin('POST', PATH, { server_id: 'sealed', server_name: 'sealed', ...body });
  await admin('POST', PATH, { server_id: 'broken', server_name: 'broken', ...body });
  await sql(`UPDATE mcp_server SET secrets = 'c2VhbGVk', revision = 2 WHERE id = 'sealed'`);
  await sql(`UPDATE mcp_server SET definition = '{"url": 7}', revision = 2 WHERE id = 'broken'`);
  upstream.clearLog();
  // Any change makes everybody read again.
  await admin('PUT', `${PATH}/good`, { description: 'still here' });
  expect(await toolsOf(here)).toEqual(['good-echo']);
  await waitFor(async () => (await toolsOf(there)).join() === 'good-echo', { timeoutMs: 1_000 });
  const { body: rejected } = await admin('GET', `${PATH}?status=rejected`);
  expect(rejected).toEqual([
    expect.objectContaining({ server_id: 'broken', rejected_reason: expect.stringContaining('url: must be a string') }),
    expect.objectContaining({ server_id: 'sealed', rejected_reason: expect.stringContaining('LITELLM_SALT_KEY') }),
  ]);
  // The sealed text itself goes nowhere, and entering the credential again heals the row.
  expect(upstream.transcript()).not.toContain('c2VhbGVk');
  expect((await admin('PUT', `${PATH}/sealed`, { credentials: { auth_value: 'entered-again' } })).status).toBe(202);
  expect(await toolsOf(here)).toEqual(['good-echo', 'sealed-echo']);
  for (const id of ['good', 'sealed', 'broken']) await admin('DELETE', `${PATH}/${id}`);
});

test('the file wins a name that somebody takes there later; the shadowed row is set aside', async () => {
  const admin = adminCaller(here.url, here.key);
  await admin('POST', PATH, { server_id: 'shadowed', server_name: 'shared', url: upstream.url });
  await here.writeConfig({ ...config, mcp_servers: { shared: { url: upstream.url, description: 'of the file' } } });
  await waitFor(async () => {
    const { body } = await admin('GET', `${PATH}/shared`);
    return (body as { origin?: string }).origin === 'config';
  });
  expect((await admin('GET', `${PATH}?status=rejected`)).body).toMatchObject([
    { server_id: 'shadowed', rejected_reason: expect.stringContaining('already taken by server "shared"') },
  ]);
  await here.writeConfig(config);
  await waitFor(async () => ((await admin('GET', `${PATH}/shared`)).body as { origin?: string }).origin === 'db');
  await admin('DELETE', `${PATH}/shadowed`);
});

test('what is stored survives a restart; with store_model_in_db off it is neither loaded nor written', async () => {
  const admin = adminCaller(here.url, here.key);
  await admin('POST', PATH, { server_id: 'kept', server_name: 'kept', url: upstream.url });
  const off = await startGateway({ databaseUrl: here.databaseUrl });
  const narrow = await startGateway({
    databaseUrl: here.databaseUrl,
    config: { general_settings: { supported_db_objects: ['models'] } },
    env: { STORE_MODEL_IN_DB: 'true' },
  });
  const words: Record<string, RegExp> = { [off.url]: /store_model_in_db/, [narrow.url]: /supported_db_objects/ };
  for (const gateway of [off, narrow]) {
    expect(await toolsOf(gateway)).toEqual([]);
    const call = adminCaller(gateway.url, gateway.key);
    expect((await call('GET', PATH)).body).toEqual([]);
    expect((await call('GET', `${PATH}/kept`)).status).toBe(404);
    for (const answer of [
      await call('POST', PATH, { server_name: 'x', url: upstream.url }),
      await call('PUT', PATH, { server_id: 'kept', description: 'x' }),
      await call('DELETE', `${PATH}/kept`),
      await call('POST', `${PATH}/import`, { mcpServers: {} }),
      await call('GET', `${PATH}/submissions`),
    ]) {
      expect([answer.status, JSON.stringify(answer.body)]).toEqual([
        409,
        expect.stringMatching(words[gateway.url] ?? /-/),
      ]);
    }
    await gateway.close();
  }
  const again = await startGateway({ databaseUrl: here.databaseUrl, env: { STORE_MODEL_IN_DB: 'True' } });
  expect(await toolsOf(again)).toEqual(['kept-echo']);
  await again.close();
  await admin('DELETE', `${PATH}/kept`);
});
