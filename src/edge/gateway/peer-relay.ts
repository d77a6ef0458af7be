import {
  Agent as HttpAgent,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https';
import { TLSSocket } from 'node:tls';
import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { Limits } from '../../core/model/limits.js';
import type { Place } from '../../core/model/place.js';
import { LIMITS } from '../../platform/config/tokens.js';
import { WORKER, type Worker } from '../../platform/config/worker.js';
import { LOGGER } from '../../platform/telemetry/logger.token.js';
import { Metrics } from '../../platform/telemetry/metrics.js';
import { ReplicaDirectory } from '../../state/replica/replica-directory.js';
import { PASS_HEADER, PeerPass, SERVED_BY_HEADER, type Pass } from './peer-pass.js';
import { RelayedAnswer } from './relayed-answer.js';

/** A process that does not take a connection within this is gone. */
const CONNECT_MS = 1_000;
/** Unused connections are kept for so long, less than the other side keeps them: it must not close one we are using. */
const KEEP_MS = 30_000;
const KEPT_PER_PEER_MAX = 256;
/** Hop by hop (RFC 9110 §7.6.1), or written anew. */
const NOT_PASSED = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'transfer-encoding',
];

/** How passing a request on ended: with an answer, or without anybody having seen it. */
export type Relayed = 'answered' | 'gone';

/**
 * Passes requests to the process that holds what they are about: a sibling through its unix socket, a worker of another
 * replica through that replica's address, over kept connections. Bytes go through as they come, both ways. Bounded in the
 * number that is under way (`limits.connections`).
 */
