import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../../platform/telemetry/logger.token.js';
import { OAuthGrantStore } from '../../state/identity/oauth-grant.store.js';
import { FlowStore } from './flow.store.js';

const INTERVAL_MS = 600_000;
const FIRST_DELAY_MS = 120_000;
/** Rows deleted in one transaction: short enough to be in nobody's way. */
const CHUNK_ROWS = 5_000;

/** Deletes sign-ins and grants that are over, every ten minutes. Replicas may all do so. */
@Injectable()
export class OAuthRetention implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<number> | undefined;
  #stopped = false;

  constructor(
    @Inject(FlowStore) private readonly flows: FlowStore,
    @Inject(OAuthGrantStore) private readonly grants: OAuthGrantStore,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.#logger = logger.child({ room: 'oauth' });
  }

  onApplicationBootstrap(): void {
    // Replicas that start together do not all delete at the same moment.
    this.#schedule(FIRST_DELAY_MS + Math.random() * FIRST_DELAY_MS);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** Deletes what is over now, and answers how many rows that were. Never rejects. */
  async sweep(): Promise<number> {
    this.#running ??= this.#sweep().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #sweep(): Promise<number> {
    try {
      return (
        (await this.#all((rows) => this.flows.deleteExpired(rows))) +
        (await this.#all((rows) => this.grants.deleteExpired(rows)))
      );
    } catch (error) {
      this.#logger.warn({ err: error }, 'Sign-ins that are over could not be deleted; trying again later');
      return 0;
    }
  }

  async #all(deleteSome: (rowsMax: number) => Promise<number>): Promise<number> {
    let total = 0;
    for (;;) {
      const deleted = await deleteSome(CHUNK_ROWS);
      total += deleted;
      if (deleted < CHUNK_ROWS || this.#stopped) return total;
    }
  }

  #schedule(delayMs: number): void {
    this.#timer = setTimeout(() => {
      void this.sweep().then(() => {
        if (!this.#stopped) this.#schedule(INTERVAL_MS);
      });
    }, delayMs).unref();
  }
}
