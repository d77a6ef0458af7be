import { GatewayError } from '../../core/errors/gateway-error.js';
import type { Limits } from '../../core/model/limits.js';
import { connectionKey, isSharedChild } from './connection-key.js';
import type { ConnectionBounds } from './connection-bounds.js';
import type { ConnectionRoster } from './connection-roster.js';
import { PooledConnection } from './pooled-connection.js';
import type { ServerHealth } from './server-health.js';
import type { ServerSlot } from './server-slot.js';
import type { UpstreamOpener } from './upstream-opener.js';
import type { ResolvedCredential, UpstreamOwner } from './upstream.js';

/** What opening sessions needs of the rooms around it. */
export interface OpeningMeans {
  readonly opener: UpstreamOpener;
  readonly bounds: ConnectionBounds;
  readonly roster: ConnectionRoster;
  readonly health: ServerHealth;
  readonly limits: Limits;
  readonly nextRequestId: () => number;
  readonly now: () => number;
}

/** An upstream that kept no session is asked again after this. */
const STATELESS_MS = 600_000;
/** Longest wait for the stream of a new session. */
const LISTEN_MS = 1_000;
/** A session that was opened while its server went away lives on for those who waited for it. */
const STRAGGLER_MS = 1_000;

/** Opens sessions with upstreams, each once for all who need the same one. */
export class SessionOpenings {
  readonly #running = new Set<Promise<PooledConnection>>();
  readonly #stragglers = new Set<PooledConnection>();
  #isClosed = false;

  constructor(private readonly means: OpeningMeans) {}

  /** From now on nothing is opened. Resolves when what was being opened has been told to end. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const pooled of this.#stragglers) this.means.roster.retire(pooled, 'now');
    await Promise.allSettled(this.#running);
  }

  /** The connection for this owner and credential: opened by the first who needs it, awaited by the others. */
  connection(slot: ServerSlot, credential: ResolvedCredential, owner: UpstreamOwner): Promise<PooledConnection> {
    if (this.#isClosed) return Promise.reject(new GatewayError('http/draining'));
    const shareKey = connectionKey(slot.entry, credential, owner);
    const known = slot.find(owner.key, shareKey, this.means.now());
    if (known !== undefined) return Promise.resolve(known);
    const key = isSharedChild(slot.entry) ? shareKey : `${owner.key}\n${shareKey}`;
    const opening = slot.opening.get(key);
    if (opening !== undefined) return opening;
    const started = this.#open(slot, credential, owner).finally(() => {
      slot.opening.delete(key);
      this.#running.delete(started);
    });
    slot.opening.set(key, started);
    this.#running.add(started);
    return started;
  }

  async #open(slot: ServerSlot, credential: ResolvedCredential, owner: UpstreamOwner): Promise<PooledConnection> {
    const { opener, bounds, roster, health, limits, nextRequestId, now } = this.means;
    const { entry } = slot;
    const isChild = entry.endpoint.kind === 'stdio';
    bounds.makeRoom(slot, isChild);
    roster.count(isChild, 1);
    let pooled: PooledConnection | undefined;
    try {
      const { kind, connection } = await opener.open(
        {
          entry,
          credential,
          limits,
          capabilities: owner.client?.capabilities,
          client: () => pooled?.askable(),
          nextRequestId,
          onNotification: (message) => pooled?.route(message),
          onClose: (reason) => pooled !== undefined && roster.lose(pooled, reason),
        },
        slot.transport,
        slot.eras,
      );
      const isOwned = kind === 'stdio' ? !isSharedChild(entry) : connection.stateful;
      const openedAt = now();
      const isKept = connection.stateful || connection.isLasting === true;
      const expiresAt = isKept ? Number.POSITIVE_INFINITY : openedAt + STATELESS_MS;
      pooled = new PooledConnection(
        slot,
        kind,
        connection,
        connectionKey(entry, credential, owner),
        credential,
        isOwned ? owner : undefined,
        openedAt,
        expiresAt,
      );
      slot.circuit.reach();
    } catch (error) {
      roster.count(isChild, -1);
      health.openingFailed(slot, error, credential);
      throw error;
    }
    this.#install(pooled);
    // What a server asks outside of its calls, it asks on a stream that must be there by then: many do so in the first call.
    if (pooled.owner?.client !== undefined) await within(LISTEN_MS, pooled.connection.listening?.());
    return pooled;
  }

  #install(pooled: PooledConnection): void {
    const { roster } = this.means;
    roster.add(pooled);
    if (this.#isClosed) roster.retire(pooled, 'now');
    else if (pooled.connection.closed) roster.lose(pooled, 'closed while it was opened');
    else if (pooled.slot.isDropped) {
      // Whoever waits for it may still make the one call.
      roster.remove(pooled);
      this.#stragglers.add(pooled);
      setTimeout(() => {
        this.#stragglers.delete(pooled);
        roster.retire(pooled, 'when idle');
      }, STRAGGLER_MS).unref();
    }
  }
}

async function within(spanMs: number, work: Promise<void> | undefined): Promise<void> {
  if (work === undefined) return;
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, spanMs);
  await Promise.race([work, late]);
  clearTimeout(timer);
}
