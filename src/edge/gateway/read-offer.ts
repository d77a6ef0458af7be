import type { IncomingHttpHeaders } from 'node:http';
import type { AccessView } from '../../core/model/access-view.js';
import { EMPTY_OFFER, type ClientOffer } from '../../core/model/client-offer.js';
import type { ServerEntry } from '../../core/model/server-entry.js';

const PER_SERVER = 'x-mcp-';
/** `x-mcp-…` headers that are not `x-mcp-{alias}-{header}` (reference §2.2). */
const NOT_PER_SERVER: ReadonlySet<string> = new Set(['x-mcp-servers', 'x-mcp-access-groups', 'x-mcp-auth']);
/** What cookies of the gateway begin with, besides `__Host-`. */
const OWN_COOKIE = 'gatehouse-';
const KEY_CARRIERS = ['x-litellm-api-key', 'x-api-key', 'authorization'] as const;

export interface OfferOptions {
  /** Name of the deprecated one-for-all header, lower-cased; `authorization` makes the client's own one count. */
  readonly sharedHeader: string;
  /** The client's `Authorization` when it is meant for upstreams. */
  readonly upstreamAuthorization: string | undefined;
  readonly isGatewayKey: (value: string) => boolean;
}

/**
 * What the client brought for upstreams (contract §8): `x-mcp-{alias}-{header}` by server, the one-for-all credential,
 * and its headers for `extra_headers`. A value that is or looks like a gateway key is left out of all of them, and so is
 * every carrier that a key may come in, but for an `Authorization` that belongs to the upstream flow.
 */
export function readOffer(headers: IncomingHttpHeaders, view: AccessView, options: OfferOptions): ClientOffer {
  const shared = readShared(headers, options);
  const perServer = readPerServer(headers, view, options);
  if (shared === undefined && perServer === undefined && !view.wantsClientHeaders) return EMPTY_OFFER;
  return {
    headers: view.wantsClientHeaders ? forwardable(headers, options) : {},
    perServer: perServer ?? EMPTY_OFFER.perServer,
    shared,
  };
}

function readShared(headers: IncomingHttpHeaders, options: OfferOptions): string | undefined {
  const value =
    options.sharedHeader === 'authorization' ? options.upstreamAuthorization : single(headers[options.sharedHeader]);
  return value === undefined || value === '' || options.isGatewayKey(value) ? undefined : value;
}

function readPerServer(
  headers: IncomingHttpHeaders,
  view: AccessView,
  options: OfferOptions,
): Map<string, Record<string, string>> | undefined {
  let offers: Map<string, Record<string, string>> | undefined;
  for (const name in headers) {
    if (!name.startsWith(PER_SERVER) || NOT_PER_SERVER.has(name) || name === options.sharedHeader) continue;
    const value = single(headers[name]);
    if (value === undefined || options.isGatewayKey(value)) continue;
    const match = longestHandle(name.slice(PER_SERVER.length), view);
    if (match === undefined) continue;
    offers ??= new Map();
    const own = offers.get(match.entry.id) ?? {};
    own[match.header] = value;
    offers.set(match.entry.id, own);
  }
  return offers;
}

/** `{alias}-{header}` with the longest known alias or name; aliases may hold dashes, and case does not matter. */
function longestHandle(rest: string, view: AccessView): { entry: ServerEntry; header: string } | undefined {
  let best: { entry: ServerEntry; header: string; length: number } | undefined;
  for (const { entry } of view.servers) {
    for (const handle of [entry.alias, entry.name]) {
      if (handle === undefined || handle.length <= (best?.length ?? 0)) continue;
      if (rest.length > handle.length + 1 && rest.startsWith(`${handle.toLowerCase()}-`)) {
        best = { entry, header: rest.slice(handle.length + 1), length: handle.length };
      }
    }
  }
  return best;
}

function forwardable(headers: IncomingHttpHeaders, options: OfferOptions): IncomingHttpHeaders {
  const copy: IncomingHttpHeaders = { ...headers };
  for (const carrier of KEY_CARRIERS) delete copy[carrier];
  if (copy.cookie?.includes(OWN_COOKIE) === true) copy.cookie = withoutOwnCookies(copy.cookie);
  for (const name in copy) {
    const value = single(copy[name]);
    if (value !== undefined && options.isGatewayKey(value)) delete copy[name];
  }
  const { upstreamAuthorization } = options;
  if (upstreamAuthorization !== undefined && !options.isGatewayKey(upstreamAuthorization)) {
    copy.authorization = upstreamAuthorization;
  }
  return copy;
}

/** Who is signed in at our own pages is no server's business. */
function withoutOwnCookies(cookie: string): string | undefined {
  const others = cookie
    .split(/; */)
    .filter((pair) => !pair.startsWith(OWN_COOKIE) && !pair.startsWith(`__Host-${OWN_COOKIE}`));
  return others.length === 0 ? undefined : others.join('; ');
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}
