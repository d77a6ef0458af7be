import { Inject, Injectable } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { GatewayError } from '../../core/errors/gateway-error.js';
import { StateHomes } from '../../state/replica/state-homes.js';
import { Elsewhere } from './elsewhere.js';
import type { Pass } from './peer-pass.js';
import { PeerRelay } from './peer-relay.js';

const TRIES_MAX = 3;

/** A request whose body was read. */
export interface ReadRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** By which another process passed it here. */
  readonly pass?: Pass | undefined;
}

/** Calls without a session that work on something which another process holds: they are served there. */
@Injectable()
export class ServeAtHome {
  constructor(
    @Inject(PeerRelay) private readonly relay: PeerRelay,
    @Inject(StateHomes) private readonly homes: StateHomes,
  ) {}

  /**
   * `run` rejected with this. Has the request served where it belongs; when nobody is there any more, the state is begun
   * anew, here as a rule, and `run` is tried again. Rethrows what is no {@link Elsewhere}; throws what `run` and
   * {@link PeerRelay.relay} throw.
   */
  async follow(
    thrown: unknown,
    { request, response, pass }: ReadRequest,
    body: string,
    run: () => Promise<void>,
  ): Promise<void> {
    let elsewhere = thrown;
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      if (!(elsewhere instanceof Elsewhere)) throw elsewhere;
      if (pass !== undefined) throw new GatewayError('http/misdirected');
      if ((await this.relay.relay(elsewhere.place, request, response, { body })) === 'answered') return;
      await this.homes.resettle(elsewhere.stateId, elsewhere.place);
      try {
        return await run();
      } catch (again) {
        elsewhere = again;
      }
    }
    throw new GatewayError('http/too_many', { detail: 'what it works on keeps moving', retryAfterSeconds: 1 });
  }
}
