import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { GatewayError } from '../../core/errors/gateway-error.js';
import { NO_CAPABILITIES, type ClientCapabilities } from '../../core/model/client-capabilities.js';
import type { Limits } from '../../core/model/limits.js';
import type { Place } from '../../core/model/place.js';
import type { Principal } from '../../core/model/principal.js';
import type { Secret } from '../../core/model/secret.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import { requestText } from '../../core/protocol/rpc-message.js';
import type { LegacyVersion } from '../../core/protocol/versions.js';
import { LIMITS } from '../../platform/config/tokens.js';
import { WORKER, type Worker } from '../../platform/config/worker.js';
import { Sealer } from '../../platform/crypto/sealer.js';
import { SEALING_SECRET } from '../../platform/database/sealing-secret.js';
import { StateHomes } from '../../state/replica/state-homes.js';
import { TaskHandles } from './task-handles.js';
import { isSharedChild } from '../upstream/connection-key.js';
import { UpstreamPool } from '../upstream/upstream-pool.js';
import type { ResolvedCredential, UpstreamOwner } from '../upstream/upstream.js';
import { ClientQuestions } from './client-questions.js';
import { ClientSession, type SessionStream } from './client-session.js';
import { ResumeBudget } from './resume-budget.js';
import { ResumeBuffer } from './resume-buffer.js';
import { restoreRemains, writeRemains } from './session-remains.js';
import { SessionIds, type SessionClaims } from './session-id.js';

/** How often idle sessions are looked for. */
const REAP_INTERVAL_MS = 30_000;
/** Ended sessions remembered until their ids expire by themselves; the oldest go first. */
const ENDED_MAX = 50_000;

/** A restarting server gets so long before it is asked again for the sake of what is watched there. */
const RECONNECT_MS = 500;
const RECONNECTS_MAX = 7;

/** What a session id means here. */
export type FoundSession =
  | { readonly kind: 'session'; readonly session: ClientSession }
  /** Not in memory: its live parts are, or were, at this place. */
  | { readonly kind: 'away'; readonly place: Place; readonly expiresAt: number }
  | { readonly kind: 'unknown' };

type ListChangedListener = (entry: ServerEntry, method: unknown) => void;

/**
 * Client sessions of this process. Ids are sealed, so a session that is not in memory is made again when its id comes;
 * what is held is bounded per principal and let go when idle.
 */
@Injectable()
export class SessionStore implements OnApplicationShutdown {
  /** Names of upstream tasks for clients. */
  readonly tasks: TaskHandles;
  readonly #ids: SessionIds;
  readonly #sessions = new Map<string, ClientSession>();
  readonly #byPrincipal = new Map<string, Set<ClientSession>>();
  readonly #resumeBudget: ResumeBudget;
  readonly #ended = new Map<string, number>();
  readonly #reaper: NodeJS.Timeout;
  #listChanged: ListChangedListener = () => undefined;

