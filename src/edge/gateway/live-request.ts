import type { IncomingMessage, ServerResponse } from 'node:http';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { AccessView } from '../../core/model/access-view.js';
import type { ClientSession } from '../../engine/session/client-session.js';
import type { Endpoint } from '../../state/identity/authenticator.js';
import type { Identity, IdentityHolder } from '../../state/identity/identity.js';
import type { RefusalReason } from '../../state/identity/refusal.js';
import type { CallerContext } from './caller-context.js';
import type { Pass } from './peer-pass.js';
import { endpointAt, endpointPath, type Route } from './route.js';

/** How long a client may go on sending a body that was answered already: long enough to notice the answer. */
const UNREAD_MS = 700;

/** Who decides what becomes of a request whose credential changes under it. */
export interface LiveRequestDoor {
  onRefused(live: LiveRequest, reason: RefusalReason): void;
  onChanged(live: LiveRequest): void;
  currentView(live: LiveRequest): AccessView | undefined;
}

/**
 * One request from its arrival until its answer is complete, streams included. Once admitted it holds on to the identity
 * it was admitted as: it ends when that is refused, and sees what the caller may see now, not what they might when it
 * began. Doors read {@link context} when they need it, after the body has come.
 */
export class LiveRequest implements IdentityHolder, Endpoint {
  /** Headers every answer carries (CORS, connection). */
  readonly headers: Record<string, string> = {};
  session: ClientSession | undefined;
  /** By which another process passed it here; undefined: it comes from a client. */
  pass: Pass | undefined;
  /** What was read of it already, if it was. */
  body: string | undefined;
  /** Names in the path. */
  names: readonly string[] | undefined;
  #context: CallerContext | undefined;
  #identity: Identity | undefined;
  /** Where the identity keeps it. */
  #slot = 0;
  #isRefused = false;
  #ifRefused: (() => void) | undefined;

  constructor(
    readonly route: Route,
    readonly query: string,
    readonly request: IncomingMessage,
    readonly response: ServerResponse,
    private readonly door: LiveRequestDoor,
  ) {}

  /** Whom it is served for, and what they may see. Throws `auth/required` once the credential is refused. */
  get context(): CallerContext {
    if (this.#isRefused) throw new GatewayError('auth/required');
    if (this.#context === undefined) throw new GatewayError('internal/bug', { detail: 'not admitted yet' });
    return this.#context;
  }

  set context(context: CallerContext) {
    this.#context = context;
  }

  /** Its credential is good for nothing any more. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  get identity(): Identity | undefined {
    return this.#identity;
  }

  readonly currentView = (): AccessView | undefined => this.door.currentView(this);

  /** False: the identity is out of date already, authenticate again. */
  hold(identity: Identity): boolean {
    const slot = identity.hold(this);
    if (slot === undefined) return false;
    this.#identity = identity;
    this.#slot = slot;
    return true;
  }

  /** The answer is complete, or will be when the stream closes. */
  settle(): void {
    const identity = this.#identity;
    if (identity === undefined) return;
    if (this.response.writableEnded || this.response.destroyed) identity.release(this.#slot);
    else this.response.once('close', () => identity.release(this.#slot));
  }

  isAudience(audience: string): boolean {
    const path = endpointPath(this.route);
    return path !== undefined && (path === audience || path === endpointAt(audience));
  }

  /** What goes on without its connection, and must end with the credential all the same. One at a time. */
  ifRefused(act: () => void): void {
    this.#ifRefused = act;
  }

  onRefused(reason: RefusalReason): void {
    this.#isRefused = true;
    this.door.onRefused(this, reason);
    this.#ifRefused?.();
    const { request } = this;
    if (request.complete) return;
    // Node does not tell who reads a body that its request was answered: whoever waits for the rest would do so for ever.
    setTimeout(() => {
      if (!request.complete) request.destroy();
    }, UNREAD_MS).unref();
  }

  onChanged(): void {
    if (this.#context !== undefined) this.door.onChanged(this);
  }
}
