import { createServer, request as forward, type IncomingHttpHeaders } from 'node:http';
import { listen } from './listen.js';

/** What came to the front, and whether it was let through. */
export interface FrontRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly passed: boolean;
}

/** A door before a server that knows no credentials: 401 for whoever it does not accept, everything else as it is. */
export interface BearerFront {
  readonly origin: string;
  readonly requests: readonly FrontRequest[];
  /** Streams that are open now. */
  readonly streams: number;
  /** Ends them. */
  cutStreams(): void;
  close(): Promise<void>;
}

export async function bearerFront(
  target: string,
  accepts: (headers: IncomingHttpHeaders) => boolean,
): Promise<BearerFront> {
  const { hostname, port } = new URL(target);
  const requests: FrontRequest[] = [];
  const streams = new Set<{ destroy(): void }>();
  const server = createServer((request, response) => {
    const { method = '', url: path = '', headers } = request;
    const passed = accepts(headers);
    requests.push({ method, path, headers, passed });
    if (!passed) return void response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
    const onward = forward(
      { hostname, port, method, path, headers: { ...headers, host: `${hostname}:${port}` } },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        response.flushHeaders();
        answer.pipe(response);
        const type = answer.headers['content-type'] ?? '';
        if (method !== 'GET' || !type.startsWith('text/event-stream')) return;
        streams.add(response);
        response.once('close', () => streams.delete(response));
      },
    );
    onward.once('error', () => response.destroy());
    response.once('close', () => onward.destroy());
    request.pipe(onward);
  });
  const { origin, close } = await listen(server);
  return {
    origin,
    requests,
    get streams() {
      return streams.size;
    },
    cutStreams: () => {
      for (const stream of streams) stream.destroy();
    },
    close,
  };
}
