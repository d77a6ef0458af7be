import { randomBytes } from 'node:crypto';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { GatewayError } from '../../core/errors/gateway-error.js';
import { NO_CAPABILITIES, type ClientCapabilities } from '../../core/model/client-capabilities.js';
import type { Limits } from '../../core/model/limits.js';
import type { Principal } from '../../core/model/principal.js';
import type { Secret } from '../../core/model/secret.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import { requestText } from '../../core/protocol/rpc-message.js';
import type { LegacyVersion } from '../../core/protocol/versions.js';
import { LIMITS } from '../../platform/config/tokens.js';
import { WORKER, type Worker } from '../../platform/config/worker.js';
import { Sealer } from '../../platform/crypto/sealer.js';
import { SEALING_SECRET } from '../../platform/database/sealing-secret.js';
import { TaskHandles } from './task-handles.js';
import { isSharedChild } from '../upstream/connection-key.js';
import { UpstreamPool } from '../upstream/upstream-pool.js';
import type { ResolvedCredential } from '../upstream/upstream.js';
import { ClientQuestions } from './client-questions.js';
import { ClientSession, type SessionStream } from './client-session.js';
import { ResumeBuffer } from './resume-buffer.js';
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
  /** Its live parts are in another worker process. */
  | { readonly kind: 'elsewhere'; readonly worker: number }
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
  /** Names this process in what its clients are asked. */
  readonly #tag = randomBytes(6).toString('base64url');
  readonly #sessions = new Map<string, ClientSession>();
  readonly #byPrincipal = new Map<string, Set<ClientSession>>();
  readonly #ended = new Map<string, number>();
  readonly #reaper: NodeJS.Timeout;
  #listChanged: ListChangedListener = () => undefined;

  constructor(
    @Inject(UpstreamPool) private readonly upstreams: UpstreamPool,
    @Inject(LIMITS) private readonly limits: Limits,
    @Inject(SEALING_SECRET) sealingSecret: Secret,
    @Inject(WORKER) private readonly worker: Worker,
  ) {
    this.tasks = new TaskHandles(sealingSecret);
    this.#ids = new SessionIds(new Sealer(sealingSecret, 'session-id'));
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
    const claims: SessionClaims = { issuedAt, version, worker: this.worker.index, capabilities };
    return this.#hold(this.#ids.issue(claims, principal.id), principal, claims);
  }

  /** What this id means for this principal; somebody else's id is unknown. Throws `http/too_many` like {@link create}. */
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
    if (this.#ended.has(id)) return { kind: 'unknown' };
    const claims = this.#ids.read(id, principal.id);
    if (claims === undefined || now >= claims.issuedAt + this.limits.sessionLifetimeMs) return { kind: 'unknown' };
    if (claims.worker !== this.worker.index && claims.worker < this.worker.count) {
      return { kind: 'elsewhere', worker: claims.worker };
    }
    this.#makeRoom(principal);
    return { kind: 'session', session: this.#hold(id, principal, claims) };
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

  /** Whether another session watches this resource by the same child process. */
  isWatchedBeside(session: ClientSession, entry: ServerEntry, uri: string): boolean {
    if (!isSharedChild(entry)) return false;
    for (const other of this.#sessions.values()) {
      if (other !== session && other.subscriptions.has(entry.id, uri)) return true;
    }
    return false;
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
    const questions = new ClientQuestions(this.#tag, {
      openMax: this.limits.questionsPerSessionMax,
      answerTimeoutMs: this.limits.clientAnswerTimeoutMs,
    });
    const resume = new ResumeBuffer(this.#tag, {
      charsMax: this.limits.resumeBytesMax,
      ageMs: this.limits.resumeMs,
    });
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
