import { setTimeout as delay } from 'node:timers/promises';
import { EMPTY_OFFER } from '../../src/core/model/client-offer.js';
import { rawMember } from '../../src/core/protocol/rpc-message.js';
import { CallControl, type UpstreamOwner, type UpstreamRequest } from '../../src/engine/upstream/upstream.js';
import type { UpstreamPool } from '../../src/engine/upstream/upstream-pool.js';
import { deadPort, redirectLoop, unauthorizedStorm } from '../harness/bad-upstreams.js';
import { fakeUpstream, type FakeUpstream, type FakeUpstreamOptions } from '../harness/fake-upstream.js';
import { waitFor } from '../harness/wait-for.js';
import {
  httpEntry,
  makeOwner,
  makeRequest,
  mcpServer,
  replyText,
  Resources,
  sendJson,
  SHARED,
  startPool,
} from './upstream-http-fixture.js';
import type { ServerEntry } from '../../src/core/model/server-entry.js';

const resources = new Resources();
afterEach(() => resources.close());

const ALICE = makeOwner('principal:alice');
const BOB = makeOwner('principal:bob');

async function upstream(options: FakeUpstreamOptions): Promise<FakeUpstream> {
  return resources.add(await fakeUpstream(options));
}

function caller(pool: UpstreamPool, entry: ServerEntry) {
  return (owner: UpstreamOwner, method = 'tools/list', overrides: Partial<UpstreamRequest> = {}) =>
    pool.request(entry, pool.resolveCredential(entry, EMPTY_OFFER), owner, makeRequest(method, overrides));
}

function initializes(server: FakeUpstream): number {
  return server.seen('initialize').length;
}

describe('an upstream that keeps no session', () => {
  test('is initialized once for everybody; after that a call is one round trip (contract §5)', async () => {
    const server = await upstream({});
    const pool = startPool(resources);
    const call = caller(pool, httpEntry('s', server.url));
    await call(ALICE);
    server.clearLog();
    await call(ALICE);
    await call(BOB);
    expect(server.requests.map(({ rpc }) => rpc?.method)).toEqual(['tools/list', 'tools/list']);
    expect(pool.gauges().connections).toBe(1);
  });

  test('heals when it starts to demand one', async () => {
    const before = await fakeUpstream({});
    const pool = startPool(resources);
    const call = caller(pool, httpEntry('s', before.url));
    await call(ALICE);
    await before.close();
    const after = await upstream({ stateful: true, port: before.port });
    await call(ALICE, 'tools/list', { repeatable: true });
    await call(BOB, 'tools/list', { repeatable: true });
    expect(after.sessions.size).toBe(2);
  });
});

describe('an upstream that keeps sessions', () => {
  test('has one for each owner, and never shares it (contract §5)', async () => {
    const server = await upstream({ stateful: true });
    const call = caller(startPool(resources), httpEntry('s', server.url));
    await Promise.all([call(ALICE), call(ALICE), call(ALICE), call(BOB)]);
    expect(initializes(server)).toBe(2);
    expect(server.sessions.size).toBe(2);
    const used = server.seen('tools/list').map(({ headers }) => headers['mcp-session-id']);
    expect(new Set(used).size).toBe(2);
  });

  test('that are lost are re-opened once for all who wait; what is free of side effects is repeated, the rest is not', async () => {
    const server = await upstream({ stateful: true });
    const call = caller(startPool(resources), httpEntry('s', server.url));
    await call(ALICE);
    server.forgetSessions();
    server.clearLog();
    const outcomes = await Promise.allSettled([
      ...Array.from({ length: 10 }, () => call(ALICE, 'tools/list', { repeatable: true })),
      call(ALICE, 'tools/call', { repeatable: false }),
    ]);
    expect(outcomes.slice(0, 10).map(({ status }) => status)).toEqual(Array(10).fill('fulfilled'));
    expect(outcomes[10]).toMatchObject({
      status: 'rejected',
      reason: { code: 'upstream/session_lost', data: { server: 's', retryable: true } },
    });
    expect(server.seen('tools/call')).toHaveLength(1);
    expect(initializes(server)).toBe(1);
  });

  test('end with their owner', async () => {
    const server = await upstream({ stateful: true });
    const pool = startPool(resources);
    const call = caller(pool, httpEntry('s', server.url));
    await call(ALICE);
    await call(BOB);
    expect(pool.connectedServers(ALICE.key).map(({ name }) => name)).toEqual(['s']);
    pool.releaseOwner(ALICE.key);
    await waitFor(() => server.sessions.size === 1);
    expect(pool.connectedServers(ALICE.key)).toEqual([]);
    expect(pool.gauges().connections).toBe(1);
  });

  test('end when nobody used them for a while, unless somebody listens', async () => {
    const server = await upstream({ stateful: true });
    const pool = startPool(resources, { limits: { sessionIdleTimeoutMs: 400 } });
    const call = caller(pool, httpEntry('s', server.url));
    pool.setListening(BOB, true);
    await call(ALICE);
    await call(BOB);
    await waitFor(() => pool.connectedServers(ALICE.key).length === 0);
    await waitFor(() => server.sessions.size === 1);
    expect(pool.connectedServers(BOB.key)).toHaveLength(1);
  });

  test('are opened again with another credential', async () => {
    const server = await upstream({ stateful: true });
    const pool = startPool(resources);
    const entry = httpEntry('s', server.url, { extraHeaders: ['x-tenant'] });
    for (const tenant of ['a', 'b', 'a']) {
      const credential = pool.resolveCredential(entry, { ...EMPTY_OFFER, headers: { 'x-tenant': tenant } });
      await pool.request(entry, credential, ALICE, makeRequest('tools/list'));
    }
    const calls = server.seen('tools/list').map(({ headers }) => [headers['x-tenant'], headers['mcp-session-id']]);
    expect(calls.map(([tenant]) => tenant)).toEqual(['a', 'b', 'a']);
    expect(calls[0]?.[1]).toBe(calls[2]?.[1]);
    expect(calls[0]?.[1]).not.toBe(calls[1]?.[1]);
  });

  test('carry messages outside of calls to the owner that listens, now and later', async () => {
    const server = await upstream({ stateful: true });
    const pool = startPool(resources);
    const call = caller(pool, httpEntry('s', server.url));
    const [early, late, deaf] = [makeOwner('session:early'), makeOwner('session:late'), makeOwner('session:deaf')];
    pool.setListening(early, true);
    await Promise.all([call(early), call(late), call(deaf)]);
    pool.setListening(late, true);
    await waitFor(() => server.streamCount === 2);
    server.notify('notifications/tools/list_changed');
    await waitFor(() => early.received.length === 1 && late.received.length === 1);
    expect(deaf.received).toEqual([]);
    pool.setListening(early, false);
    await waitFor(() => server.streamCount === 1);
  });
});

