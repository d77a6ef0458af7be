import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { Logger } from 'pino';
import type { UsageSettings } from '../../platform/config/settings.js';
import { USAGE_SETTINGS } from '../../platform/config/tokens.js';
import { LOGGER } from '../../platform/telemetry/logger.token.js';
import { LedgerStore } from './ledger.store.js';

const INTERVAL_MS = 3_600_000;
const FIRST_DELAY_MS = 120_000;
const DAY_MS = 24 * 3_600_000;
/** Rows deleted in one transaction: short enough to be in nobody's way. */
const CHUNK_ROWS = 5_000;

/** Deletes ledger rows that are older than the retention, every hour. Replicas may all do so. */
@Injectable()
export class LedgerRetention implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #store: LedgerStore;
  readonly #retentionDays: number;
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<number> | undefined;
  #stopped = false;

  constructor(store: LedgerStore, @Inject(USAGE_SETTINGS) settings: UsageSettings, @Inject(LOGGER) logger: Logger) {
    this.#store = store;
    this.#retentionDays = settings.retentionDays;
    this.#logger = logger.child({ room: 'usage' });
  }

  onApplicationBootstrap(): void {
    if (this.#retentionDays <= 0) return;
    // Replicas that start together do not all delete at the same moment.
    this.#schedule(FIRST_DELAY_MS + Math.random() * FIRST_DELAY_MS);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** Deletes what is too old now, and answers how many rows that were. Never rejects. */
  async sweep(): Promise<number> {
    this.#running ??= this.#sweep().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #sweep(): Promise<number> {
    if (this.#retentionDays <= 0) return 0;
    const moment = new Date(Date.now() - this.#retentionDays * DAY_MS);
    let total = 0;
    try {
      for (;;) {
        const deleted = await this.#store.deleteBefore(moment, CHUNK_ROWS);
        total += deleted;
        if (deleted < CHUNK_ROWS || this.#stopped) break;
      }
    } catch (error) {
      this.#logger.warn({ err: error }, 'Old rows of the call ledger could not be deleted; trying again in an hour');
    }
    if (total > 0) this.#logger.info({ rows: total }, 'Deleted old rows of the call ledger');
    return total;
  }

  #schedule(delayMs: number): void {
    this.#timer = setTimeout(() => {
      void this.sweep().then(() => {
        if (!this.#stopped) this.#schedule(INTERVAL_MS);
      });
    }, delayMs).unref();
  }
}
