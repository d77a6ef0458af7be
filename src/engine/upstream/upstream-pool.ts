import { once } from 'node:events';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { ClientOffer } from '../../core/model/client-offer.js';
import type { Limits } from '../../core/model/limits.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import { notificationText, type RpcMessage } from '../../core/protocol/rpc-message.js';
import type { StdioSettings } from '../../platform/config/settings.js';
import { LIMITS, STDIO_SETTINGS } from '../../platform/config/tokens.js';
import { HttpClient } from '../../platform/http/http-client.js';
import { HttpFailure } from '../../platform/http/http-failure.js';
import { LOGGER } from '../../platform/telemetry/logger.token.js';
import { awaitOpening } from './await-opening.js';
import type { CircuitTiming } from './circuit.js';
import { resolveCredential } from './credential/resolve-credential.js';
import { OwnerIndex } from './owner-index.js';
import { PooledConnection } from './pooled-connection.js';
import { ServerSlot } from './server-slot.js';
import { UpstreamOpener } from './upstream-opener.js';
import { upstreamError } from './upstream-error.js';
import type {
  ResolvedCredential,
  UpstreamInfo,
  UpstreamOwner,
  UpstreamRequest,
  Upstreams,
  UpstreamStatus,
} from './upstream.js';

/** What the pool holds, for metrics. */
export interface UpstreamGauges {
  /** Sessions with upstreams, stdio children included. */
  readonly connections: number;
  readonly stdioChildren: number;
  /** Calls that run or wait for a session. */
  readonly inFlight: number;
  readonly openCircuits: number;
}

const CONNECTIONS_MAX = 10_000;
const CONNECTIONS_PER_SERVER_MAX = 2_000;
/** An upstream that kept no session is asked again after this. */
const STATELESS_MS = 600_000;
/** A server nobody asked for this long, and that has no connection, is forgotten. */
const SLOT_IDLE_MS = 3_600_000;
/** A caller that gave up after this long of silence counts as a slow call. */
const SILENCE_MS = 5_000;
/** A session that was opened while its server went away lives on for those who waited for it. */
const STRAGGLER_MS = 1_000;
const SWEEP_MS_MIN = 100;
const SWEEP_MS_MAX = 10_000;
const CLOSE_MS_MAX = 8_000;

/**
 * Sessions with upstreams, kept, shared where that is allowed and bounded in number (contract §5): one per owner and
 * credential where the upstream keeps state, one for all with the same credential where it does not, and one stdio child
 * for all with the same environment unless the server asks for isolation.
 */
@Injectable()
export class UpstreamPool implements Upstreams, OnApplicationShutdown {
  readonly #slots = new Map<string, ServerSlot>();
  readonly #slotOf = new WeakMap<ServerEntry, ServerSlot>();
  readonly #owners = new OwnerIndex();
  readonly #closing = new Set<Promise<void>>();
  readonly #timing: CircuitTiming;
  readonly #sweepTimer: NodeJS.Timeout;
  #requestId = 0;
  #connections = 0;
  #children = 0;
  #inFlight = 0;
  #isClosed = false;

