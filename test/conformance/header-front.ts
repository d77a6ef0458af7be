import { createServer, request as send } from 'node:http';
import { listen } from '../harness/listen.js';

export interface HeaderFront {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * A loopback proxy that adds headers to every request: the suite has no option for credentials. Bodies stream through,
 * `Host` and `Origin` stay what the suite sent, and a client that goes away is gone for the target too.
 */
export async function startHeaderFront(
  target: string,
  headers: Readonly<Record<string, string>>,
): Promise<HeaderFront> {
  const { hostname, port, pathname } = new URL(target);
  const server = createServer((request, response) => {
    const options = { hostname, port, method: request.method, path: request.url };
    const onward = send({ ...options, headers: { ...request.headers, ...headers } }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
    });
    onward.on('error', () => {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end();
    });
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  });
  const { origin, close } = await listen(server);
  return { url: `${origin}${pathname}`, close };
}
