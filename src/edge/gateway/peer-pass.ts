import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { GatewayError } from '../../core/errors/gateway-error.js';
import { readPlace, type Place } from '../../core/model/place.js';
import type { Secret } from '../../core/model/secret.js';
import { Sealer } from '../../platform/crypto/sealer.js';
import { SEALING_SECRET } from '../../platform/database/sealing-secret.js';

/** On a request that a process of the gateway passes on to another one. */
export const PASS_HEADER = 'x-gatehouse-peer';
/** On its answer: which process gave it. */
export const SERVED_BY_HEADER = 'x-gatehouse-served-by';

/** As long as clocks of replicas may differ, and then some. */
const GOOD_MS = 60_000;
/** Headers that make a request what it is, beside method and path. */
const BOUND_HEADERS = ['authorization', 'x-litellm-api-key', 'x-api-key', 'mcp-session-id'] as const;

/** What a passed-on request says of itself. */
export interface Pass {
  /** Whom it is for; nobody else may serve it. */
  readonly target: Place;
  /** Address of the peer whose connection the first process took; empty when it was gone already. */
  readonly address: string;
}

/**
 * The header by which processes of one installation know each other's requests: sealed with the secret they share, good
 * for one method, path, credential and session, and for a minute.
 */
@Injectable()
export class PeerPass {
  readonly #sealer: Sealer;

  constructor(@Inject(SEALING_SECRET) sealingSecret: Secret) {
    this.#sealer = new Sealer(sealingSecret, 'peer-pass');
  }

  write(request: IncomingMessage, { target, address }: Pass): string {
    return this.#sealer.seal(`${target.tag} ${Date.now() + GOOD_MS} ${address}`, boundTo(request));
  }

  /** Undefined: it comes from a client. Throws `http/forged_relay` for what only claims not to. */
  read(request: IncomingMessage): Pass | undefined {
    const sealed = request.headers[PASS_HEADER];
    if (sealed === undefined) return undefined;
    const opened = typeof sealed === 'string' ? this.#sealer.open(sealed, boundTo(request)) : undefined;
    const [tag = '', goodUntil, address = ''] = opened?.split(' ') ?? [];
    const target = readPlace(tag);
    if (target === undefined || Date.now() >= Number(goodUntil)) throw new GatewayError('http/forged_relay');
    return { target, address };
  }
}

function boundTo({ method, url, headers }: IncomingMessage): string {
  return [method, url, ...BOUND_HEADERS.map((name) => String(headers[name] ?? ''))].join('\n');
}
