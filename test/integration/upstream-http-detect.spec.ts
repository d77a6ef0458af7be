import type { ServerResponse } from 'node:http';
import { EMPTY_OFFER } from '../../src/core/model/client-offer.js';
import type { UpstreamPool } from '../../src/engine/upstream/upstream-pool.js';
import { deadPort } from '../harness/bad-upstreams.js';
import {
  autoEntry,
  INITIALIZED,
  makeOwner,
  makeRequest,
  replyText,
  Resources,
  scriptedServer,
  sendJson,
  startEvents,
  startPool,
  type Received,
  type ScriptedServer,
} from './upstream-http-fixture.js';

const resources = new Resources();
afterEach(() => resources.close());

type Transport = 'http' | 'sse' | number;

interface SwitchableServer extends ScriptedServer {
  /** What the server speaks at its one address; a number is the status it answers everything with. */
  transport: Transport;
}

/** One address that speaks streamable HTTP or HTTP+SSE as the test wants, and 405 to the other. */
async function switchable(first: Transport): Promise<SwitchableServer> {
  let stream: ServerResponse | undefined;
  const answerTo = ({ rpc }: Received): string => replyText(rpc, rpc.method === 'initialize' ? INITIALIZED : {});
  const server = await scriptedServer((received, response) => {
    const { method, url, rpc } = received;
    const { transport } = switching;
    if (typeof transport === 'number') response.writeHead(transport).end();
    else if (url === '/messages') {
      response.writeHead(202).end();
      if (rpc.id !== undefined) stream?.write(`event: message\ndata: ${answerTo(received)}\n\n`);
    } else if (transport === 'sse' && method === 'GET') {
      stream = response;
      startEvents(response);
      response.write('event: endpoint\ndata: /messages\n\n');
    } else if (transport === 'sse' || method !== 'POST') response.writeHead(405).end();
    else if (rpc.id === undefined) response.writeHead(202).end();
    else sendJson(response, answerTo(received));
  });
  const switching: SwitchableServer = { ...server, transport: first };
  return resources.add(switching);
}

let owners = 0;

/** As an owner nobody has seen: a stateful upstream gives it a session of its own. */
function ping(pool: UpstreamPool, url: string): Promise<unknown> {
  const entry = autoEntry('auto', url);
  const owner = makeOwner(`session:${(owners += 1)}`);
  return pool.request(entry, pool.resolveCredential(entry, EMPTY_OFFER), owner, makeRequest('ping'));
}

function firstMethods({ requests }: ScriptedServer, from = 0): string[] {
  return requests.slice(from, from + 2).map(({ method }) => method);
}

test('streamable HTTP is tried first, HTTP+SSE when the server refuses it, and the verdict is remembered (contract §2)', async () => {
  const server = await switchable('sse');
  const pool = startPool(resources);
  await ping(pool, server.url);
  expect(firstMethods(server)).toEqual(['POST', 'GET']);
  const seen = server.requests.length;
  await ping(pool, server.url);
  expect(firstMethods(server, seen)).toEqual(['GET', 'POST']);
});

test('a URL that ends in /sse is tried as HTTP+SSE first', async () => {
  const server = await switchable('sse');
  await ping(startPool(resources), `${server.origin}/sse`);
  expect(server.requests[0]).toMatchObject({ method: 'GET', url: '/sse' });
});

test('a URL that ends in /sse and speaks streamable HTTP is served all the same', async () => {
  const server = await switchable('http');
  await ping(startPool(resources), `${server.origin}/sse`);
  expect(firstMethods(server)).toEqual(['GET', 'POST']);
});

test('a server that changes its transport is found again', async () => {
  const server = await switchable('sse');
  const pool = startPool(resources);
  await ping(pool, server.url);
  server.transport = 'http';
  await ping(pool, server.url);
});

test.each([401, 403, 500, 503])('%d says nothing about the transport: the other one is not tried', async (status) => {
  const server = await switchable(status);
  await expect(ping(startPool(resources), server.url)).rejects.toMatchObject({
    code: status < 500 ? 'upstream/unauthorized' : 'upstream/unreachable',
  });
  expect(server.requests.map(({ method }) => method)).toEqual(['POST']);
});

test('a server that speaks neither fails with what streamable HTTP met', async () => {
  const server = await switchable(404);
  await expect(ping(startPool(resources), server.url)).rejects.toMatchObject({
    code: 'upstream/bad_reply',
    data: { reason: 'HTTP 404' },
  });
});

test('a dead server is dialled once', async () => {
  const dead = await deadPort();
  await expect(ping(startPool(resources), dead.url)).rejects.toMatchObject({
    code: 'upstream/unreachable',
    data: { reason: 'connection refused' },
  });
});
