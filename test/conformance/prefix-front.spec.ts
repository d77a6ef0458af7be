import { createServer, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { listen, type Listening } from '../harness/listen.js';
import type { HeaderFront } from './header-front.js';
import { startPrefixFront } from './prefix-front.js';

describe('the prefix front', () => {
  const seen: { readonly request: IncomingMessage; readonly body: string }[] = [];
  let reply: { readonly type: string; readonly body: string };
  let target: Listening;
  let front: HeaderFront;

  beforeAll(async () => {
    const server = createServer((request, response) => {
      void text(request).then((body) => {
        seen.push({ request, body });
        response.writeHead(200, { 'content-type': reply.type }).end(reply.body);
      });
    });
    target = await listen(server);
    front = await startPrefixFront(`${target.origin}/mcp`, 'up-', 'gatehouse://up/');
  });

  afterAll(async () => {
    await front.close();
    await target.close();
  });

  async function send(body: string, headers: Record<string, string> = {}): Promise<string> {
    const response = await fetch(front.url, { method: 'POST', body, headers });
    return await response.text();
  }

  it.each([
    ['tools/call', { name: 'add' }, { name: 'up-add' }, 'add', 'up-add'],
    ['prompts/get', { name: 'p' }, { name: 'up-p' }, '=?base64?cA==?=', 'up-p'],
    ['resources/read', { uri: 'x://y' }, { uri: 'gatehouse://up/x://y' }, 'x://y', 'gatehouse://up/x://y'],
    ['completion/complete', { ref: { uri: 'x://{a}' } }, { ref: { uri: 'gatehouse://up/x://{a}' } }, '', ''],
    [
      'subscriptions/listen',
      { notifications: { resourceSubscriptions: ['x://y'] } },
      { notifications: { resourceSubscriptions: ['gatehouse://up/x://y'] } },
      '',
      '',
    ],
    ['tools/list', { cursor: 'add' }, { cursor: 'add' }, '', ''],
  ])('%s is asked of the server with that prefix', async (method, params, expected, name, expectedName) => {
    reply = { type: 'application/json', body: '{}' };
    await send(JSON.stringify({ method, params }), name === '' ? {} : { 'mcp-name': name });
    expect(JSON.parse(seen.at(-1)?.body ?? '')).toEqual({ method, params: expected });
    expect(seen.at(-1)?.request.headers['mcp-name'] ?? '').toBe(expectedName);
  });

  it('what is not a request passes as it is', async () => {
    await send('{"method":');
    expect(seen.at(-1)?.body).toBe('{"method":');
  });

  it.each([
    ['application/json', ''],
    ['text/event-stream', 'data: '],
  ])('answers as %s lose the prefix, and what other servers have', async (type, head) => {
    const list = { tools: [{ name: 'up-add', description: 'ä' }, { name: 'other-add' }] };
    reply = { type, body: `${head}${JSON.stringify({ id: 1, result: list })}\n\n` };
    const answer = await send('{}');
    const expected = { id: 1, result: { tools: [{ name: 'add', description: 'ä' }] } };
    expect(JSON.parse(answer.trim().slice(head.length))).toEqual(expected);
  });

  it('URIs of the gateway become those of the server', async () => {
    reply = { type: 'application/json', body: '{"result":{"contents":[{"uri":"gatehouse://up/x://y"}]}}' };
    expect(JSON.parse(await send('{}'))).toEqual({ result: { contents: [{ uri: 'x://y' }] } });
  });
});
