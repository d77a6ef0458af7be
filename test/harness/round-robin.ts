import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { listen } from './listen.js';

/** A load balancer in front of several gateways: every request goes to the next one that takes a connection. */
export interface RoundRobin {
  readonly url: string;
  /** Which gateway, by its index, answered each request so far. */
  readonly taken: readonly number[];
  /** Sends all that comes to this gateway; undefined: in turn again. */
  prefer(index: number | undefined): void;
  close(): Promise<void>;
}

export async function roundRobin(origins: readonly string[]): Promise<RoundRobin> {
  const taken: number[] = [];
  let next = 0;
  let preferred: number | undefined;
  const pass = (request: IncomingMessage, response: ServerResponse, body: Buffer, tries: number): void => {
    const index = preferred ?? next++ % origins.length;
    const onward = httpRequest(`${origins[index]}${request.url}`, {
      method: request.method ?? 'GET',
      headers: { ...request.headers, connection: 'close' },
      agent: false,
    });
    let isConnected = false;
    onward.on('socket', (socket) => socket.once('connect', () => (isConnected = true)));
    onward.on('response', (answer) => {
      taken.push(index);
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      answer.on('error', () => response.destroy());
      answer.on('close', () => {
        if (!answer.complete) response.destroy();
      });
      answer.pipe(response);
    });
    onward.on('error', () => {
      if (response.headersSent || response.destroyed || isConnected || tries <= 1) response.destroy();
      else pass(request, response, body, tries - 1);
    });
    response.once('close', () => onward.destroy());
    onward.end(body);
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => pass(request, response, Buffer.concat(chunks), origins.length));
  });
  const { origin, close } = await listen(server);
  return { url: origin, taken, prefer: (index) => void (preferred = index), close };
}
