import { changePermission, changeRow, insertKey, insertTeam, type InsertedKey } from '../../factory/insert-key.js';
import { fakeUpstream, type FakeCall, type FakeUpstream } from '../../harness/fake-upstream.js';
import { connectV1Sse } from '../../harness/mcp-client.js';
import { testPostgres, type TestPostgres } from '../../harness/postgres.js';
import { clientHeaders, rpc } from '../../harness/rpc-over-http.js';
import { startGateway, type TestGateway } from '../../harness/start-gateway.js';
import { waitFor } from '../../harness/wait-for.js';

/** An open event stream and what came on it. */
interface OpenStream {
  readonly text: () => string;
  readonly ended: () => boolean;
  close(): void;
}

const WITHIN_A_SECOND = { timeoutMs: 1_000 };
const WITHIN_TEN_SECONDS = { timeoutMs: 10_000 };

/** Calls of `leaving` that were told to end. */
let left = 0;
let wiki: FakeUpstream;
let mail: FakeUpstream;
let database: TestPostgres;
let url: string;
/** Two replicas that hear of changes, and one that only finds them by polling. */
let one: TestGateway;
let other: TestGateway;
let deaf: TestGateway;

beforeAll(async () => {
  const slow = { name: 'slow', inputSchema: { type: 'object' }, run: () => new Promise(() => undefined) };
  const chatty = {
    name: 'chatty',
    inputSchema: { type: 'object' },
    run: (_args: unknown, call: { progress(step: number): void }) => {
      call.progress(1);
      return new Promise(() => undefined);
    },
  };
  const leaving = {
    name: 'leaving',
    inputSchema: { type: 'object' },
    run: async (_args: unknown, call: FakeCall) => {
      call.progress(1);
      await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
      left += 1;
    },
  };
  wiki = await fakeUpstream({
    stateful: true,
    tools: [{ name: 'read', inputSchema: { type: 'object' } }, slow, chatty, leaving],
  });
  mail = await fakeUpstream({ stateful: true, prompts: [{ name: 'draft' }] });
  database = await testPostgres();
  url = database.url.reveal();
  const config = { mcp_servers: { wiki: { url: wiki.url }, mail: { url: mail.url } } };
  one = await startGateway({ config, databaseUrl: url });
  other = await startGateway({ config, databaseUrl: url });
  deaf = await startGateway({ config, databaseUrl: `${url}?pgbouncer=true` });
});

afterAll(async () => {
  await Promise.all([one.close(), other.close(), deaf.close()]);
  await Promise.all([wiki.close(), mail.close()]);
  await database.drop();
});

async function openSession(gateway: TestGateway, key: string, path = '/mcp'): Promise<string> {
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
  const answer = await rpc(`${gateway.url}${path}`, 'initialize', params, { key });
  return answer.headers.get('mcp-session-id') ?? '';
}

async function openStream(gateway: TestGateway, key: string, sessionId: string, path = '/mcp'): Promise<OpenStream> {
  const abort = new AbortController();
  const response = await fetch(`${gateway.url}${path}`, {
    headers: { ...clientHeaders({ key, sessionId }), accept: 'text/event-stream' },
    signal: abort.signal,
  });
  expect(response.status).toBe(200);
  return follow(response, abort);
}

function follow(response: Response, abort: AbortController): OpenStream {
  let text = '';
  let ended = false;
  void (async () => {
    try {
      for await (const chunk of response.body ?? []) text += Buffer.from(chunk as Uint8Array).toString('utf8');
    } catch {
      // Cut off: as ended as can be.
    }
    ended = true;
  })();
  return { text: () => text, ended: () => ended, close: () => abort.abort() };
}

const block = ({ id }: InsertedKey): Promise<void> =>
  changeRow(url, 'key', id, 'UPDATE virtual_key SET blocked = true WHERE id = $1', [id]);

