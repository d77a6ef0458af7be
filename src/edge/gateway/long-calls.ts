import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { SlotTable } from '../../platform/http/slot-table.js';
import type { Exchange } from './exchange.js';

/** A call without a word for this long (at most twice as long) gets its event stream. */
const SILENCE_MS = 5_000;

/**
 * Turns calls that take long into event streams, where the client can read one: comments keep the connection through
 * proxies, and one that breaks may be resumed where the revision has that. Looks at all calls at once now and then, so that
 * a call costs no timer.
 */
@Injectable()
export class LongCalls implements OnApplicationShutdown {
  readonly #running = new SlotTable<Exchange>();
  readonly #timer = setInterval(() => this.#tick(), SILENCE_MS).unref();

  /** Answers what {@link delete} wants when the call is over. */
  add(exchange: Exchange): number {
    return this.#running.add(exchange);
  }

  delete(slot: number): void {
    this.#running.delete(slot);
  }

  onApplicationShutdown(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    for (const exchange of this.#running) exchange.linger();
  }
}
