import { createHash } from 'node:crypto';
import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { readPlace, type Place } from '../../core/model/place.js';
import type { Secret } from '../../core/model/secret.js';
import { WORKER, type Worker } from '../../platform/config/worker.js';
import { SEALED_COLUMNS } from '../../platform/crypto/sealed-columns.js';
import { Sealer } from '../../platform/crypto/sealer.js';
import { SEALING_SECRET } from '../../platform/database/sealing-secret.js';
import { LOGGER } from '../../platform/telemetry/logger.token.js';
import { StateHomesStore, type StateHomeRow } from './state-homes.store.js';

/** Homes remembered that are elsewhere than the id says; the oldest go first and are asked for again. */
const KNOWN_MAX = 10_000;
/** What could not be written waits for the database; beyond this the oldest is given up. */
const PENDING_MAX = 10_000;
/** What settled somewhere and is not asked for any more is nowhere after this … */
const SETTLED_MS = 3_600_000;
/** … which begins anew at the first question after this. */
const ASK_AGAIN_MS = 60_000;
const TICK_MS = 5_000;
const SWEEP_EVERY_TICKS = 120;

/** Where state is, as far as is written. */
export type Home =
  /** Held there, or to be made again there from what remains of it. */
  | { readonly kind: 'at'; readonly place: Place; readonly remains: string | undefined }
  /** It was somewhere that is gone, or let go of, and cannot be made again. */
  | { readonly kind: 'lost' }
  /** Nothing is written: it is where its id says. */
  | { readonly kind: 'unwritten' };

/** What others must know of state that is held here. */
export interface Kept {
  /** Some of it is gone with this process for good. */
  readonly isBound: boolean;
  /** What it takes to make the rest again; sealed before it is stored. */
  readonly remains: string | undefined;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** `isTaken` says it of an id. */
type TakenListener = (isTaken: (id: string) => boolean) => void;

/**
 * Which process holds state that ids name a place for (sessions), when that place is gone or more must be known to make
 * it again. A process that goes on with state of a dead one claims it first, so that there is never more than one home.
 */
@Injectable()
export class StateHomes implements BeforeApplicationShutdown {
  readonly #log: Logger;
  readonly #sealer: Sealer;
  readonly #known = new Map<string, Place>();
  readonly #pending = new Map<string, Kept>();
  readonly #timer = setInterval(() => void this.#tick(), TICK_MS).unref();
  readonly #settled = new Map<string, { readonly place: Place; readonly until: number }>();
  #ticks = 0;
  #taken: TakenListener = () => undefined;

  constructor(
    private readonly store: StateHomesStore,
    @Inject(WORKER) private readonly worker: Worker,
    @Inject(SEALING_SECRET) sealingSecret: Secret,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.#sealer = new Sealer(sealingSecret, SEALED_COLUMNS.stateHome.purpose);
    this.#log = logger.child({ room: 'replica' });
  }

