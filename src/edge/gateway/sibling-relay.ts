import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { Secret } from '../../core/model/secret.js';
import { WORKER, type Worker } from '../../platform/config/worker.js';
import { Sealer } from '../../platform/crypto/sealer.js';
import { SEALING_SECRET } from '../../platform/database/sealing-secret.js';

/** Between sibling processes only: the address of the peer, sealed, so that no client can write it. */
const PEER_HEADER = 'x-gatehouse-peer';

/** Passes a request to the worker process that holds its session; bytes go through as they come, both ways. */
@Injectable()
export class SiblingRelay {
  readonly #sealer: Sealer;

  constructor(
    @Inject(WORKER) private readonly worker: Worker,
    @Inject(SEALING_SECRET) sealingSecret: Secret,
  ) {
    this.#sealer = new Sealer(sealingSecret, 'sibling-peer');
  }

  /** Whose connection a sibling took that relays this request; undefined when it came from no sibling. */
  peerOf(request: IncomingMessage): string | undefined {
    const sealed = request.headers[PEER_HEADER];
    return typeof sealed === 'string' ? this.#sealer.open(sealed, '') : undefined;
  }

  /**
   * Throws `session/unknown` when that worker is gone: the client then starts a new session. `body` is what was read of the
   * request already, if it was.
   */
  relay(index: number, request: IncomingMessage, response: ServerResponse, body?: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onward = httpRequest({
      socketPath: this.worker.siblingSocketPath(index),
      method: request.method,
      path: request.url,
      headers: {
        ...request.headers,
        [PEER_HEADER]: this.#sealer.seal(this.peerOf(request) ?? request.socket.remoteAddress ?? '', ''),
      },
    });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
      answer.on('error', () => response.destroy());
      response.once('close', resolve);
    });
    onward.on('error', (cause) => {
      if (response.headersSent) response.destroy();
      reject(new GatewayError('session/unknown', { cause, detail: 'the process that held it is gone' }));
    });
    response.once('close', () => onward.destroy());
    if (body === undefined) request.pipe(onward);
    else onward.end(body);
    return promise;
  }
}
