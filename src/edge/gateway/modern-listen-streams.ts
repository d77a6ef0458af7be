import { Inject, Injectable } from '@nestjs/common';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { Limits } from '../../core/model/limits.js';
import { SessionStore } from '../../engine/session/session-store.js';
import { LIMITS } from '../../platform/config/tokens.js';
import type { ListenStream } from './modern-listen-stream.js';

/** Open `subscriptions/listen` streams of this process; they count against `limits.streams_per_key` with all others. */
@Injectable()
export class ListenStreams {
  readonly #byPrincipal = new Map<string, Set<ListenStream>>();

  constructor(
    @Inject(SessionStore) private readonly sessions: SessionStore,
    @Inject(LIMITS) private readonly limits: Limits,
  ) {}

  *all(): Iterable<ListenStream> {
    for (const streams of this.#byPrincipal.values()) yield* streams;
  }

  of(principalId: string): Iterable<ListenStream> {
    return this.#byPrincipal.get(principalId) ?? [];
  }

  /** Throws `http/too_many` when the principal has as many streams as it may. */
  requireRoom(principalId: string): void {
    let open = this.#byPrincipal.get(principalId)?.size ?? 0;
    for (const session of this.sessions.of(principalId)) open += session.streams.size;
    if (open < this.limits.streamsPerPrincipalMax) return;
    throw new GatewayError('http/too_many', {
      detail: `at most ${this.limits.streamsPerPrincipalMax} streams per key (limits.streams_per_key)`,
      retryAfterSeconds: 5,
    });
  }

  add(principalId: string, stream: ListenStream): void {
    const streams = this.#byPrincipal.get(principalId) ?? new Set();
    streams.add(stream);
    this.#byPrincipal.set(principalId, streams);
  }

  remove(principalId: string, stream: ListenStream): void {
    const streams = this.#byPrincipal.get(principalId);
    streams?.delete(stream);
    if (streams?.size === 0) this.#byPrincipal.delete(principalId);
  }

  /** Tells every listener that there is nothing more to come. */
  endAll(): void {
    for (const stream of [...this.all()]) stream.end();
  }
}
