import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Exchange } from './exchange.js';

/** A call without a word for this long (at most twice as long) gets its event stream. */
const SILENCE_MS = 5_000;

/**
 * Turns calls that take long into event streams, where the client can come back to them: comments keep the connection
 * through proxies, and one that breaks is resumed. Looks at all calls at once now and then, so that a call costs no timer.
 */
@Injectable()
export class LongCalls implements OnApplicationShutdown {
  #young = new Set<Exchange>();
  #old = new Set<Exchange>();
  readonly #timer = setInterval(() => this.#tick(), SILENCE_MS).unref();

  add(exchange: Exchange): void {
    this.#young.add(exchange);
  }

  delete(exchange: Exchange): void {
    if (!this.#young.delete(exchange)) this.#old.delete(exchange);
  }

  onApplicationShutdown(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const old = this.#old;
    this.#old = this.#young;
    this.#young = new Set();
    for (const exchange of old) exchange.stream();
  }
}
