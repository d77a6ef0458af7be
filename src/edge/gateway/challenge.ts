import type { IncomingMessage } from 'node:http';
import type { PublicAddress } from '../../platform/http/public-address.js';

/** `WWW-Authenticate` of a 401: where the metadata of the very path that was asked for lies (RFC 9728 §5.1). */
export function challenge(address: PublicAddress, rootPath: string, request: IncomingMessage): string {
  const path = (request.url ?? '/mcp').split('?', 1)[0] ?? '/mcp';
  const below = path.startsWith(`${rootPath}/`) ? path.slice(rootPath.length) : path;
  // The path is the client's own; a quote in it would end the parameter.
  const safe = below.replace(/[^A-Za-z0-9/_.,~%-]/g, '').replace(/\/$/, '');
  return `Bearer resource_metadata="${address.baseUrl(request)}/.well-known/oauth-protected-resource${safe}"`;
}