@Injectable()
export class PeerRelay implements BeforeApplicationShutdown, OnApplicationShutdown {
  readonly #log: Logger;
  readonly #http = new HttpAgent({
    keepAlive: true,
    keepAliveMsecs: 1_000,
    timeout: KEEP_MS,
    maxFreeSockets: KEPT_PER_PEER_MAX,
  });
  readonly #https = new HttpsAgent({
    keepAlive: true,
    keepAliveMsecs: 1_000,
    timeout: KEEP_MS,
    maxFreeSockets: KEPT_PER_PEER_MAX,
  });
  /** Under way, by replica. */
  readonly #open = new Map<string, Set<ClientRequest>>();
  readonly #answers = new Set<RelayedAnswer>();
  #count = 0;
  #passed = 0;
  #failed = 0;

  constructor(
    @Inject(WORKER) private readonly worker: Worker,
    @Inject(PeerPass) private readonly passes: PeerPass,
    @Inject(ReplicaDirectory) private readonly directory: ReplicaDirectory,
    @Inject(LIMITS) private readonly limits: Limits,
    @Inject(LOGGER) logger: Logger,
    @Inject(Metrics) metrics: Metrics,
  ) {
    this.#log = logger.child({ room: 'relay' });
    directory.onGone((replica) => this.#breakOff(replica));
    metrics.registerGauge(
      'gatehouse_relays',
      'Requests being served by another process for this one',
      () => this.#count,
    );
    metrics.registerCounter(
      'gatehouse_relayed_requests_total',
      'Requests passed to the process that holds their state',
      () => this.#passed,
    );
    metrics.registerCounter(
      'gatehouse_relay_failures_total',
      'Requests that could not be passed on, or whose answer broke off',
      () => this.#failed,
    );
  }

  /** Streams end with a hint when to come back; calls are waited for. */
  beforeApplicationShutdown(): void {
    for (const answer of this.#answers) answer.endStream();
  }

  onApplicationShutdown(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  /**
   * `body` is what was read of the request already; absent: it is still to come. `incoming` is the pass of a request that
   * was passed to this process itself, and goes on to a sibling. Resolves when the answer is complete. `gone` means that
   * nothing was answered and nobody has served it. Throws `call/lost` when that cannot be said, `http/too_many`, and
   * `database/unavailable`.
   */
  async relay(
    target: Place,
    request: IncomingMessage,
    response: ServerResponse,
    { body, incoming }: { readonly body?: string | undefined; readonly incoming?: Pass | undefined } = {},
  ): Promise<Relayed> {
    const where = await this.#where(target, incoming);
    if (where === undefined) return 'gone';
    if (this.#count >= this.limits.connectionsMax) {
      throw new GatewayError('http/too_many', { detail: 'requests passed to other replicas', retryAfterSeconds: 1 });
    }
    const address = incoming?.address ?? request.socket.remoteAddress ?? '';
    const headers = { ...request.headers, [PASS_HEADER]: this.passes.write(request, { target, address }) };
    for (const name of NOT_PASSED) delete (headers as Record<string, unknown>)[name];
    if (body !== undefined) headers['content-length'] = String(Buffer.byteLength(body));
    const options: RequestOptions = { ...where, method: request.method, path: request.url, headers };
    const onward = where.protocol === 'https:' ? httpsRequest(options) : httpRequest(options);
    const peers = this.#open.get(target.replica) ?? new Set();
    this.#open.set(target.replica, peers.add(onward));
    this.#count += 1;
    try {
      const relayed = await this.#pass(onward, target, request, response, { body, isFirst: incoming === undefined });
      if (relayed === 'gone') this.#fail(target);
      else this.#passed += 1;
      return relayed;
    } catch (error) {
      this.#fail(target);
      throw error;
    } finally {
      this.#count -= 1;
      peers.delete(onward);
      if (peers.size === 0) this.#open.delete(target.replica);
    }
  }

  /** How the target is connected to; undefined: it is known to be gone. */
  async #where({ replica, worker }: Place, incoming: Pass | undefined): Promise<RequestOptions | undefined> {
    const { index, count, place } = this.worker;
    if (replica === place.replica) {
      if (worker === index || worker >= count) return undefined;
      return { socketPath: this.worker.siblingSocketPath(worker), agent: this.#http };
    }
    // Never back and forth: one hop between replicas, then one between siblings.
    if (incoming !== undefined) return undefined;
    const address = await this.directory.addressOf(replica);
    if (address === undefined) return undefined;
    const { protocol, hostname, port } = new URL(address);
    const host = hostname.replace(/^\[|\]$/g, '');
    const isSecure = protocol === 'https:';
    return {
      protocol,
      host,
      port: port === '' ? (isSecure ? 443 : 80) : Number(port),
      agent: isSecure ? this.#https : this.#http,
      ...(isSecure ? { servername: host } : {}),
    };
  }

  #pass(
    onward: ClientRequest,
    target: Place,
    request: IncomingMessage,
    response: ServerResponse,
    { body, isFirst }: { readonly body: string | undefined; readonly isFirst: boolean },
  ): Promise<Relayed> {
    const { promise, resolve, reject } = Promise.withResolvers<Relayed>();
    let isConnected = false;
    onward.once('socket', (socket) => {
      if (onward.reusedSocket) {
        isConnected = true;
        return;
      }
      const timer = setTimeout(() => onward.destroy(new Error('no connection in time')), CONNECT_MS);
      socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => {
        isConnected = true;
        clearTimeout(timer);
      });
      socket.once('close', () => clearTimeout(timer));
    });
    onward.once('response', (answer) => {
      // Whoever took over the address of a replica has served nobody of ours.
      if (answer.headers[SERVED_BY_HEADER] !== target.tag) {
        answer.resume();
        resolve('gone');
        return;
      }
      if (response.headersSent || response.destroyed) {
        onward.destroy();
        resolve('answered');
        return;
      }
      const relayed = new RelayedAnswer(answer, response, { isFirst, body, isStream: request.method === 'GET' });
      this.#answers.add(relayed);
      void relayed.whole.then((isWhole) => {
        this.#answers.delete(relayed);
        if (!isWhole) this.#failed += 1;
        resolve('answered');
      });
    });
    onward.on('error', (cause) => {
      if (response.destroyed || response.headersSent) resolve('answered');
      // Asking for a stream, or for the end of something, may be done twice.
      else if (!isConnected || request.method !== 'POST') resolve('gone');
      else reject(new GatewayError('call/lost', { cause, detail: 'the process that served it is gone' }));
    });
    response.once('close', () => {
      onward.destroy();
      resolve('answered');
    });
    if (body !== undefined) onward.end(body);
    else request.pipe(onward);
    return promise;
  }

  #fail(target: Place): void {
    this.#failed += 1;
    this.#log.info({ place: target.tag }, 'a process that holds state of clients is gone or cannot be reached');
  }

  /** Its connections may never say that nobody is there any more. */
  #breakOff(replica: string): void {
    for (const onward of this.#open.get(replica) ?? []) onward.destroy(new Error('the replica is gone'));
  }
}
