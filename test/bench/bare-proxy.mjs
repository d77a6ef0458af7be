/**
 * What the gateway is compared with: the shortest honest reverse proxy in Node. It forwards method, path, body and all
 * headers but the caller's credential, and streams the reply back. It authenticates nobody, parses nothing, records
 * nothing.
 */
import { createServer } from 'node:http';
import { Pool } from 'undici';

const pool = new Pool(process.env.UPSTREAM, { connections: 128, pipelining: 1 });

const server = createServer((request, response) => {
  const { authorization, 'x-litellm-api-key': key, connection, host, ...headers } = request.headers;
  pool
    .stream(
      { method: request.method, path: request.url, headers, body: request, opaque: response },
      ({ statusCode, headers: received, opaque }) => {
        const { connection: _, 'keep-alive': __, ...passed } = received;
        return opaque.writeHead(statusCode, passed);
      },
    )
    .catch(() => response.destroy());
});
server.keepAliveTimeout = 60_000;
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  process.stdout.write(`listening ${server.address().port}\n`);
});
