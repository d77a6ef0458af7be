import type { ServerEntry } from '../../core/model/server-entry.js';
import { Circuit, type CircuitTiming } from './circuit.js';
import { EraMemory } from './era-memory.js';
import type { PooledConnection } from './pooled-connection.js';
import { TransportMemory } from './transport-memory.js';
import type { UpstreamInfo, UpstreamStatus } from './upstream.js';

/** Credentials whose `initialize` answer is remembered, per server. */
const INFOS_MAX = 1_000;

/** Everything the pool holds of one server: its connections, its health, what it said of itself. */
export class ServerSlot {
  /** The latest entry with this fingerprint. */
  entry: ServerEntry;
  readonly circuit: Circuit;
  readonly transport: TransportMemory;
  readonly eras: EraMemory;
  /** Calls that run or wait for a session. */
  inFlight = 0;
  lastUsedAt: number;
  /** Its server changed or went away: new connections belong to another slot. */
  isDropped = false;
  /** Sessions being opened, so that all who wait for the same one get it. */
  readonly opening = new Map<string, Promise<PooledConnection>>();
  /** By connection key. */
  readonly #shared = new Map<string, PooledConnection>();
  /** By owner, then by connection key. */
  readonly #owned = new Map<string, Map<string, PooledConnection>>();
  readonly #infos = new Map<string, UpstreamInfo>();
  #size = 0;
  #lastError: string | undefined;
  #state: UpstreamStatus['state'] = 'unknown';
  #lastChangeAt = Date.now();

  constructor(entry: ServerEntry, timing: CircuitTiming) {
    this.entry = entry;
    this.circuit = new Circuit(timing);
    this.transport = new TransportMemory(timing.now);
    this.eras = new EraMemory(timing.now);
    this.lastUsedAt = timing.now();
  }

  get size(): number {
    return this.#size;
  }

  /** The connection that this owner's calls go over; undefined when one must be opened. */
  find(ownerKey: string, key: string, now: number): PooledConnection | undefined {
    const shared = this.#shared.get(key);
    if (shared?.isUsable(now) === true) return shared;
    const owned = this.#owned.get(ownerKey)?.get(key);
    return owned?.isUsable(now) === true ? owned : undefined;
  }

  /** All connections this owner uses or could use here. */
  *connectionsOf(ownerKey: string): Iterable<PooledConnection> {
    yield* this.#owned.get(ownerKey)?.values() ?? [];
  }

  *connections(): Iterable<PooledConnection> {
    yield* this.#shared.values();
    for (const owned of this.#owned.values()) yield* owned.values();
  }

  /** Answers the connection it replaces, which the pool is to end. */
  add(pooled: PooledConnection): PooledConnection | undefined {
    const { owner } = pooled;
    let place = this.#shared;
    if (owner !== undefined) {
      place = this.#owned.get(owner.key) ?? new Map<string, PooledConnection>();
      this.#owned.set(owner.key, place);
    }
    const replaced = place.get(pooled.key);
    place.set(pooled.key, pooled);
    if (replaced === undefined) this.#size += 1;
    this.#remember(pooled.credential.identity, pooled.connection.info);
    return replaced;
  }

  remove(pooled: PooledConnection): void {
    const { owner } = pooled;
    const place = owner === undefined ? this.#shared : this.#owned.get(owner.key);
    if (place?.get(pooled.key) !== pooled) return;
    place.delete(pooled.key);
    this.#size -= 1;
    if (owner !== undefined && place.size === 0) this.#owned.delete(owner.key);
  }

  info(identity: string): UpstreamInfo | undefined {
    return this.#infos.get(identity);
  }

  /** Free when nothing changed. */
  noteSuccess(): void {
    if (!this.circuit.isSpotless) this.circuit.succeed();
    if (this.#state !== 'ready') this.#note('ready', undefined);
  }

  noteFailure(reason: string): void {
    this.#note(this.circuit.state === 'open' ? 'open' : 'failing', reason);
  }

  get status(): UpstreamStatus {
    return { state: this.#state, lastError: this.#lastError, lastChangeAt: this.#lastChangeAt };
  }

  get lastError(): string | undefined {
    return this.#lastError;
  }

  #note(state: UpstreamStatus['state'], lastError: string | undefined): void {
    if (state !== this.#state) this.#lastChangeAt = Date.now();
    this.#state = state;
    this.#lastError = lastError;
  }

  #remember(identity: string, info: UpstreamInfo): void {
    this.#infos.delete(identity);
    for (const oldest of this.#infos.keys()) {
      if (this.#infos.size < INFOS_MAX) break;
      this.#infos.delete(oldest);
    }
    this.#infos.set(identity, info);
  }
}