  constructor(
    @Inject(LIMITS) private readonly limits: Limits,
    @Inject(STDIO_SETTINGS) private readonly stdio: StdioSettings,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(HttpClient) private readonly client: HttpClient,
    @Inject(UpstreamOpener) private readonly opener: UpstreamOpener,
  ) {
    this.#timing = { now: () => client.sweep.now, random: Math.random };
    const sweepMs = Math.min(limits.sessionIdleTimeoutMs, stdio.idleMs) / 4;
    this.#sweepTimer = setInterval(
      () => this.#sweep(),
      Math.min(Math.max(sweepMs, SWEEP_MS_MIN), SWEEP_MS_MAX),
    ).unref();
  }

  nextRequestId(): number {
    return (this.#requestId += 1);
  }

  resolveCredential(entry: ServerEntry, offer: ClientOffer): ResolvedCredential {
    return resolveCredential(entry, offer);
  }

  async request(
    entry: ServerEntry,
    credential: ResolvedCredential,
    owner: UpstreamOwner,
    request: UpstreamRequest,
  ): Promise<RpcMessage> {
    const slot = this.#slot(entry);
    if (slot.inFlight >= this.limits.callsPerUpstreamMax) {
      throw upstreamError('upstream/busy', entry, 'too many calls run at the same time', undefined, 1);
    }
    const isProbe = this.#admit(slot);
    slot.inFlight += 1;
    this.#inFlight += 1;
    try {
      return await this.#call(slot, credential, owner, request);
    } finally {
      slot.inFlight -= 1;
      this.#inFlight -= 1;
      if (isProbe) slot.circuit.release();
    }
  }

  notify(entry: ServerEntry, owner: UpstreamOwner, method: string, params: string | undefined): void {
    const text = notificationText(method, params);
    for (const pooled of this.#owners.get(owner.key)?.pooled ?? []) {
      if (pooled.entry.fingerprint === entry.fingerprint) pooled.connection.send(text, pooled.headers);
    }
  }

  async info(entry: ServerEntry, credential: ResolvedCredential, owner: UpstreamOwner): Promise<UpstreamInfo> {
    const slot = this.#slot(entry);
    const known = slot.info(credential.identity);
    if (known !== undefined) return known;
    const isProbe = this.#admit(slot);
    try {
      const pooled = await this.#connection(slot, credential, owner);
      return pooled.connection.info;
    } finally {
      if (isProbe) slot.circuit.release();
    }
  }

  knownInfo(entry: ServerEntry, credential: ResolvedCredential): UpstreamInfo | undefined {
    return this.#slot(entry).info(credential.identity);
  }

  connectedServers(ownerKey: string): readonly ServerEntry[] {
    const entries = new Set<ServerEntry>();
    for (const { connection, entry } of this.#owners.get(ownerKey)?.pooled ?? []) {
      if (!connection.closed) entries.add(entry);
    }
    return [...entries];
  }

  setListening(owner: UpstreamOwner, listening: boolean): void {
    const record = this.#owners.setListening(owner, listening);
    for (const pooled of record?.pooled ?? []) this.#updateListening(pooled);
  }

  releaseOwner(ownerKey: string): void {
    for (const pooled of this.#owners.remove(ownerKey)?.pooled ?? []) {
      if (!pooled.isShared) {
        this.#retire(pooled, 'now');
        continue;
      }
      pooled.detach(ownerKey);
      this.#updateListening(pooled);
    }
  }

  drop(entry: ServerEntry): void {
    const slot = this.#slots.get(slotKey(entry));
    if (slot === undefined) return;
    this.#forget(slot);
    for (const pooled of [...slot.connections()]) this.#retire(pooled, 'when idle');
  }

  status(entry: ServerEntry): UpstreamStatus {
    return this.#slot(entry).status;
  }

  gauges(): UpstreamGauges {
    let openCircuits = 0;
    for (const { circuit } of this.#slots.values()) if (circuit.state === 'open') openCircuits += 1;
    return {
      connections: this.#connections,
      stdioChildren: this.#children,
      inFlight: this.#inFlight,
      openCircuits,
    };
  }

  /** Ends all sessions politely, but not for ever, then what is left. */
  async onApplicationShutdown(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#sweepTimer);
    for (const slot of this.#slots.values()) {
      for (const pooled of [...slot.connections()]) this.#retire(pooled, 'now');
    }
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), CLOSE_MS_MAX);
    await Promise.race([this.#allClosed(), once(late.signal, 'abort')]);
    clearTimeout(timer);
    await this.client.close();
  }

  async #allClosed(): Promise<void> {
    // A session that was being opened is closed as soon as it is there.
    const opening = [...this.#slots.values()].flatMap((slot) => [...slot.opening.values()]);
    await Promise.allSettled(opening);
    await Promise.allSettled(this.#closing);
  }

  #slot(entry: ServerEntry): ServerSlot {
    const known = this.#slotOf.get(entry);
    if (known !== undefined && !known.isDropped) return known;
    const key = slotKey(entry);
    let slot = this.#slots.get(key);
    if (slot === undefined) {
      slot = new ServerSlot(entry, this.#timing);
      this.#slots.set(key, slot);
    }
    slot.entry = entry;
    this.#slotOf.set(entry, slot);
    return slot;
  }

  /** True for the caller that finds out whether a failing server is back. Throws `upstream/circuit_open`. */
  #admit(slot: ServerSlot): boolean {
    const admission = slot.circuit.admit();
    if (admission === 'refused') {
      const seconds = Math.ceil(slot.circuit.opensInMs / 1_000);
      throw upstreamError(
        'upstream/circuit_open',
        slot.entry,
        slot.lastError ?? 'it fails',
        undefined,
        Math.max(seconds, 1),
      );
    }
    return admission === 'probe';
  }

  async #call(
    slot: ServerSlot,
    credential: ResolvedCredential,
    owner: UpstreamOwner,
    request: UpstreamRequest,
  ): Promise<RpcMessage> {
    // A server that was restarted loses both, the sockets first. Undefined until something broke.
    let repaired: Set<Damage> | undefined;
    for (;;) {
      const now = this.client.sweep.now;
      slot.lastUsedAt = now;
      const pooled =
        slot.find(owner.key, credential.identity, now) ??
        (await awaitOpening(this.#connection(slot, credential, owner), slot.entry, request));
      if (pooled.isShared) this.#share(pooled, owner);
      pooled.lastUsedAt = now;
      try {
        const reply = await pooled.run(request, credential, owner);
        slot.noteSuccess();
        return reply;
      } catch (error) {
        this.#judge(slot, pooled, request, error, now);
        const damage = damageOf(error);
        if (!request.repeatable || damage === undefined || repaired?.has(damage) === true) throw error;
        repaired = (repaired ?? new Set()).add(damage);
      } finally {
        pooled.lastUsedAt = this.client.sweep.now;
        if (pooled.isRetired && pooled.inFlight === 0) this.#close(pooled);
      }
    }
  }

  /** What the failure of a call says about the server. */
  #judge(slot: ServerSlot, pooled: PooledConnection, request: UpstreamRequest, error: unknown, since: number): void {
    if (!(error instanceof GatewayError)) return;
    switch (error.code) {
      case 'upstream/unreachable':
      case 'upstream/refused_address':
        // It is not the server's failure when we ended the session.
        if (pooled.isRetired) return;
        this.#fail(slot, 'hard', error);
        return;
      case 'upstream/timeout':
        this.#fail(slot, 'soft', error);
        return;
      case 'call/cancelled':
        // Whoever lists gives up at a deadline of their own, which must not hide that the server hangs.
        if (request.control?.reason === 'abandoned' && this.client.sweep.now - since >= this.#silenceMs(request)) {
          this.#fail(slot, 'soft', upstreamError('upstream/timeout', slot.entry, 'no answer'));
        }
        return;
      case 'upstream/session_lost':
        // A child that died has been counted when it was found dead.
        if (pooled.kind !== 'stdio') slot.noteSuccess();
        return;
      default:
        // It answered, if not as it should.
        slot.circuit.succeed();
        slot.noteFailure(error.publicMessage);
    }
  }

  #silenceMs(request: UpstreamRequest): number {
    return Math.min(SILENCE_MS, 0.8 * (request.idleTimeoutMs ?? SILENCE_MS));
  }

  #fail(slot: ServerSlot, weight: 'hard' | 'soft', error: GatewayError): void {
    const isOpen = slot.circuit.fail(weight);
    slot.noteFailure(reasonOf(error));
    if (isOpen) {
      const forMs = Math.round(slot.circuit.opensInMs);
      this.logger.warn(
        { server: slot.entry.name, reason: reasonOf(error), forMs },
        'server is failing: not asked for now',
      );
    }
  }

  /** The connection for this owner and credential: opened by the first who needs it, awaited by the others. */
  #connection(slot: ServerSlot, credential: ResolvedCredential, owner: UpstreamOwner): Promise<PooledConnection> {
    if (this.#isClosed) return Promise.reject(new GatewayError('http/draining'));
    const known = slot.find(owner.key, credential.identity, this.client.sweep.now);
    if (known !== undefined) return Promise.resolve(known);
    const key = isSharedChild(slot.entry) ? credential.identity : `${owner.key}\n${credential.identity}`;
    const opening = slot.opening.get(key);
    if (opening !== undefined) return opening;
    const started = this.#open(slot, credential, owner).finally(() => slot.opening.delete(key));
    slot.opening.set(key, started);
    return started;
  }

  async #open(slot: ServerSlot, credential: ResolvedCredential, owner: UpstreamOwner): Promise<PooledConnection> {
    const { entry } = slot;
    const isChild = entry.endpoint.kind === 'stdio';
    this.#makeRoom(slot, isChild);
    // Counted while it is being opened, so that the bounds hold.
    this.#count(isChild, 1);
    let pooled: PooledConnection | undefined;
    try {
      const { kind, connection } = await this.opener.open(
        {
          entry,
          credential,
          limits: this.limits,
          nextRequestId: () => this.nextRequestId(),
          onNotification: (message) => pooled?.route(message),
          onClose: (reason) => pooled !== undefined && this.#lose(pooled, reason),
        },
        slot.transport,
      );
      const isOwned = kind === 'stdio' ? !isSharedChild(entry) : connection.stateful;
      const now = this.client.sweep.now;
      const expiresAt = connection.stateful ? Number.POSITIVE_INFINITY : now + STATELESS_MS;
      pooled = new PooledConnection(slot, kind, connection, credential, isOwned ? owner : undefined, now, expiresAt);
      slot.circuit.reach();
    } catch (error) {
      this.#count(isChild, -1);
      throw this.#openingFailed(slot, error);
    }
    this.#install(slot, pooled);
    return pooled;
  }

  #install(slot: ServerSlot, pooled: PooledConnection): void {
    const replaced = slot.add(pooled);
    if (replaced !== undefined) this.#retire(replaced, 'when idle');
    if (pooled.owner !== undefined) {
      this.#owners.link(pooled.owner, pooled);
      this.#updateListening(pooled);
      pooled.owner.onConnect?.(pooled.entry, pooled.credential);
    }
    if (this.#isClosed) this.#retire(pooled, 'now');
    else if (pooled.connection.closed) this.#lose(pooled, 'closed while it was opened');
    else if (slot.isDropped) {
      // Whoever waits for it may still make the one call.
      this.#remove(pooled);
      setTimeout(() => this.#retire(pooled, 'when idle'), STRAGGLER_MS).unref();
    }
  }

  #openingFailed(slot: ServerSlot, error: unknown): unknown {
    if (!(error instanceof GatewayError)) return error;
    // A refused credential says that somebody is there.
    if (error.code === 'upstream/unauthorized' || error.code === 'upstream/busy') {
      slot.circuit.succeed();
      slot.noteFailure(reasonOf(error));
    } else this.#fail(slot, 'hard', error);
    return error;
  }

  /** Ends the connection used longest ago where a bound is reached. Throws `upstream/busy` if all of them are in use. */
  #makeRoom(slot: ServerSlot, isChild: boolean): void {
    if (isChild && this.#children >= this.stdio.maxChildren) {
      this.#endOldest(
        (pooled) => pooled.kind === 'stdio',
        slot,
        `all ${this.stdio.maxChildren} child processes are in use`,
      );
    }
    if (slot.size + slot.opening.size >= CONNECTIONS_PER_SERVER_MAX) {
      this.#endOldest((pooled) => pooled.slot === slot, slot, 'too many sessions with it');
    }
    if (this.#connections >= CONNECTIONS_MAX) this.#endOldest(() => true, slot, 'too many sessions with servers');
  }

  #endOldest(isMeant: (pooled: PooledConnection) => boolean, slot: ServerSlot, reason: string): void {
    let oldest: PooledConnection | undefined;
    for (const each of this.#slots.values()) {
      for (const pooled of each.connections()) {
        if (pooled.inFlight > 0 || !isMeant(pooled)) continue;
        if (oldest === undefined || pooled.lastUsedAt < oldest.lastUsedAt) oldest = pooled;
      }
    }
    if (oldest === undefined) throw upstreamError('upstream/busy', slot.entry, reason, undefined, 1);
    this.#retire(oldest, 'now');
  }

  /** Who shares a connection hears what is said to nobody: all users of a child, listening users of an upstream. */
  #share(pooled: PooledConnection, owner: UpstreamOwner): void {
    if (pooled.kind !== 'stdio' && !this.#owners.isListening(owner.key)) return;
    if (pooled.hasUser(owner.key)) return;
    const evicted = pooled.attach(owner);
    if (evicted !== undefined) this.#owners.unlinkOne(evicted, pooled);
    this.#owners.link(owner, pooled);
    this.#updateListening(pooled);
    owner.onConnect?.(pooled.entry, pooled.credential);
  }

  #updateListening(pooled: PooledConnection): void {
    if (pooled.isRetired) return;
    pooled.connection.setListening(this.#isListenedTo(pooled));
  }

  #isListenedTo(pooled: PooledConnection): boolean {
    if (pooled.owner !== undefined) return this.#owners.isListening(pooled.owner.key);
    for (const key of pooled.userKeys()) if (this.#owners.isListening(key)) return true;
    return false;
  }

  /** The upstream, or the way to it, ended the session. */
  #lose(pooled: PooledConnection, reason: string): void {
    if (pooled.isRetired) return;
    const owners = [...pooled.owners()];
    this.#remove(pooled);
    for (const owner of owners) owner.onDisconnect?.(pooled.entry);
    const { slot } = pooled;
    this.logger.debug({ server: slot.entry.name, reason }, 'session with a server is over');
    if (pooled.kind === 'stdio') this.#fail(slot, 'hard', upstreamError('upstream/unreachable', slot.entry, reason));
  }

  /** Takes a connection out of the pool; it ends at once, or when its last call has. */
  #retire(pooled: PooledConnection, when: 'now' | 'when idle'): void {
    if (!pooled.isRetired) this.#remove(pooled);
    if (when === 'now' || pooled.inFlight === 0) this.#close(pooled);
    else pooled.connection.setListening(false);
  }

  #remove(pooled: PooledConnection): void {
    pooled.isRetired = true;
    pooled.slot.remove(pooled);
    this.#owners.unlink(pooled);
    this.#count(pooled.kind === 'stdio', -1);
  }

  #close(pooled: PooledConnection): void {
    const closed = pooled.connection.close().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }

  #count(isChild: boolean, change: 1 | -1): void {
    this.#connections += change;
    if (isChild) this.#children += change;
  }

  #forget(slot: ServerSlot): void {
    slot.isDropped = true;
    this.#slots.delete(slotKey(slot.entry));
  }

  #sweep(): void {
    const now = this.client.sweep.now;
    for (const slot of this.#slots.values()) {
      for (const pooled of [...slot.connections()]) {
        if (!pooled.isUsable(now) || this.#isIdle(pooled, now)) this.#retire(pooled, 'when idle');
      }
      const isQuiet = slot.size === 0 && slot.opening.size === 0 && slot.inFlight === 0;
      if (isQuiet && slot.circuit.isSpotless && now - slot.lastUsedAt > SLOT_IDLE_MS) this.#forget(slot);
    }
  }

  /** A child ends when nobody calls it; a session that somebody listens to is in use. */
  #isIdle(pooled: PooledConnection, now: number): boolean {
    if (pooled.inFlight > 0) return false;
    const idleMs = now - pooled.lastUsedAt;
    if (pooled.kind === 'stdio') return idleMs > this.stdio.idleMs;
    return idleMs > this.limits.sessionIdleTimeoutMs && !this.#isListenedTo(pooled);
  }
}

function slotKey(entry: ServerEntry): string {
  return `${entry.id}\n${entry.fingerprint}`;
}

function isSharedChild({ endpoint }: ServerEntry): boolean {
  return endpoint.kind === 'stdio' && endpoint.isolation === 'server';
}

type Damage = 'session' | 'socket';

/** What a second attempt, on a new session or socket, would do without. Each is repaired once. */
function damageOf(error: unknown): Damage | undefined {
  if (!(error instanceof GatewayError)) return undefined;
  if (error.code === 'upstream/session_lost') return 'session';
  const { cause } = error;
  return cause instanceof HttpFailure && cause.reason === 'connection_lost' && !cause.responded ? 'socket' : undefined;
}

function reasonOf(error: GatewayError): string {
  const reason = error.data?.['reason'];
  return typeof reason === 'string' ? reason : error.publicMessage;
}
