import type { IncomingHttpHeaders } from 'node:http';
import type { Secret } from './secret.js';

/** A token of one upstream that the client holds, sealed by us, and presented with this request (contract §8). */
export interface OfferedUpstreamToken {
  /** Never sent to any other server. */
  readonly serverId: string;
  readonly accessToken: Secret;
  /** As the server granted it, where that is known. */
  readonly scope?: string | undefined;
}

/** Who calls, as far as a credential for an upstream may depend on it. */
export interface OfferCaller {
  /** Of the principal; the finest distinction there is between callers. */
  readonly principalId: string;
  readonly userId?: string | undefined;
  readonly keyHash?: string | undefined;
  readonly teamId?: string | undefined;
  readonly organizationId?: string | undefined;
  readonly endUserId?: string | undefined;
  readonly email?: string | undefined;
  /**
   * The caller's own token of an identity provider, for exchange and for nothing else: it travels to a token exchange
   * endpoint only. Undefined: they came by a key of ours.
   */
  readonly subjectToken?: Secret | undefined;
  readonly upstreamToken?: OfferedUpstreamToken | undefined;
  /** Under which address the caller knows the gateway, no trailing slash; for links. */
  readonly baseUrl?: string | undefined;
}

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
  /** Filled only when a visible server wants it (`AccessView.wantsCaller`). */
  readonly caller?: OfferCaller | undefined;
}

/** A caller that offers nothing. */
export const EMPTY_OFFER: ClientOffer = Object.freeze({ headers: {}, perServer: new Map(), shared: undefined });