describe('a revoked key', () => {
  test.each([
    ['blocked', (key: InsertedKey) => block(key)],
    [
      'deleted',
      ({ id }: InsertedKey) =>
        changeRow(url, 'key', id, 'UPDATE virtual_key SET deleted_at = now() WHERE id = $1', [id]),
    ],
    [
      'of a team that is blocked',
      (_key: InsertedKey, teamId: string) =>
        changeRow(url, 'team', teamId, 'UPDATE team SET blocked = true WHERE id = $1', [teamId]),
    ],
    [
      'of a team that is deleted',
      (_key: InsertedKey, teamId: string) =>
        changeRow(url, 'team', teamId, 'UPDATE team SET deleted_at = now() WHERE id = $1', [teamId]),
    ],
  ])('that is %s ends its open streams and running calls on every replica within a second', async (_how, revoke) => {
    const teamId = await insertTeam(url);
    const key = await insertKey(url, { teamId, permission: { servers: ['wiki'] } });
    const bystander = await insertKey(url, { permission: { servers: ['wiki'] } });
    const sessionId = await openSession(other, key.key);
    const stream = await openStream(other, key.key, sessionId);
    const spared = await openStream(other, bystander.key, await openSession(other, bystander.key));
    wiki.clearLog();
    const running = rpc(`${other.url}/mcp`, 'tools/call', { name: 'wiki-slow', arguments: {} }, { key: key.key });
    const abort = new AbortController();
    const params = { name: 'wiki-chatty', arguments: {}, _meta: { progressToken: 1 } };
    const streaming = await fetch(`${other.url}/mcp`, {
      method: 'POST',
      headers: clientHeaders({ key: key.key, sessionId }),
      body: JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'tools/call', params }),
      signal: abort.signal,
    });
    const answer = follow(streaming, abort);
    await waitFor(() => wiki.seen('tools/call').length === 2 && answer.text().includes('progress'));

    await revoke(key, teamId);

    await waitFor(() => stream.ended() && answer.ended(), WITHIN_A_SECOND);
    expect((await running).status).toBe(401);
    expect(answer.text()).not.toContain('"result"');
    for (const gateway of [one, other]) {
      expect((await rpc(`${gateway.url}/mcp`, 'tools/list', undefined, { key: key.key, sessionId })).status).toBe(401);
    }
    expect(spared.ended()).toBe(false);
    spared.close();
  });

  test('ends a call whose client may come back to it, too', async () => {
    const key = await insertKey(url, { permission: { servers: ['wiki'] } });
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
    const opened = await rpc(`${other.url}/mcp`, 'initialize', params, { key: key.key });
    const sessionId = opened.headers.get('mcp-session-id') ?? '';
    const abort = new AbortController();
    const call = { name: 'wiki-leaving', arguments: {}, _meta: { progressToken: 1 } };
    const streaming = await fetch(`${other.url}/mcp`, {
      method: 'POST',
      headers: clientHeaders({ key: key.key, sessionId }),
      body: JSON.stringify({ jsonrpc: '2.0', id: 8, method: 'tools/call', params: call }),
      signal: abort.signal,
    });
    const answer = follow(streaming, abort);
    await waitFor(() => answer.text().includes('progress'));
    answer.close();
    await waitFor(answer.ended);
    expect(left).toBe(0);
    await block(key);
    await waitFor(() => left === 1, WITHIN_A_SECOND);
  });

  test('ends streams of the old transport too', async () => {
    const key = await insertKey(url, { permission: { servers: ['wiki'] } });
    const client = await connectV1Sse(`${other.url}/sse`, { key: key.key });
    expect((await client.listTools()).tools).toHaveLength(4);
    let closed = false;
    client.onerror = () => (closed = true);
    client.onclose = () => (closed = true);
    await block(key);
    await waitFor(() => closed, WITHIN_A_SECOND);
    await client.close();
  });

  test('is found by polling where notices do not arrive', async () => {
    const key = await insertKey(url, { permission: { servers: ['wiki'] } });
    const stream = await openStream(deaf, key.key, await openSession(deaf, key.key));
    const idle = await insertKey(url, { permission: { servers: ['wiki'] } });
    expect((await rpc(`${deaf.url}/mcp`, 'tools/list', undefined, { key: idle.key })).status).toBe(200);
    await block(key);
    await block(idle);
    await waitFor(stream.ended, WITHIN_TEN_SECONDS);
    await waitFor(
      async () => (await rpc(`${deaf.url}/mcp`, 'tools/list', undefined, { key: idle.key })).status === 401,
      WITHIN_TEN_SECONDS,
    );
  });

  test('is found by reading it again where nobody reported the change at all', async () => {
    const key = await insertKey(url, { permission: { servers: ['wiki'] } });
    const stream = await openStream(one, key.key, await openSession(one, key.key));
    await database.query('UPDATE virtual_key SET blocked = true WHERE id = $1', [key.id]);
    await waitFor(stream.ended, WITHIN_TEN_SECONDS);
    expect((await rpc(`${one.url}/mcp`, 'tools/list', undefined, { key: key.key })).status).toBe(401);
  });

  test('at its expiry ends what is open without anybody asking', async () => {
    const key = await insertKey(url, { expiresAt: new Date(Date.now() + 1_500) });
    const stream = await openStream(one, key.key, await openSession(one, key.key));
    expect(stream.ended()).toBe(false);
    await waitFor(stream.ended, { timeoutMs: 3_000 });
  });

  test('that was being presented while its body still came does not get its call served', async () => {
    const key = await insertKey(url, { permission: { servers: ['wiki'] } });
    expect((await rpc(`${one.url}/mcp`, 'tools/list', undefined, { key: key.key })).status).toBe(200);
    wiki.clearLog();
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'wiki-read' } });
    let finish = (): void => undefined;
    const slowly = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(Buffer.from(body.slice(0, 20)));
        finish = () => {
          controller.enqueue(Buffer.from(body.slice(20)));
          controller.close();
        };
      },
    });
    const answer = fetch(`${one.url}/mcp`, {
      method: 'POST',
      headers: clientHeaders({ key: key.key }),
      body: slowly,
      duplex: 'half',
    }).then(
      ({ status }) => status,
      () => 'cut off',
    );
    await block(key);
    await waitFor(async () => (await rpc(`${one.url}/mcp`, 'ping', undefined, { key: key.key })).status === 401);
    try {
      finish();
    } catch {
      // The client noticed already and gave up.
    }
    expect([401, 'cut off']).toContain(await answer);
    expect(wiki.seen('tools/call')).toHaveLength(0);
  });
});

