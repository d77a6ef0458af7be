import type { Logger } from 'pino';
import type { HttpClient } from '../../../platform/http/http-client.js';
import { parseHttpTarget } from '../../../platform/http/http-target.js';
import type { ConnectOptions, UpstreamConnection } from '../connection.js';
import { upstreamError } from '../upstream-error.js';
import { BoundedLog } from './pipe-bounded-log.js';
import { openPipeConnection } from './pipe-connection.js';
import { SsePipe } from './sse-pipe.js';

const NOISE_WINDOW_MS = 10_000;
const NOISE_EVENTS_MAX = 20;

/** What HTTP+SSE needs from the process around it. */
export interface SseContext {
  readonly http: HttpClient;
  readonly logger: Logger;
  /** Our version, for `clientInfo`. */
  readonly clientVersion: string;
  /** Longest wait for the stream, its endpoint and the reply to `initialize` together. */
  readonly handshakeTimeoutMs: number;
}

/**
 * Opens a session over HTTP+SSE, the transport of 2024-11-05: a stream of events that brings all messages and names the
 * endpoint to POST ours to. Calls run side by side on the one stream. The session ends with the stream.
 *
 * Throws `upstream/*`; `upstream/bad_reply` when the server does not speak this transport, with an `HttpStatusError` as
 * cause when it said so by a status.
 */
export async function openSse(options: ConnectOptions, context: SseContext): Promise<UpstreamConnection> {
  const { entry, credential, limits } = options;
  const target = entry.endpoint.kind === 'http' ? parseHttpTarget(entry.endpoint.url) : undefined;
  if (target === undefined) throw upstreamError('upstream/unreachable', entry, 'its URL is not an http or https URL');

  const logger = context.logger.child({ server: entry.name });
  const startedAt = performance.now();
  const { http, clientVersion, handshakeTimeoutMs } = context;
  const pipe = await SsePipe.open({
    client: http,
    entry,
    limits,
    target,
    headers: credential.headers,
    handshakeTimeoutMs,
  });
  const noise = new BoundedLog({
    linesMax: NOISE_EVENTS_MAX,
    windowMs: NOISE_WINDOW_MS,
    // What it says is not shown: it may be anybody's data.
    write: () => logger.warn('a server sends something else than JSON-RPC on its event stream'),
    writeDropped: (count) => logger.warn({ count }, 'a server sends something else than JSON-RPC on its event stream'),
  });
  return openPipeConnection(
    {
      ...options,
      logger,
      clientVersion,
      handshakeTimeoutMs: Math.max(handshakeTimeoutMs - (performance.now() - startedAt), 1),
      onNoise: (text) => noise.add(text),
    },
    (events) => {
      pipe.listen(events);
      return pipe;
    },
  );
}
