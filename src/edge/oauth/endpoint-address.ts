import { endpointAt } from '../gateway/route.js';

/** RFC 3986 unreserved and what else stands in paths of ours; nothing that needs quoting anywhere. */
const PATH = /^[A-Za-z0-9/_.,~%@:+-]*$/;

/** The endpoint (`/mcp`, `/mcp/{names}`, `/toolset/{name}/mcp`) a path below the base leads to; undefined: none. */
export function endpointOf(path: string): string | undefined {
  if (path.length > 1_000 || !PATH.test(path)) return undefined;
  const endpoint = endpointAt(path);
  // Names are decoded; people read them on a page and in logs.
  return endpoint === undefined || /\p{Cc}/u.test(endpoint) ? undefined : endpoint;
}

/**
 * The endpoint a resource indicator (RFC 8707) names. Undefined for anything but an address of ours. Whether such a server
 * exists, and whether the caller may use it, is not told here: the endpoint says so to who comes with a token.
 */
export function endpointOfResource(baseUrl: string, resource: string): string | undefined {
  const url = URL.parse(resource);
  const base = new URL(baseUrl);
  if (url?.origin !== base.origin || url.username !== '' || resource.includes('#')) return undefined;
  const root = base.pathname.replace(/\/$/, '');
  if (url.search !== '' || !url.pathname.startsWith(`${root}/`)) return undefined;
  return endpointOf(url.pathname.slice(root.length));
}