describe('a failing server', () => {
  test('is not asked for a while after three failures, which costs nothing and says why (contract §7, §14)', async () => {
    const dead = await deadPort();
    const pool = startPool(resources);
    const entry = httpEntry('dead', dead.url);
    const call = caller(pool, entry);
    await waitFor(
      async () => {
        const error: unknown = await call(ALICE).catch((caught: unknown) => caught);
        return (error as { code?: string }).code === 'upstream/circuit_open';
      },
      { everyMs: 210 },
    );
    const started = performance.now();
    for (let count = 0; count < 100; count += 1) {
      await expect(call(ALICE)).rejects.toMatchObject({
        code: 'upstream/circuit_open',
        data: { server: 'dead', reason: 'connection refused', retryable: true },
      });
    }
    expect(performance.now() - started).toBeLessThan(500);
    expect(pool.gauges().openCircuits).toBe(1);
    expect(pool.status(entry)).toMatchObject({ state: 'open', lastError: 'connection refused' });
    await expect(pool.info(entry, SHARED, ALICE)).rejects.toMatchObject({ code: 'upstream/circuit_open' });
  });

  test('is found again by one caller once it is back', async () => {
    const first = await fakeUpstream({});
    const pool = startPool(resources);
    const entry = httpEntry('s', first.url);
    const call = caller(pool, entry);
    await call(ALICE);
    await first.close();
    await waitFor(
      () =>
        call(ALICE).then(
          () => false,
          (error: unknown) => (error as { code?: string }).code === 'upstream/circuit_open',
        ),
      { everyMs: 210 },
    );
    await upstream({ port: first.port });
    await waitFor(() => call(ALICE), { everyMs: 100, timeoutMs: 15_000 });
    await call(BOB);
    expect(pool.gauges().openCircuits).toBe(0);
    expect(pool.status(entry).state).toBe('ready');
  });

  test('5xx counts as failing, 401 does not: every caller hears of its credential', async () => {
    const sick = await upstream({ failWith: () => ({ status: 503 }) });
    const storm = resources.add(await unauthorizedStorm());
    const pool = startPool(resources);
    const [toSick, toStorm] = [caller(pool, httpEntry('sick', sick.url)), caller(pool, httpEntry('storm', storm.url))];
    for (let count = 0; count < 4; count += 1) {
      await toSick(ALICE).catch(() => undefined);
      await expect(toStorm(ALICE)).rejects.toMatchObject({ code: 'upstream/unauthorized', data: { retryable: false } });
      await delay(210);
    }
    await expect(toSick(ALICE)).rejects.toMatchObject({ code: 'upstream/circuit_open', data: { reason: 'HTTP 503' } });
    await expect(toStorm(ALICE)).rejects.toMatchObject({ code: 'upstream/unauthorized' });
  });

  test('that hangs in initialize fails each caller within the list deadline', async () => {
    const hung = await upstream({ failWith: () => 'hang' });
    const call = caller(startPool(resources, { limits: { listTimeoutMs: 400 } }), httpEntry('hung', hung.url));
    const started = performance.now();
    const outcomes = await Promise.allSettled([call(ALICE), call(ALICE), call(BOB)]);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { code: 'upstream/timeout' } });
    expect(performance.now() - started).toBeLessThan(4_000);
    expect(initializes(hung)).toBe(2);
  });

  test('a redirect loop is named', async () => {
    const loop = resources.add(await redirectLoop());
    await expect(caller(startPool(resources), httpEntry('loop', loop.url))(ALICE)).rejects.toMatchObject({
      code: 'upstream/bad_reply',
      data: { reason: 'redirect loop' },
    });
  });

  test('an address that may not be dialled is named without being dialled', async () => {
    const call = caller(startPool(resources), httpEntry('meta', 'http://169.254.169.254/mcp'));
    await expect(call(ALICE)).rejects.toMatchObject({ code: 'upstream/refused_address', data: { retryable: false } });
  });
});

