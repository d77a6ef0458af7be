import type { IncomingHttpHeaders } from 'node:http';

/**
 * What the client brought along for upstreams, gateway keys already taken out (contract §8). Crosses from the door to
 * `engine/upstream` as an explicit value.
 */
export interface ClientOffer {
  /** The client's request headers, lower-cased names; read only for `extra_headers` and `${X-HEADER}` templates. */
  readonly headers: IncomingHttpHeaders;
  /** `x-mcp-{alias}-{header}`, by server id: the exact upstream headers. */
  readonly perServer: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** The deprecated one-for-all credential (`x-mcp-auth` or its configured name). */
  readonly shared: string | undefined;
}

/** A caller that offers nothing. */
export const EMPTY_OFFER: ClientOffer = Object.freeze({ headers: {}, perServer: new Map(), shared: undefined });
