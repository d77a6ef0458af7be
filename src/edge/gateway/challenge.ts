import type { IncomingMessage } from 'node:http';
import { interactiveServer } from '../../core/access/interactive-server.js';
import type { RegistrySnapshot } from '../../core/model/registry-snapshot.js';
import type { PublicAddress } from '../../platform/http/public-address.js';
import { endpointPath, type Route } from './route.js';

/** What a challenge says besides where to go (RFC 6750 §3). */
export interface ChallengeDetails {
  readonly error?: 'invalid_token' | 'insufficient_scope';
  readonly scope?: string;
}

/** Of a scope token, and of the space between two. */
const NOT_OF_SCOPES = /[^\x20\x21\x23-\x5b\x5d-\x7e]/g;

/** `WWW-Authenticate`: where the metadata of the very path that was asked for lies (RFC 9728 §5.1). */
export function challenge(
  address: PublicAddress,
  rootPath: string,
  request: IncomingMessage,
  details: ChallengeDetails = {},
  query = '',
): string {
  const path = (request.url ?? '/mcp').split('?', 1)[0] ?? '/mcp';
  const below = path.startsWith(`${rootPath}/`) ? path.slice(rootPath.length) : path;
  // The path is the client's own; a quote in it would end the parameter.
  const safe = below.replace(/[^A-Za-z0-9/_.,~%-]/g, '').replace(/\/$/, '');
  const parameters = [
    `resource_metadata="${address.baseUrl(request)}/.well-known/oauth-protected-resource${safe}${query}"`,
    ...(details.error === undefined ? [] : [`error="${details.error}"`]),
    ...(details.scope === undefined ? [] : [`scope="${details.scope.replace(NOT_OF_SCOPES, '')}"`]),
  ];
  return `Bearer ${parameters.join(', ')}`;
}

/**
 * The challenge of who brought no good key of ours. At a server whose users sign in there, the metadata would name that
 * server's issuer, for clients that have a key beside its token: this client has none, and is told so by `identity=1`.
 */
export function identityChallenge(
  address: PublicAddress,
  rootPath: string,
  request: IncomingMessage,
  route: Route,
  snapshot: RegistrySnapshot,
): string {
  const { headers } = request;
  const endpoint = endpointPath(route);
  const isInteractive =
    endpoint !== undefined && interactiveServer(snapshot, endpoint, address.isExternal(request)) !== undefined;
  const query = isInteractive && headers['x-litellm-api-key'] === undefined ? '?identity=1' : '';
  const details: ChallengeDetails = /^bearer +gha_/i.test(headers.authorization ?? '')
    ? { error: 'invalid_token' }
    : {};
  return challenge(address, rootPath, request, details, query);
}
