import type { Principal, RouteAccess } from '../../core/model/principal.js';

/** What a request is for, as far as `key_type` and `allowed_routes` tell requests apart (reference §3). */
export type RouteKind = 'mcp' | 'info' | 'management';

/** What `allowed_routes` may name instead of a path. */
const GROUPS: Readonly<Record<string, readonly RouteKind[]>> = {
  llm_api_routes: ['mcp'],
  mcp_routes: ['mcp'],
  info_routes: ['info'],
  management_routes: ['info', 'management'],
};

const OF_TYPE: Readonly<Record<string, readonly RouteKind[]>> = {
  default: ['mcp', 'info', 'management'],
  llm_api: ['mcp'],
  management: ['info', 'management'],
  read_only: ['info'],
};

/**
 * Which doors a key opens. `allowed_routes` replaces what the type says: route groups and paths. Undefined: every door. A
 * type nobody knows opens none.
 */
export function readRouteAccess(keyType: string, allowedRoutes: readonly string[]): RouteAccess | undefined {
  if (allowedRoutes.length === 0) {
    return keyType === 'default' ? undefined : routeAccess(OF_TYPE[keyType] ?? [], []);
  }
  const paths = allowedRoutes.filter((route) => !Object.hasOwn(GROUPS, route));
  return routeAccess(
    allowedRoutes.flatMap((route) => (Object.hasOwn(GROUPS, route) ? (GROUPS[route] ?? []) : [])),
    paths,
  );
}

/** Whether the caller's key opens this door at all; what they may do behind it is another question. */
export function opensRoute({ routes }: Principal, kind: RouteKind, path: string): boolean {
  return routes === undefined || routes[kind] || routes.paths.some((pattern) => matches(pattern, path));
}

function routeAccess(kinds: readonly RouteKind[], paths: readonly string[]): RouteAccess {
  return Object.freeze({
    mcp: kinds.includes('mcp'),
    info: kinds.includes('info'),
    management: kinds.includes('management'),
    paths,
  });
}

function matches(pattern: string, path: string): boolean {
  if (!pattern.endsWith('*')) return path === pattern || path === `${pattern}/`;
  const stem = pattern.slice(0, -1);
  return path.startsWith(stem) || `${path}/` === stem;
}