  beforeApplicationShutdown(): void {
    clearInterval(this.#timer);
  }

  /**
   * Told when others went on with what is held here, as they could not reach this process: it is theirs now. One listener:
   * who holds it.
   */
  onTaken(listener: TakenListener): void {
    this.#taken = listener;
  }

  /** Where it was last time, if that was not where its id says. */
  known(id: string): Place | undefined {
    return this.#known.get(id);
  }

  /** Of state that is not in memory here. Asks the database. @throws GatewayError `database/unavailable`. */
  async find(id: string): Promise<Home> {
    const key = keyOf(id);
    const row = await this.store.find(key);
    if (row === undefined) return { kind: 'unwritten' };
    if (row.isBound && row.place === this.worker.place.tag) return { kind: 'lost' };
    return this.#at(id, key, row);
  }

  /**
   * This process goes on with it, unless somebody else does already or nobody can. `dead` are places that were found
   * gone. @throws GatewayError `database/unavailable`.
   */
  async claim(id: string, dead: readonly Place[], expiresAt: number): Promise<Home> {
    this.#known.delete(id);
    const key = keyOf(id);
    const tags = dead.map(({ tag }) => tag);
    const row = await this.store.claim(key, this.worker.place.tag, tags, new Date(expiresAt));
    return row.isBound && tags.includes(row.place) ? { kind: 'lost' } : this.#at(id, key, row);
  }

  /**
   * Where state is that has no place in its id: where it was first asked for, as long as it is asked for. While the database
   * is away it is where it was known to be, or here when it was not known. Never rejects.
   */
  async settle(id: string): Promise<Place> {
    const known = this.#settled.get(id);
    if (known !== undefined && performance.now() < known.until) return known.place;
    return await this.#settle(id, known?.place, []);
  }

  /** The same when that place was found gone. */
  async resettle(id: string, gone: Place): Promise<Place> {
    return await this.#settle(id, undefined, [gone.tag]);
  }

  async #settle(id: string, known: Place | undefined, gone: readonly string[]): Promise<Place> {
    const self = this.worker.place;
    let place = known ?? self;
    try {
      // Its own tag among them: what is here already stays for longer.
      const row = await this.store.claim(keyOf(id), self.tag, [self.tag, ...gone], new Date(Date.now() + SETTLED_MS));
      place = readPlace(row.place) ?? self;
    } catch (error) {
      this.#log.debug({ err: error }, 'where something is could not be asked');
    }
    this.#settled.delete(id);
    for (const oldest of this.#settled.keys()) {
      if (this.#settled.size < KNOWN_MAX) break;
      this.#settled.delete(oldest);
    }
    this.#settled.set(id, { place, until: performance.now() + ASK_AGAIN_MS });
    return place;
  }

  /**
   * Tells the others what there is of it here. Does not reject: what cannot be written now is written when the database
   * is back.
   */
  async keep(id: string, kept: Kept): Promise<void> {
    this.#pending.delete(id);
    const { isBound, remains, expiresAt } = kept;
    const key = keyOf(id);
    const row: StateHomeRow = {
      place: this.worker.place.tag,
      isBound,
      remains: remains === undefined ? null : this.#sealer.seal(remains, key),
    };
    try {
      await this.store.keep(key, row, new Date(expiresAt));
    } catch (error) {
      this.#log.debug({ err: error }, 'what is held here could not be written, trying again');
      for (const oldest of this.#pending.keys()) {
        if (this.#pending.size < PENDING_MAX) break;
        this.#pending.delete(oldest);
      }
      this.#pending.set(id, kept);
    }
  }

  /** It is over. Never rejects. */
  async forget(id: string): Promise<void> {
    this.#pending.delete(id);
    await this.store.forget(keyOf(id)).catch((error: unknown) => {
      this.#log.debug({ err: error }, 'a home could not be forgotten; it expires');
    });
  }

  #at(id: string, key: string, { place: tag, remains }: StateHomeRow): Home {
    const place = readPlace(tag);
    if (place === undefined) return { kind: 'unwritten' };
    if (tag !== this.worker.place.tag) {
      for (const oldest of this.#known.keys()) {
        if (this.#known.size < KNOWN_MAX) break;
        this.#known.delete(oldest);
      }
      this.#known.set(id, place);
    }
    return { kind: 'at', place, remains: remains === null ? undefined : this.#sealer.open(remains, key) };
  }

  async #tick(): Promise<void> {
    this.#ticks += 1;
    for (const [id, kept] of [...this.#pending]) await this.keep(id, kept);
    try {
      const taken = new Set(await this.store.takenFrom(this.worker.place.tag));
      if (taken.size > 0) {
        this.#log.warn({ count: taken.size }, 'another replica could not reach this one and went on with its sessions');
        this.#taken((id) => taken.has(keyOf(id)));
      }
      if (this.#ticks % SWEEP_EVERY_TICKS === 0) await this.store.sweep();
    } catch (error) {
      this.#log.debug({ err: error }, 'homes could not be looked after');
    }
  }
}

/** Session ids open sessions; what is stored must not. */
function keyOf(id: string): string {
  return createHash('sha256').update(id).digest('base64url');
}
