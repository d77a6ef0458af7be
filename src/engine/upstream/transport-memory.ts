import type { HttpEndpoint } from '../../core/model/server-entry.js';

export type HttpTransport = 'http' | 'sse';

/** A verdict that was right once may be wrong after an upgrade of the server. */
const REMEMBERED_MS = 3_600_000;

/** Which transport a server of `transport: auto` turned out to speak (contract §2). */
export class TransportMemory {
  #transport: HttpTransport | undefined;
  #until = 0;

  constructor(private readonly now: () => number) {}

  /** The transports to try, in order; the second only if the first was not what the server speaks. */
  order(endpoint: HttpEndpoint): readonly [HttpTransport, HttpTransport?] {
    if (endpoint.transport !== 'auto') return [endpoint.transport];
    const known = this.now() < this.#until ? this.#transport : undefined;
    const first = known ?? (looksLikeSse(endpoint.url) ? 'sse' : 'http');
    return first === 'http' ? ['http', 'sse'] : ['sse', 'http'];
  }

  learn(transport: HttpTransport): void {
    this.#transport = transport;
    this.#until = this.now() + REMEMBERED_MS;
  }
}

function looksLikeSse(url: string): boolean {
  return /\/sse\/?$/.test(url.split(/[?#]/, 1)[0] ?? '');
}
