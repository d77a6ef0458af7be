import type { IncomingHttpHeaders } from 'node:http';
import { GatewayError } from '../../core/errors/gateway-error.js';
import type { AccessView } from '../../core/model/access-view.js';
import type { ClientOffer } from '../../core/model/client-offer.js';
import type { Principal } from '../../core/model/principal.js';
import type { RequestScope } from '../../core/access/request-scope.js';
import { resolveView, type CallerPlace } from '../../core/access/resolve-view.js';
import type { RegistrySnapshot } from '../../core/model/registry-snapshot.js';
import { readOffer, type OfferOptions } from './read-offer.js';

/** Who asks, for what, with what in hand: everything a door knows before it reads the body. */
export interface CallerContext {
  readonly principal: Principal;
  /** What the view was resolved against. */
  readonly snapshot: RegistrySnapshot;
  readonly scope: RequestScope;
  readonly view: AccessView;
  readonly place: CallerPlace;
  readonly offer: ClientOffer;
  /** Set when the client holds a token of a server itself: makes of what that server says of it what the client is told. */
  readonly asChallenge?: (error: GatewayError) => GatewayError;
}

/** Throws `access/unknown_server` naming the entries that do not exist or may not be seen: 404 on a path, 400 in a filter. */
export function callerContext(
  snapshot: RegistrySnapshot,
  principal: Principal,
  scope: RequestScope,
  place: CallerPlace,
  headers: IncomingHttpHeaders,
  options: OfferOptions,
): CallerContext {
  const decision = resolveView(snapshot, principal, scope, place);
  if (decision.kind === 'unknown') throw unknownServers(decision.names);
  return { principal, snapshot, scope, place, view: decision.view, offer: readOffer(headers, decision.view, options) };
}

function unknownServers(names: readonly string[]): GatewayError {
  return new GatewayError('access/unknown_server', { detail: names.join(', '), data: { unknown: names } });
}
