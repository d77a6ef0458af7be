import { Inject, Injectable } from '@nestjs/common';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { Limits } from '../../core/model/limits.js';
import type { Place } from '../../core/model/place.js';
import type { ClientSession } from '../../engine/session/client-session.js';
import { SessionStore, type FoundSession } from '../../engine/session/session-store.js';
import { UpstreamPool } from '../../engine/upstream/upstream-pool.js';
import { LIMITS } from '../../platform/config/tokens.js';
import { WORKER, type Worker } from '../../platform/config/worker.js';
import { StateHomes } from '../../state/replica/state-homes.js';
import { writeJson } from './exchange.js';
import type { LiveRequest } from './live-request.js';
import { lostCallReplies } from './lost-calls.js';
import { PeerRelay } from './peer-relay.js';
import { readBody } from './read-body.js';

/** Places tried before giving up: more than one death at the same time is rare. */
const TRIES_MAX = 4;

/**
 * Requests on sessions that are not in memory here: they go to the process that holds the session, while there is one.
 * When that is gone, the first to notice goes on with the session, with everything that can be made again; where something
 * cannot, the session is unknown, and the client starts anew (contract §5).
 */
@Injectable()
export class SessionRouter {
  constructor(
    @Inject(SessionStore) private readonly sessions: SessionStore,
    @Inject(StateHomes) private readonly homes: StateHomes,
    @Inject(PeerRelay) private readonly relay: PeerRelay,
    @Inject(UpstreamPool) private readonly upstreams: UpstreamPool,
    @Inject(WORKER) private readonly worker: Worker,
    @Inject(LIMITS) private readonly limits: Limits,
  ) {}

  /**
   * The session, to be served here; undefined when the request was answered by its home. Reads the body of a POST. Throws
   * `session/unknown`, `http/misdirected` for a request passed here by mistake, what {@link PeerRelay.relay} throws, and
   * `database/unavailable`.
   */
  async route(
    live: LiveRequest,
    id: string,
    { place: named, expiresAt }: Extract<FoundSession, { kind: 'away' }>,
  ): Promise<ClientSession | undefined> {
    const { request } = live;
    if (request.method === 'POST') live.body = await readBody(request, this.limits.requestBodyBytesMax);
    // While its body came, its credential may have gone.
    if (live.isRefused) throw new GatewayError('auth/required');
    const self = this.worker.place;
    const dead: Place[] = [];
    // A request that was passed here is for us, or for nobody.
    let home = live.pass === undefined ? (this.homes.known(id) ?? named) : self;
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      if (home.tag === self.tag) {
        const written = await this.homes.find(id);
        if (written.kind === 'lost') throw new GatewayError('session/unknown', { detail: 'its state was let go' });
        const actual = written.kind === 'at' ? written.place : named;
        if (actual.tag === self.tag) return this.#adopt(live, id, written.kind === 'at' ? written.remains : undefined);
        if (live.pass !== undefined) throw new GatewayError('http/misdirected');
        home = actual;
      }
      if ((await this.#pass(live, home)) === 'answered') return undefined;
      dead.push(home);
      const claimed = await this.homes.claim(id, dead, expiresAt);
      if (claimed.kind !== 'at')
        throw new GatewayError('session/unknown', { detail: 'the process that held it is gone' });
      if (claimed.place.tag === self.tag) return this.#adopt(live, id, claimed.remains);
      home = claimed.place;
    }
    throw new GatewayError('http/too_many', { detail: 'its session keeps moving', retryAfterSeconds: 1 });
  }

  async #pass({ request, response, body }: LiveRequest, home: Place): Promise<'answered' | 'gone'> {
    try {
      return await this.relay.relay(home, request, response, { body });
    } catch (error) {
      const replies =
        error instanceof GatewayError && error.code === 'call/lost' && body !== undefined
          ? lostCallReplies(body)
          : undefined;
      if (replies === undefined) throw error;
      writeJson(response, 200, replies);
      return 'answered';
    }
  }

  #adopt(live: LiveRequest, id: string, remains: string | undefined): ClientSession {
    const { principal, view, offer } = live.context;
    const session = this.sessions.adopt(id, principal, remains);
    if (session === undefined) throw new GatewayError('session/unknown');
    for (const serverId of session.subscriptions.servers()) {
      const server = view.content.byServerId.get(serverId);
      if (server === undefined) continue;
      this.sessions.watchAgain(session, server.entry, this.upstreams.resolveCredential(server.entry, offer));
    }
    return session;
  }
}
