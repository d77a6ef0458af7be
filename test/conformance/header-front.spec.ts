import { createServer, type IncomingMessage } from 'node:http';
import { listen, type Listening } from '../harness/listen.js';
import { waitFor } from '../harness/wait-for.js';
import { startHeaderFront, type HeaderFront } from './header-front.js';

describe('the header front', () => {
  const seen: IncomingMessage[] = [];
  let gone = 0;
  let target: Listening;
  let front: HeaderFront;

  beforeEach(async () => {
    const server = createServer((request, response) => {
      seen.push(request);
      response.on('close', () => {
        gone += 1;
      });
      // A stream that goes on until the client leaves.
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: first\n\n');
    });
    target = await listen(server);
    front = await startHeaderFront(`${target.origin}/mcp`, { 'x-litellm-api-key': 'Bearer sk-1' });
  });

  afterEach(async () => {
    await front.close();
    await target.close();
  });

  it('adds its headers, keeps the others, streams, and takes the client with it when it leaves', async () => {
    const leaving = new AbortController();
    const response = await fetch(front.url, {
      headers: { origin: 'http://evil.example', 'mcp-method': 'ping' },
      signal: leaving.signal,
    });
    const first = await response.body?.getReader().read();
    expect(Buffer.from(first?.value ?? []).toString()).toBe('data: first\n\n');
    expect(seen[0]?.url).toBe('/mcp');
    expect(seen[0]?.headers).toMatchObject({
      'x-litellm-api-key': 'Bearer sk-1',
      origin: 'http://evil.example',
      'mcp-method': 'ping',
      host: new URL(front.url).host,
    });
    leaving.abort();
    await waitFor(() => gone === 1, { what: 'the target to see the client leave' });
  });
});