  constructor(
    @Inject(UpstreamPool) private readonly upstreams: UpstreamPool,
    @Inject(LIMITS) private readonly limits: Limits,
    @Inject(SEALING_SECRET) sealingSecret: Secret,
    @Inject(WORKER) private readonly worker: Worker,
    @Inject(StateHomes) private readonly homes: StateHomes,
  ) {
    this.tasks = new TaskHandles(sealingSecret);
    this.#resumeBudget = new ResumeBudget(limits.resumeBytesTotalMax);
    this.#ids = new SessionIds(new Sealer(sealingSecret, 'session-id'));
    homes.onTaken((isTaken) => {
      for (const session of this.#sessions.values()) if (isTaken(session.id)) this.#release(session);
    });
    this.#reaper = setInterval(() => this.#reap(), REAP_INTERVAL_MS).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.#reaper);
  }

  /** Told when an upstream says on a client's session that a list changed. One listener: the door. */
  onListChanged(listener: ListChangedListener): void {
    this.#listChanged = listener;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Characters kept for clients that come back, of all sessions. */
  get resumeChars(): number {
    return this.#resumeBudget.chars;
  }

  get streamCount(): number {
    let count = 0;
    for (const session of this.#sessions.values()) count += session.streams.size;
    return count;
  }

  all(): Iterable<ClientSession> {
    return this.#sessions.values();
  }

  /** The sessions of one principal. */
  of(principalId: string): Iterable<ClientSession> {
    return this.#byPrincipal.get(principalId) ?? [];
  }

  /** A new session. Throws `http/too_many` when every session this principal may have is live. */
  create(
    principal: Principal,
    version: LegacyVersion,
    capabilities: ClientCapabilities = NO_CAPABILITIES,
  ): ClientSession {
    this.#makeRoom(principal);
    const issuedAt = Date.now();
    const claims: SessionClaims = { issuedAt, version, place: this.worker.place, capabilities };
    return this.#hold(this.#ids.issue(claims, principal.id), principal, claims);
  }

  /** What this id means for this principal; somebody else's id is unknown. */
  find(id: string, principal: Principal): FoundSession {
    const now = Date.now();
    const held = this.#sessions.get(id);
    if (held !== undefined) {
      if (held.principalId !== principal.id) return { kind: 'unknown' };
      if (now >= held.expiresAt) {
        this.end(held);
        return { kind: 'unknown' };
      }
      held.lastUsedAt = now;
      return { kind: 'session', session: held };
    }
    const claims = this.#claimsOf(id, principal, now);
    if (claims === undefined) return { kind: 'unknown' };
    return { kind: 'away', place: claims.place, expiresAt: claims.issuedAt + this.limits.sessionLifetimeMs };
  }

  /**
   * Goes on here with a session that is not in memory, made from its id and what `remains` of it; the caller has made sure
   * that no other process does. Undefined when the id means nothing. Throws `http/too_many` like {@link create}.
   */
  adopt(id: string, principal: Principal, remains: string | undefined): ClientSession | undefined {
    const held = this.#sessions.get(id);
    if (held !== undefined) return held.principalId === principal.id ? held : undefined;
    const claims = this.#claimsOf(id, principal, Date.now());
    if (claims === undefined) return undefined;
    this.#makeRoom(principal);
    const session = this.#hold(id, principal, claims);
    if (remains !== undefined) restoreRemains(session, remains);
    return session;
  }

  /** Resources of this server that an adopted session watches are watched again; what may have been missed is told. */
  watchAgain(session: ClientSession, entry: ServerEntry, credential: ResolvedCredential): void {
    session.rememberCredential(entry, credential);
    this.#subscribeAgain(session, entry, credential);
    for (const [serverId, , publicUri] of session.subscriptions.all()) {
      if (serverId === entry.id) session.tellUpdated(entry, publicUri);
    }
  }

  /** Lets other processes know what it takes to go on with the session there. Resolves when they do; never rejects. */
  keep(session: ClientSession): Promise<void> {
    const { id, isBound, expiresAt } = session;
    return this.homes.keep(id, { isBound, remains: writeRemains(session), expiresAt });
  }

  /**
   * The session has state from now on that no other process could make again: when this one is gone, the client is told to
   * start anew. Resolves when that is known to all; undefined when it is already.
   */
  bind(session: ClientSession): Promise<void> | undefined {
    if (session.isBound) return undefined;
    session.isBound = true;
    return this.keep(session);
  }

  /** Where the child is that a server starts for this owner alone, and the name under which others know of it. */
  async homeOfChild(owner: UpstreamOwner, entry: ServerEntry): Promise<{ stateId: string; place: Place }> {
    const stateId = `child ${entry.fingerprint} ${owner.key}`;
    return { stateId, place: await this.homes.settle(stateId) };
  }

  /** Whether this is the process to serve it. */
  isHere({ tag }: Place): boolean {
    return tag === this.worker.place.tag;
  }

  /** Ends a session for good: streams, calls, upstream sessions; its id is unknown from now on. */
  end(session: ClientSession): void {
    if (this.#ended.size >= ENDED_MAX) {
      for (const oldest of this.#ended.keys()) {
        this.#ended.delete(oldest);
        break;
      }
    }
    this.#ended.set(session.id, session.expiresAt);
    this.#release(session);
    // One that was begun elsewhere must stay known, or somebody else might go on with it.
    const isWritten = session.isBound || writeRemains(session) !== undefined;
    if (isWritten && this.#ids.read(session.id, session.principalId)?.place.tag === this.worker.place.tag) {
      void this.homes.forget(session.id);
    }
  }

  #claimsOf(id: string, principal: Principal, now: number): SessionClaims | undefined {
    if (this.#ended.has(id)) return undefined;
    const claims = this.#ids.read(id, principal.id);
    return claims === undefined || now >= claims.issuedAt + this.limits.sessionLifetimeMs ? undefined : claims;
  }

  /** Throws `http/too_many` when the principal has `limits.streamsPerPrincipalMax` streams already. */
  requireStreamRoom(session: ClientSession): void {
    let open = 0;
    for (const sibling of this.#byPrincipal.get(session.principalId) ?? []) open += sibling.streams.size;
    if (open >= this.limits.streamsPerPrincipalMax) {
      throw new GatewayError('http/too_many', {
        detail: `at most ${this.limits.streamsPerPrincipalMax} streams per key (limits.streams_per_key)`,
        retryAfterSeconds: 5,
      });
    }
  }

  /** Attaches a stream; there must be room. */
  openStream(session: ClientSession, stream: SessionStream): void {
    session.addStream(stream);
    if (session.streams.size === 1) this.upstreams.setListening(session, true);
  }

  closeStream(session: ClientSession, stream: SessionStream): void {
    session.removeStream(stream);
    session.lastUsedAt = Date.now();
    if (session.streams.size === 0) this.upstreams.setListening(session, false);
  }

  /**
   * Passes the session's log level on to a server that can log. A child that others share is not told: the session
   * filters by itself, and one caller's wish must not change what the others hear.
   */
  sendLogLevel(session: ClientSession, entry: ServerEntry, credential: ResolvedCredential): void {
    if (session.logLevel === undefined || isSharedChild(entry)) return;
    if (this.upstreams.knownInfo(entry, credential)?.capabilities['logging'] === undefined) return;
    const id = this.upstreams.nextRequestId();
    const method = 'logging/setLevel';
    const text = requestText(id, method, JSON.stringify({ level: session.logLevel }));
    this.upstreams.request(entry, credential, session, { id, method, text, repeatable: true }).catch(() => {
      // The session filters by itself; an upstream that cannot be told only sends more than is shown.
    });
  }

  /** An upstream session that was opened again knows nothing of what the client watches. */
  #subscribeAgain(session: ClientSession, entry: ServerEntry, credential: ResolvedCredential): void {
    const method = 'resources/subscribe';
    for (const uri of session.subscriptions.of(entry.id)) {
      const id = this.upstreams.nextRequestId();
      const text = requestText(id, method, JSON.stringify({ uri }));
      this.upstreams.request(entry, credential, session, { id, method, text, repeatable: true }).catch(() => {
        // The next session with this server tries again.
      });
    }
  }

  /** Nobody may call a server for hours whose resources are watched: its session is opened again for their sake. */
  #reconnectLater(session: ClientSession, entry: ServerEntry, credential: ResolvedCredential, attempt = 0): void {
    setTimeout(
      () => {
        if (this.#sessions.get(session.id) !== session || session.streams.size === 0) return;
        const id = this.upstreams.nextRequestId();
        const request = { id, method: 'ping', text: requestText(id, 'ping', undefined), repeatable: true };
        this.upstreams.request(entry, credential, session, request).catch(() => {
          // It is away: asked again for a while, then the next call finds it, and subscribes again.
          if (attempt < RECONNECTS_MAX) this.#reconnectLater(session, entry, credential, attempt + 1);
        });
      },
      RECONNECT_MS * 2 ** attempt,
    ).unref();
  }

  #hold(id: string, principal: Principal, claims: SessionClaims): ClientSession {
    const expiresAt = claims.issuedAt + this.limits.sessionLifetimeMs;
    const questions = new ClientQuestions(this.worker.place.tag, {
      openMax: this.limits.questionsPerSessionMax,
      answerTimeoutMs: this.limits.clientAnswerTimeoutMs,
    });
    const bounds = { charsMax: this.limits.resumeBytesMax, ageMs: this.limits.resumeMs };
    const resume = new ResumeBuffer(this.worker.place.tag, bounds, this.#resumeBudget);
    const { tasks } = this;
    const session = new ClientSession(
      id,
      principal.id,
      claims.version,
      expiresAt,
      Date.now(),
      questions,
      resume,
      tasks,
      {
        onListChanged: (entry, method) => this.#listChanged(entry, method),
        onConnectWithLogLevel: (owner, entry, credential) => this.sendLogLevel(owner, entry, credential),
        onConnectWithSubscriptions: (owner, entry, credential) => this.#subscribeAgain(owner, entry, credential),
        onDisconnectWithSubscriptions: (owner, entry, credential) => this.#reconnectLater(owner, entry, credential),
      },
    );
    session.declare(claims.capabilities);
    this.#sessions.set(id, session);
    let siblings = this.#byPrincipal.get(principal.id);
    if (siblings === undefined) {
      siblings = new Set();
      this.#byPrincipal.set(principal.id, siblings);
    }
    siblings.add(session);
    return session;
  }

  /** Lets the longest unused idle session of the principal go; its id stays good and its memory comes back with it. */
  #makeRoom(principal: Principal): void {
    const siblings = this.#byPrincipal.get(principal.id);
    if (siblings === undefined || siblings.size < this.limits.sessionsPerPrincipalMax) return;
    let oldest: ClientSession | undefined;
    for (const session of siblings) {
      if (session.isIdle && (oldest === undefined || session.lastUsedAt < oldest.lastUsedAt)) oldest = session;
    }
    if (oldest === undefined) {
      throw new GatewayError('http/too_many', {
        detail: `at most ${this.limits.sessionsPerPrincipalMax} live sessions per key (limits.sessions_per_key)`,
        retryAfterSeconds: 5,
      });
    }
    this.#release(oldest);
  }

  #release(session: ClientSession): void {
    this.#sessions.delete(session.id);
    const siblings = this.#byPrincipal.get(session.principalId);
    siblings?.delete(session);
    if (siblings?.size === 0) this.#byPrincipal.delete(session.principalId);
    for (const control of session.calls.values()) control.abandon();
    session.questions.end();
    session.resume.end();
    for (const stream of session.streams) stream.end();
    this.upstreams.setListening(session, false);
    this.upstreams.releaseOwner(session.key);
  }

  #reap(): void {
    const now = Date.now();
    for (const session of this.#sessions.values()) {
      session.resume.sweep(now);
      const idle = session.isIdle && now - session.lastUsedAt > this.limits.sessionIdleTimeoutMs;
      if (idle || now >= session.expiresAt) this.#release(session);
    }
    for (const [id, expiresAt] of this.#ended) if (now >= expiresAt) this.#ended.delete(id);
  }
}