describe('changed rights', () => {
  test('reach an open session within a second: it lists and calls by the new ones and is told so', async () => {
    const teamId = await insertTeam(url, { permission: { servers: ['wiki', 'mail'] } });
    const { key } = await insertKey(url, { teamId });
    const untouched = await insertKey(url, { permission: { servers: ['wiki', 'mail'] } });
    const sessionId = await openSession(other, key);
    const stream = await openStream(other, key, sessionId);
    const narrow = await openStream(other, key, sessionId, '/mcp/mail');
    const foreign = await openStream(other, untouched.key, await openSession(other, untouched.key));
    const call = (name: string) => rpc(`${other.url}/mcp`, 'tools/call', { name, arguments: {} }, { key, sessionId });
    expect((await call('wiki-read')).message?.result).toBeDefined();

    await changePermission(url, 'team', teamId, { servers: ['mail'] });

    await waitFor(async () => (await call('wiki-read')).message?.error?.code === -32602, WITHIN_A_SECOND);
    expect((await call('mail-echo')).message?.result).toBeDefined();
    await waitFor(() => stream.text().includes('notifications/tools/list_changed'), WITHIN_A_SECOND);
    expect(stream.text()).toContain('notifications/prompts/list_changed');
    expect(stream.ended()).toBe(false);
    // What those streams show is what it was.
    expect(narrow.text()).not.toContain('list_changed');
    expect(foreign.text()).not.toContain('list_changed');
    for (const open of [stream, narrow, foreign]) open.close();
  });

  test('to other tools of the same servers say so of the tools only', async () => {
    const { key, id } = await insertKey(url, { permission: { servers: ['wiki'] } });
    const stream = await openStream(one, key, await openSession(one, key));
    await changePermission(url, 'key', id, { servers: ['wiki'], toolPermissions: { wiki: ['read'] } });
    await waitFor(() => stream.text().includes('notifications/tools/list_changed'), WITHIN_A_SECOND);
    expect(stream.text()).not.toContain('notifications/prompts/list_changed');
    stream.close();
  });

  test('keep the session of a key whose secret was changed', async () => {
    const { key, id } = await insertKey(url, { permission: { servers: ['wiki'] } });
    const sessionId = await openSession(one, key);
    const stream = await openStream(one, key, sessionId);
    const next = `sk-next-${id}`;
    const sql = `UPDATE virtual_key SET token_hash = encode(sha256($2::bytea), 'hex') WHERE id = $1`;
    await changeRow(url, 'key', id, sql, [id, next]);
    await waitFor(stream.ended, WITHIN_A_SECOND);
    expect((await rpc(`${one.url}/mcp`, 'tools/list', undefined, { key, sessionId })).status).toBe(401);
    expect((await rpc(`${one.url}/mcp`, 'tools/list', undefined, { key: next, sessionId })).status).toBe(200);
    const stranger = await insertKey(url, { permission: { servers: ['wiki'] } });
    expect((await rpc(`${one.url}/mcp`, 'tools/list', undefined, { key: stranger.key, sessionId })).status).toBe(404);
  });
});
