import type { LookupAddress } from 'node:dns';
import type { AddressPolicy } from '../../src/platform/http/address-guard.js';
import { HttpClient } from '../../src/platform/http/http-client.js';
import { HttpExchange } from '../../src/platform/http/http-exchange.js';
import type { HttpFailure } from '../../src/platform/http/http-failure.js';
import { parseHttpTarget } from '../../src/platform/http/http-target.js';
import { waitFor } from '../harness/wait-for.js';
import { Resources, scriptedServer } from './upstream-http-fixture.js';

const resources = new Resources();
afterEach(() => resources.close());

interface Answer {
  readonly status: number;
  readonly body: string;
}

interface Sent {
  readonly policy?: AddressPolicy;
  readonly headers?: readonly string[];
  readonly idleTimeoutMs?: number;
}

function startClient(resolve?: (hostname: string) => readonly string[]): HttpClient {
  return resources.add(
    new HttpClient({
      connectTimeoutMs: 2_000,
      ...(resolve === undefined
        ? {}
        : {
            resolve: (hostname, done) =>
              done(
                null,
                resolve(hostname).map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 })),
              ),
          }),
    }),
  );
}

/** Rejects with the {@link HttpFailure}. */
function post(client: HttpClient, url: string, sent: Sent = {}): Promise<Answer> {
  const target = parseHttpTarget(url);
  if (target === undefined) throw new Error(`not a URL: ${url}`);
  return new Promise((resolve, reject) => {
    let status = 0;
    let body = '';
    const request = {
      target,
      method: 'POST',
      headers: sent.headers ?? [],
      body: '{"n":1}',
      policy: sent.policy ?? 'registered',
      lane: 'call',
      idleTimeoutMs: sent.idleTimeoutMs ?? 5_000,
      deadlineAt: Infinity,
    } as const;
    HttpExchange.start(client, request, {
      onHead: (answered) => void (status = answered),
      onData: (chunk) => void (body += chunk.toString()),
      onEnd: () => resolve({ status, body }),
      onFailure: reject,
    });
  });
}

describe('addresses', () => {
  test.each([
    'http://169.254.169.254/latest/meta-data',
    'http://[::ffff:169.254.169.254]/',
    'http://[fe80::1]/',
    'http://[fd00:ec2::254]/',
    'http://0.0.0.0/',
    'http://2852039166/',
    'http://0xa9.0xfe.0xa9.0xfe/',
  ])('%s is not dialled', async (url) => {
    await expect(post(startClient(), url)).rejects.toMatchObject({
      reason: 'refused_address',
    } satisfies Partial<HttpFailure>);
  });

  test('the address that was checked is the one dialled: a name that rebinds gets nowhere', async () => {
    const server = resources.add(await scriptedServer((_received, response) => void response.end('reached')));
    const answers = [['127.0.0.1'], ['169.254.169.254'], ['127.0.0.1', '169.254.169.254']];
    let asked = 0;
    const client = startClient(() => answers[asked++] ?? []);
    const url = `http://rebind.localhost:${server.port}/`;
    expect(await post(client, url, { headers: ['connection', 'close'] })).toEqual({ status: 200, body: 'reached' });
    await expect(post(client, url)).rejects.toMatchObject({ reason: 'refused_address' });
    expect(await post(client, url)).toEqual({ status: 200, body: 'reached' });
  });

  test('loopback is refused for a URL that a third party named, by name and by number', async () => {
    const server = resources.add(await scriptedServer((_received, response) => void response.end('reached')));
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]']) {
      const url = `http://${host}:${server.port}/`;
      await expect(post(startClient(), url, { policy: 'third-party' })).rejects.toMatchObject({
        reason: 'refused_address',
      });
    }
    expect(server.requests).toEqual([]);
  });

  test('each hop of a redirect is checked again', async () => {
    const server = resources.add(
      await scriptedServer((_received, response) => {
        response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data' }).end();
      }),
    );
    await expect(post(startClient(), server.url)).rejects.toMatchObject({ reason: 'refused_address' });
  });
});

