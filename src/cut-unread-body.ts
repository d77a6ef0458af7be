import type { IncomingMessage, ServerResponse } from 'node:http';

/** How long a client that was answered may go on sending: long enough to notice the answer. */
const LINGER_MS = 500;

/**
 * Ends the connection of a client that goes on sending a body although its request was answered (too large, not let in):
 * Node would read and discard it until the request times out.
 */
export function cutUnreadBody(request: IncomingMessage, response: ServerResponse): void {
  response.once('finish', () => {
    if (request.complete) return;
    setTimeout(() => {
      if (!request.complete) request.socket.destroy();
    }, LINGER_MS).unref();
  });
}
