import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { Limits } from './core/model/limits.js';
import { cutUnreadBody } from './cut-unread-body.js';
import type { ServingState } from './platform/config/serving-state.js';

/** What stands before Express: takes a request (and answers it) or declines. */
export interface Door {
  take(request: IncomingMessage, response: ServerResponse): boolean;
}

/** Header block of a request must be here within this; then 408. */
const HEADERS_TIMEOUT_MS = 10_000;
/** A whole request must be here within this; then 408. Counts receiving only: answers may stream for hours. */
const REQUEST_TIMEOUT_MS = 60_000;
/** Longer than the idle timeout of the usual load balancers (60 s), so that they close first and never race us. */
const KEEP_ALIVE_MS = 75_000;
/** How often the two timeouts are looked at. */
const TIMEOUT_CHECK_MS = 2_000;
/** Draining waits until no request came for this long … */
const QUIET_MS = 50;
/** … but not longer than this. */
const LINGER_MAX_MS = 2_000;
const CLOSE_CHECK_MS = 20;
/** How long answers that are complete may take to leave. */
const FLUSH_MS = 500;

/**
 * Nest's Express adapter with the front door ahead of Express in the HTTP server's `request` event: MCP traffic never
 * enters Express or Nest's pipeline, which would cost it several times its own price (measured in the house plan: 170 to
 * 480 µs against 25). Everything the door declines is the control plane's.
 *
 * Draining: stops accepting connections at once (a client that is refused has lost nothing), but goes on serving what
 * arrives on open ones, each answer carrying `Connection: close`, until they have gone quiet. Closing idle connections
 * right away would race with requests already under way on them.
 */
export class DoorAdapter extends ExpressAdapter implements ServingState {
  #door: Door | undefined;
  #draining = false;
  #connections = 0;
  #requests = 0;
  #controlRequests = 0;
  #closed = false;
  #siblingServer: Server | undefined;
  #cutAt = 0;
  readonly #limits: Limits;
  readonly #connectionsMax: number;

  readonly #rootPath: string;

  /** @param rootPath `SERVER_ROOT_PATH`; the control plane answers with and without it. */
  constructor(limits: Limits, workers: number, rootPath: string) {
    super();
    this.#limits = limits;
    this.#rootPath = rootPath;
    this.#connectionsMax = Math.ceil(limits.connectionsMax / workers);
  }

  get connections(): number {
    return this.#connections;
  }

  /** Connections are refused and open ones told to go. */
  get draining(): boolean {
    return this.#draining;
  }

  /** From now on the door is asked first. */
  setDoor(door: Door): void {
    this.#door = door;
  }

  override initHttpServer(): void {
    const server = this.#createServer();
    server.maxConnections = this.#connectionsMax;
    server.on('connection', (socket) => {
      this.#connections += 1;
      socket.once('close', () => {
        this.#connections -= 1;
      });
    });
    this.httpServer = server;
  }

  /** Serves the same handler on a unix socket for sibling processes. Ends with {@link close}. */
  async listenForSiblings(socketPath: string): Promise<void> {
    const server = this.#createServer();
    // Left behind by a process that was killed; the folder is ours alone.
    await rm(socketPath, { force: true });
    server.listen(socketPath);
    await once(server, 'listening');
    this.#siblingServer = server;
  }

  #createServer(): Server {
    // Malformed requests, header floods and timeouts are answered by Node itself with 400, 431 and 408 and a closed
    // connection, without disturbing an answer that is being written. A `clientError` listener would have to redo that.
    return createServer(
      {
        maxHeaderSize: this.#limits.headerBytesMax,
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
        connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      },
      (request, response) => this.#serve(request, response),
    );
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    this.#requests += 1;
    if (this.#draining) response.shouldKeepAlive = false;
    if (this.#door?.take(request, response) === true) return;
    cutUnreadBody(request, response);
    this.#controlRequests += 1;
    response.once('close', () => {
      this.#controlRequests -= 1;
    });
    // Orchestrators probe a process without the path that a proxy puts before it.
    if (this.#rootPath !== '' && request.url?.startsWith(`${this.#rootPath}/`) === true) {
      request.url = request.url.slice(this.#rootPath.length);
    }
    this.getInstance<(request: IncomingMessage, response: ServerResponse) => void>()(request, response);
  }

  /** Nest calls this first of all when the application closes, and waits for it. */
  override async beforeClose(): Promise<void> {
    super.beforeClose();
    if (this.#draining) return;
    this.#draining = true;
    this.#cutAt = performance.now() + this.#limits.shutdownGraceMs;
    const server = this.httpServer;
    if (!server.listening) {
      this.#closed = true;
      return;
    }
    // `http.Server.close` would also cut idle connections; that comes later.
    NetServer.prototype.close.call(server, () => {
      this.#closed = true;
    });
    const giveUpAt = performance.now() + Math.min(LINGER_MAX_MS, this.#limits.shutdownGraceMs);
    let seen = -1;
    while (!this.#closed && seen !== this.#requests && performance.now() < giveUpAt) {
      seen = this.#requests;
      await delay(QUIET_MS);
    }
  }

  /**
   * Nest calls this when the door has drained. Control-plane requests still running get what is left of the grace, the
   * last bytes of answers a moment; connections that have not sent a request are nobody's loss.
   */
  override async close(): Promise<void> {
    const server = this.httpServer;
    this.#siblingServer?.close();
    this.#siblingServer?.closeAllConnections();
    server.closeIdleConnections();
    const flushedAt = performance.now() + FLUSH_MS;
    while (this.#draining && !this.#closed) {
      const now = performance.now();
      if (now >= this.#cutAt || (now >= flushedAt && this.#controlRequests === 0)) break;
      await delay(CLOSE_CHECK_MS);
      server.closeIdleConnections();
    }
    server.closeAllConnections();
    // Also stops Node's timer for the two timeouts; a server that is closed already says so, and that is fine.
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}
