import type { Logger } from 'pino';
import { OwnerIndex } from './owner-index.js';
import type { PooledConnection } from './pooled-connection.js';
import type { ServerHealth } from './server-health.js';
import type { UpstreamOwner } from './upstream.js';

/**
 * The life of connections after they were opened: who uses them, who listens on them, how they end. Knows how many there
 * are, those being opened included.
 */
export class ConnectionRoster {
  readonly #owners = new OwnerIndex();
  readonly #closing = new Set<Promise<void>>();
  #connections = 0;
  #children = 0;

  constructor(
    private readonly health: ServerHealth,
    private readonly logger: Logger,
  ) {}

  get connections(): number {
    return this.#connections;
  }

  get children(): number {
    return this.#children;
  }

  /** Counts a connection from the moment it is being opened, so that the bounds hold; −1 when that failed. */
  count(isChild: boolean, change: 1 | -1): void {
    this.#connections += change;
    if (isChild) this.#children += change;
  }

  /** Puts an opened, counted connection into its slot, in place of the one it replaces. */
  add(pooled: PooledConnection): void {
    const replaced = pooled.slot.add(pooled);
    if (replaced !== undefined) this.retire(replaced, 'when idle');
    if (pooled.owner === undefined) return;
    this.#owners.link(pooled.owner, pooled);
    this.#updateListening(pooled);
    pooled.owner.onConnect?.(pooled.entry, pooled.credential);
  }

  /**
   * Who shares a connection hears what is said to nobody: all users of a child, of an upstream those who listen, and those
   * who watch something there, whenever they begin to listen.
   */
  share(pooled: PooledConnection, owner: UpstreamOwner, isWatching = false): void {
    if (pooled.kind !== 'stdio' && !isWatching && !this.#owners.isListening(owner.key)) return;
    if (pooled.hasUser(owner.key)) return;
    const evicted = pooled.attach(owner);
    if (evicted !== undefined) this.#owners.unlinkOne(evicted, pooled);
    this.#owners.link(owner, pooled);
    this.#updateListening(pooled);
    owner.onConnect?.(pooled.entry, pooled.credential);
  }

  /** The connections of its own and the shared ones it uses. */
  of(ownerKey: string): Iterable<PooledConnection> {
    return this.#owners.get(ownerKey)?.pooled ?? [];
  }

  setListening(owner: UpstreamOwner, listening: boolean): void {
    const record = this.#owners.setListening(owner, listening);
    for (const pooled of record?.pooled ?? []) this.#updateListening(pooled);
  }

  isListenedTo(pooled: PooledConnection): boolean {
    if (pooled.owner !== undefined) return this.#owners.isListening(pooled.owner.key);
    for (const key of pooled.userKeys()) if (this.#owners.isListening(key)) return true;
    return false;
  }

  releaseOwner(ownerKey: string): void {
    for (const pooled of this.#owners.remove(ownerKey)?.pooled ?? []) {
      if (!pooled.isShared) {
        this.retire(pooled, 'now');
        continue;
      }
      pooled.detach(ownerKey);
      pooled.connection.releaseOwner?.(ownerKey);
      this.#updateListening(pooled);
    }
  }

  /** The upstream, or the way to it, ended the session. */
  lose(pooled: PooledConnection, reason: string): void {
    if (pooled.isRetired) return;
    const owners = [...pooled.owners()];
    this.remove(pooled);
    for (const owner of owners) owner.onDisconnect?.(pooled.entry);
    const { slot } = pooled;
    this.logger.debug({ server: slot.entry.name, reason }, 'session with a server is over');
    if (pooled.kind === 'stdio') this.health.childDied(slot, reason, pooled.credential);
  }

  /** Takes a connection out of the pool; it ends at once, or when its last call has (`endIfDone`). */
  retire(pooled: PooledConnection, when: 'now' | 'when idle'): void {
    if (!pooled.isRetired) this.remove(pooled);
    if (when === 'now' || pooled.inFlight === 0) this.#close(pooled);
    else pooled.connection.setListening(false);
  }

  /** Takes a connection out of the pool and leaves it open for those who have it. */
  remove(pooled: PooledConnection): void {
    pooled.isRetired = true;
    pooled.slot.remove(pooled);
    this.#owners.unlink(pooled);
    this.count(pooled.kind === 'stdio', -1);
  }

  /** To be called after each call. */
  endIfDone(pooled: PooledConnection): void {
    if (pooled.isRetired && pooled.inFlight === 0) this.#close(pooled);
  }

  /** Resolves when every connection that was closed has ended. */
  async allClosed(): Promise<void> {
    await Promise.allSettled(this.#closing);
  }

  #updateListening(pooled: PooledConnection): void {
    if (pooled.isRetired) return;
    pooled.connection.setListening(pooled.owner?.alwaysListens === true || this.isListenedTo(pooled));
  }

  #close(pooled: PooledConnection): void {
    const closed = pooled.connection.close().finally(() => this.#closing.delete(closed));
    this.#closing.add(closed);
  }
}
