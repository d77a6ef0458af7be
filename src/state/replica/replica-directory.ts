import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { WORKER, type Worker } from '../../platform/config/worker.js';
import { LOGGER } from '../../platform/telemetry/logger.token.js';
import { Metrics } from '../../platform/telemetry/metrics.js';
import { ReplicasStore } from './replicas.store.js';

/** Between two signs of life, which also read who else gave one. */
const HEARTBEAT_MS = 5_000;
/** Who was silent for so long is gone. */
const SILENT_MS = 30_000;
/** A replica that was looked for and not found is not looked for again for so long: ids do not come back. */
const ABSENT_MS = 5_000;
const ABSENT_MAX = 1_000;

type GoneListener = (replica: string) => void;

/**
 * The replicas of this installation and where they are reached: every process gives a sign of life for its replica and
 * reads the others'. While the database is away, those known last stay known.
 */
@Injectable()
export class ReplicaDirectory implements BeforeApplicationShutdown {
  readonly #log: Logger;
  #addresses: ReadonlyMap<string, string> = new Map();
  #gone: GoneListener = () => undefined;
  #address: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;
  #refreshing: Promise<void> | undefined;
  /** Until when. */
  readonly #absent = new Map<string, number>();
  #ended = false;

  constructor(
    private readonly store: ReplicasStore,
    @Inject(WORKER) private readonly worker: Worker,
    @Inject(LOGGER) logger: Logger,
    metrics: Metrics,
  ) {
    this.#log = logger.child({ room: 'replica' });
    metrics.registerGauge('gatehouse_replicas', 'Replicas that gave a sign of life lately', () => this.size, 'max');
  }

  get size(): number {
    return this.#addresses.size;
  }

  /** Told when a replica that was there is not there any more. One listener: who passes requests on. */
  onGone(listener: GoneListener): void {
    this.#gone = listener;
  }

  /** From now on this replica is reached at this address. Does not reject: without the database nobody needs it. */
  async announce(address: string): Promise<void> {
    this.#address = address;
    const beat = (): Promise<void> => (this.#beating = this.#beat());
    await beat();
    if (!this.#ended) this.#timer = setInterval(() => void beat(), HEARTBEAT_MS).unref();
  }

  /** Where the replica is reached; undefined: there is none of this id. Looks again for one that is not known. */
  async addressOf(replica: string): Promise<string | undefined> {
    const known = this.#addresses.get(replica);
    if (known !== undefined) return known;
    const now = performance.now();
    if (now < (this.#absent.get(replica) ?? 0)) return undefined;
    // One that is under way may have begun before that replica announced itself.
    await this.#refreshing?.catch(() => undefined);
    await this.#refresh();
    const address = this.#addresses.get(replica);
    if (address === undefined) {
      if (this.#absent.size >= ABSENT_MAX) this.#absent.clear();
      this.#absent.set(replica, now + ABSENT_MS);
    }
    return address;
  }

  /** Connections are refused from now on: nobody should try. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#ended = true;
    clearInterval(this.#timer);
    if (this.#address === undefined) return;
    await this.#beating;
    await this.store.withdraw(this.worker.place.replica).catch((error: unknown) => {
      // The others find out by the silence.
      this.#log.debug({ err: error }, 'this replica could not say that it goes');
    });
  }

  async #beat(): Promise<void> {
    if (this.#address === undefined) return;
    try {
      await this.store.announce(this.worker.place.replica, this.#address);
      await this.#refresh();
    } catch (error) {
      this.#log.debug({ err: error }, 'no sign of life could be given');
    }
  }

  /** One at a time; rejects with `database/unavailable`. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#read().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #read(): Promise<void> {
    const rows = await this.store.living(SILENT_MS);
    const before = this.#addresses;
    this.#addresses = new Map(rows.map(({ id, address }) => [id, address]));
    for (const replica of before.keys()) if (!this.#addresses.has(replica)) this.#gone(replica);
  }
}