describe('redirects', () => {
  test('of a public server lead to public addresses only', async () => {
    const inside = resources.add(await scriptedServer((_received, response) => void response.end('reached')));
    const server = resources.add(
      await scriptedServer((_received, response) => {
        response.writeHead(307, { location: `http://localhost:${inside.port}/` }).end();
      }),
    );
    const atLoopback = { connectTimeoutMs: 1_000, isPublic: () => true };
    const stranger = resources.add(new HttpClient(atLoopback));
    await expect(post(stranger, server.url)).rejects.toMatchObject({ reason: 'refused_address' });
    expect(inside.requests).toEqual([]);
    expect((await post(startClient(), server.url)).body).toBe('reached');
  });

  test.each([301, 302, 307, 308])('%d keeps method and body', async (status) => {
    const server = resources.add(
      await scriptedServer(({ url }, response) => {
        if (url === '/mcp') response.writeHead(status, { location: '/mcp/' }).end('moved');
        else response.end('done');
      }),
    );
    expect(await post(startClient(), server.url, { headers: ['authorization', 'Bearer k'] })).toEqual({
      status: 200,
      body: 'done',
    });
    expect(server.requests[1]).toMatchObject({ method: 'POST', url: '/mcp/', body: '{"n":1}' });
    expect(server.requests[1]?.headers.authorization).toBe('Bearer k');
  });

  test('to another origin carry no credential, whatever header it is in (defect 49, security page §1)', async () => {
    const recorder = resources.add(await scriptedServer((_received, response) => void response.end('done')));
    const server = resources.add(
      await scriptedServer((_received, response) => {
        response.writeHead(307, { location: `${recorder.origin}/elsewhere` }).end();
      }),
    );
    const secrets = ['authorization', 'x-api-key', 'x-tenant-token', 'cookie', 'mcp-looks-official'];
    const protocol = ['content-type', 'accept', 'mcp-session-id', 'mcp-protocol-version'];
    const headers = [...secrets, ...protocol].flatMap((name) => [name, `canary-${name}`]);
    expect((await post(startClient(), server.url, { headers })).status).toBe(200);
    const [received] = recorder.requests;
    expect(received).toMatchObject({ method: 'POST', url: '/elsewhere', body: '{"n":1}' });
    for (const name of protocol) expect(received?.headers[name]).toBe(`canary-${name}`);
    for (const name of secrets) expect(received?.headers[name]).toBeUndefined();
  });

  test('that come back to the first origin do not bring the credential back', async () => {
    const server = resources.add(
      await scriptedServer(({ url }, response) => {
        if (url === '/mcp') response.writeHead(307, { location: `${other.origin}/` }).end();
        else response.end('done');
      }),
    );
    const other = resources.add(
      await scriptedServer((_received, response) => {
        response.writeHead(307, { location: `${server.origin}/back` }).end();
      }),
    );
    await post(startClient(), server.url, { headers: ['authorization', 'Bearer k'] });
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer k', undefined]);
  });

  test('in a loop, or more than five, are an error', async () => {
    const loop = resources.add(
      await scriptedServer((_received, response) => void response.writeHead(302, { location: '/mcp' }).end()),
    );
    await expect(post(startClient(), loop.url)).rejects.toMatchObject({ reason: 'bad_redirect' });
    expect(loop.requests).toHaveLength(1);

    let hop = 0;
    const endless = resources.add(
      await scriptedServer((_received, response) => void response.writeHead(302, { location: `/${++hop}` }).end()),
    );
    await expect(post(startClient(), endless.url)).rejects.toMatchObject({ reason: 'bad_redirect' });
    expect(endless.requests).toHaveLength(6);
  });

  test.each(['file:///etc/passwd', 'ftp://localhost/', 'javascript:alert(1)', 'http://'])(
    'to %s are an error',
    async (location) => {
      const server = resources.add(
        await scriptedServer((_received, response) => void response.writeHead(302, { location }).end()),
      );
      await expect(post(startClient(), server.url)).rejects.toMatchObject({ reason: 'bad_redirect' });
    },
  );

  test('a redirect whose body never ends is followed all the same', async () => {
    const server = resources.add(
      await scriptedServer(({ url }, response) => {
        if (url !== '/mcp') return void response.end('done');
        response.writeHead(307, { location: '/next' });
        const pump = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(16_384)));
        };
        response.on('drain', pump);
        pump();
      }),
    );
    expect(await post(startClient(), server.url)).toEqual({ status: 200, body: 'done' });
  });
});

describe('waiting', () => {
  test('a server that takes the request and says nothing is given up after the idle time', async () => {
    const server = resources.add(await scriptedServer(() => undefined));
    const started = performance.now();
    await expect(post(startClient(), server.url, { idleTimeoutMs: 300 })).rejects.toMatchObject({
      reason: 'idle_timeout',
      responded: false,
    });
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  test('each byte starts the idle time anew', async () => {
    const server = resources.add(
      await scriptedServer((_received, response) => {
        let left = 8;
        const timer = setInterval(() => {
          left -= 1;
          if (left > 0) response.write('.');
          else {
            clearInterval(timer);
            response.end('!');
          }
        }, 100);
      }),
    );
    expect((await post(startClient(), server.url, { idleTimeoutMs: 500 })).body).toBe('.......!');
  });

  test('a refused connection says so, and that nothing was sent', async () => {
    const server = await scriptedServer(() => undefined);
    await server.close();
    await expect(post(startClient(), server.url)).rejects.toMatchObject({
      reason: 'connect_failed',
      message: 'connection refused',
      responded: false,
    });
  });

  test('a header that cannot be sent is a failure of that exchange only', async () => {
    const server = resources.add(await scriptedServer((_received, response) => void response.end('ok')));
    const client = startClient();
    await expect(post(client, server.url, { headers: ['x-bad', 'a\r\nb: c'] })).rejects.toBeDefined();
    expect((await post(client, server.url)).body).toBe('ok');
  });
});

test('origins are kept up to a bound, and an evicted one finishes what it has begun', async () => {
  const held: (() => void)[] = [];
  const client = resources.add(new HttpClient({ connectTimeoutMs: 2_000, originsMax: 2 }));
  const slow = resources.add(await scriptedServer((_received, response) => void held.push(() => response.end('slow'))));
  const running = post(client, slow.url);
  await waitFor(() => held.length);
  for (let count = 0; count < 4; count += 1) {
    const server = resources.add(await scriptedServer((_received, response) => void response.end('ok')));
    await post(client, server.url);
  }
  expect(client.originCount).toBe(2);
  held[0]?.();
  expect((await running).body).toBe('slow');
});