describe('sockets', () => {
  test('an idle socket that the server closed is replaced without the caller noticing, where that is safe', async () => {
    let resets = 0;
    const server = resources.add(
      await mcpServer(({ rpc }, response) => {
        if (rpc.method === 'tools/list' && resets === 0) {
          resets += 1;
          response.destroy();
        } else sendJson(response, replyText(rpc));
      }),
    );
    const call = caller(startPool(resources), httpEntry('s', server.url));
    await call(ALICE, 'tools/list', { repeatable: true });
    expect(resets).toBe(1);
    resets = 0;
    await expect(call(ALICE, 'tools/list', { repeatable: false })).rejects.toMatchObject({
      code: 'upstream/unreachable',
      data: { reason: 'connection lost' },
    });
  });
});

describe('bounds', () => {
  test('calls to one upstream at the same time are bounded; over it callers are told when to come back', async () => {
    const server = await upstream({ latencyMs: 300 });
    const pool = startPool(resources, { limits: { callsPerUpstreamMax: 2 } });
    const call = caller(pool, httpEntry('s', server.url));
    await call(ALICE);
    const running = [call(ALICE), call(BOB)];
    await expect(call(BOB)).rejects.toMatchObject({
      code: 'upstream/busy',
      retryAfterSeconds: 1,
      data: { server: 's' },
    });
    expect(pool.gauges().inFlight).toBe(2);
    await Promise.all(running);
    expect(pool.gauges().inFlight).toBe(0);
    await call(BOB);
  });

  test('a caller that gives up while a session is opened leaves it to the others', async () => {
    const server = await upstream({ stateful: true, latencyMs: 400 });
    const call = caller(startPool(resources), httpEntry('s', server.url));
    const control = new CallControl();
    const gone = call(ALICE, 'tools/list', { control });
    const stays = call(ALICE);
    control.cancel();
    await expect(gone).rejects.toMatchObject({ code: 'call/cancelled' });
    await stays;
    expect(initializes(server)).toBe(1);
  });
});

describe('a server that changes or goes away', () => {
  test('lets its running calls finish, and then ends its sessions', async () => {
    const gate = Promise.withResolvers<string>();
    const server = await upstream({
      stateful: true,
      tools: [{ name: 'wait', inputSchema: { type: 'object' }, run: () => gate.promise }],
    });
    const pool = startPool(resources);
    const entry = httpEntry('s', server.url);
    const running = pool.request(entry, SHARED, ALICE, {
      ...makeRequest('tools/call'),
      id: 1,
      text: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"wait","arguments":{}}}',
    });
    await waitFor(() => server.inFlight === 1);
    pool.drop(entry);
    expect(pool.gauges().connections).toBe(0);
    expect(server.sessions.size).toBe(1);
    gate.resolve('done');
    expect(rawMember(await running, 'result')).toContain('done');
    await waitFor(() => server.sessions.size === 0);
  });

  test('what it said of itself is known without asking until then', async () => {
    const server = await upstream({ instructions: 'be kind' });
    const pool = startPool(resources);
    const entry = httpEntry('s', server.url);
    expect(pool.knownInfo(entry, SHARED)).toBeUndefined();
    expect((await pool.info(entry, SHARED, ALICE)).instructions).toBe('be kind');
    server.clearLog();
    expect((await pool.info(entry, SHARED, BOB)).instructions).toBe('be kind');
    expect(pool.knownInfo(entry, SHARED)?.instructions).toBe('be kind');
    expect(server.requests).toEqual([]);
    pool.drop(entry);
    expect(pool.knownInfo(entry, SHARED)).toBeUndefined();
  });
});

test('shutting down ends the sessions upstream, and takes no new calls', async () => {
  const server = await upstream({ stateful: true });
  const pool = startPool(resources);
  const call = caller(pool, httpEntry('s', server.url));
  await call(ALICE);
  await call(BOB);
  await pool.onApplicationShutdown();
  expect(server.sessions.size).toBe(0);
  expect(pool.gauges()).toMatchObject({ connections: 0, inFlight: 0 });
  await expect(call(ALICE)).rejects.toMatchObject({ code: 'http/draining' });
});
