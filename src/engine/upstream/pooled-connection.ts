import type { ServerEntry } from '../../core/model/server-entry.js';
import type { RpcMessage } from '../../core/protocol/rpc-message.js';
import type { ClientInteraction } from './client-interaction.js';
import type { UpstreamConnection } from './connection.js';
import type { ServerSlot } from './server-slot.js';
import type { ResolvedCredential, UpstreamOwner } from './upstream.js';

export type TransportKind = 'http' | 'sse' | 'stdio';

/** One of those who share a connection, and how many of its requests run there. */
export interface ConnectionUser {
  readonly owner: UpstreamOwner;
  running: number;
}

/** Users remembered of one shared connection; the one that came first goes first. */
const USERS_MAX = 10_000;

/**
 * A connection in the pool: whose it is, who uses it, since when it idles. It belongs to one owner, or is shared by all
 * who use the same credential (a stateless upstream, a stdio child).
 */
export class PooledConnection {
  inFlight = 0;
  lastUsedAt: number;
  /** Taken out of the pool: ends when nothing runs on it any more. */
  isRetired = false;
  /** Headers of whoever used it last; for messages that are nobody's call. */
  headers: Readonly<Record<string, string>>;
  readonly #users = new Map<string, ConnectionUser>();

  constructor(
    readonly slot: ServerSlot,
    readonly kind: TransportKind,
    readonly connection: UpstreamConnection,
    /** What those who go over it have in common (`connectionKey`). */
    readonly key: string,
    /** Whose credential it was opened with; the same identity for all who use it. */
    readonly credential: ResolvedCredential,
    /** Undefined: shared. */
    readonly owner: UpstreamOwner | undefined,
    now: number,
    /** When the upstream is asked again whether it keeps sessions; on the clock of `now`. */
    readonly expiresAt: number,
  ) {
    this.headers = credential.headers;
    this.lastUsedAt = now;
  }

  get entry(): ServerEntry {
    return this.slot.entry;
  }

  get isShared(): boolean {
    return this.owner === undefined;
  }

  /** Whether calls may be put on it. */
  isUsable(now: number): boolean {
    return !this.connection.closed && !this.isRetired && now < this.expiresAt;
  }

  /** Counts a request that is about to be sent; answers what {@link end} wants when it is over. */
  begin(credential: ResolvedCredential, owner: UpstreamOwner): ConnectionUser | undefined {
    const user = this.#users.size === 0 ? undefined : this.#users.get(owner.key);
    this.headers = credential.headers;
    this.inFlight += 1;
    if (user !== undefined) user.running += 1;
    return user;
  }

  end(user: ConnectionUser | undefined, now: number): void {
    this.inFlight -= 1;
    if (user !== undefined) user.running -= 1;
    this.lastUsedAt = now;
  }

  hasUser(ownerKey: string): boolean {
    return this.#users.has(ownerKey);
  }

  /** Remembers who shares it, for messages outside of calls. Answers the key of the user that made room. */
  attach(owner: UpstreamOwner): string | undefined {
    let evicted: string | undefined;
    if (this.#users.size >= USERS_MAX) {
      evicted = this.#users.keys().next().value;
      if (evicted !== undefined) this.#users.delete(evicted);
    }
    this.#users.set(owner.key, { owner, running: 0 });
    return evicted;
  }

  detach(ownerKey: string): void {
    this.#users.delete(ownerKey);
  }

  /** Who is asked what the upstream wants outside of calls: its owner, or the only one it can be about. */
  askable(): ClientInteraction | undefined {
    return (this.owner ?? this.#onlyUser())?.client;
  }

  /** Whether nobody else uses it (the gateway itself does not count). */
  isAloneWith(ownerKey: string): boolean {
    if (this.owner !== undefined) return this.owner.key === ownerKey;
    for (const { owner } of this.#users.values()) if (owner.key !== ownerKey && owner.isGateway !== true) return false;
    return true;
  }

  /** Its owner, or all who share it. */
  *owners(): Iterable<UpstreamOwner> {
    if (this.owner !== undefined) yield this.owner;
    for (const { owner } of this.#users.values()) yield owner;
  }

  userKeys(): Iterable<string> {
    return this.#users.keys();
  }

  /**
   * A message that belongs to no call. On a shared connection everybody learns what changed; a log line or a request may
   * hold what only one caller should see, and goes to the only one it can be about, or to nobody.
   */
  route(message: RpcMessage): void {
    if (this.owner !== undefined) {
      this.owner.onNotification(this.entry, message);
      return;
    }
    const method = String(message.value['method']);
    if (method.endsWith('/list_changed') || method === 'notifications/resources/updated') {
      for (const { owner } of this.#users.values()) owner.onNotification(this.entry, message);
      return;
    }
    this.#onlyUser()?.onNotification(this.entry, message);
  }

  #onlyUser(): UpstreamOwner | undefined {
    let only: UpstreamOwner | undefined;
    let running: UpstreamOwner | undefined;
    let [count, runningCount] = [0, 0];
    for (const user of this.#users.values()) {
      if (user.owner.isGateway === true) continue;
      count += 1;
      only = user.owner;
      if (user.running === 0) continue;
      runningCount += 1;
      running = user.owner;
    }
    if (runningCount === 1) return running;
    return count === 1 ? only : undefined;
  }
}
