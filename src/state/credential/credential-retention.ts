import { Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { UserCredentialsStore } from './user-credentials.store.js';

const INTERVAL_MS = 600_000;
const FIRST_DELAY_MS = 60_000;
/** Rows deleted in one transaction: short enough to be in nobody's way. */
const CHUNK_ROWS = 5_000;

/** Deletes what `token_storage_ttl_seconds` has ended, every ten minutes. It is not used before that either. */
@Injectable()
export class CredentialRetention implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #log = new Logger('CredentialRetention');
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<number> | undefined;
  #stopped = false;

  constructor(private readonly store: UserCredentialsStore) {}

  onApplicationBootstrap(): void {
    // Replicas that start together do not all delete at the same moment.
    this.#schedule(FIRST_DELAY_MS * (1 + Math.random()));
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
    let total = 0;
    try {
      for (;;) {
        const deleted = await this.store.deleteExpired(CHUNK_ROWS);
        total += deleted;
        if (deleted < CHUNK_ROWS || this.#stopped) break;
      }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#log.warn(`What users kept for a time that is over could not be deleted, trying again later: ${why}`);
    }
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
