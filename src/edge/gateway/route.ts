/** Which door of the data plane a path is; anything else belongs to Nest. */
export type Route =
  | { readonly door: 'mcp' | 'sse' | 'messages'; readonly names: readonly string[] | undefined }
  | { readonly door: 'toolset'; readonly toolset: string }
  | { readonly door: 'rest-list' | 'rest-call' };

/** What may follow the names in `/mcp/{names}/…`; clients of the field put it there (reference §2.1, Appendix A). */
const HARMLESS_SUFFIXES: ReadonlySet<string> = new Set(['', 'tools', 'mcp', 'chat/completions']);

/** Paths seen lately; clients use few, attackers many. */
const ROUTES_MAX = 2_000;

/** Reads paths below the root path. Contract §3. */
export class RouteTable {
  readonly #known = new Map<string, Route | undefined>();

  /** @param rootPath `SERVER_ROOT_PATH`, without a trailing slash; empty at the root. */
  constructor(private readonly rootPath: string) {}

  /** `path` is the request target without its query. */
  find(path: string): Route | undefined {
    const known = this.#known.get(path);
    if (known !== undefined || this.#known.has(path)) return known;
    const route = parseRoute(this.rootPath, path);
    if (this.#known.size >= ROUTES_MAX) this.#known.clear();
    this.#known.set(path, route);
    return route;
  }
}

export function parseRoute(rootPath: string, fullPath: string): Route | undefined {
  if (!fullPath.startsWith(`${rootPath}/`)) return undefined;
  const path = fullPath.slice(rootPath.length + 1);
  const segments = decodeSegments(path.split('/'));
  if (segments === undefined) return undefined;
  if (segments.length > 1 && segments.at(-1) === '') segments.pop();
  const [first = '', second = '', ...rest] = segments;

  if (first === 'mcp-rest') {
    if (second === 'tools' && rest.length === 1 && rest[0] === 'list') return { door: 'rest-list' };
    if (second === 'tools' && rest.length === 1 && rest[0] === 'call') return { door: 'rest-call' };
    return undefined;
  }
  if (first === 'toolset') {
    return rest.length === 1 && rest[0] === 'mcp' && second !== '' ? { door: 'toolset', toolset: second } : undefined;
  }
  if (first === 'sse') return segments.length === 1 ? { door: 'sse', names: undefined } : undefined;
  if (first === 'messages') return segments.length === 1 ? { door: 'messages', names: undefined } : undefined;
  if (first === 'mcp') return belowMcp(second, rest, segments.length);
  if (segments.length !== 2 || first === '') return undefined;
  switch (second) {
    case 'mcp':
    case 'sse':
    case 'messages':
      return { door: second, names: splitNames(first) };
    default:
      return undefined;
  }
}

/**
 * One name for the endpoint behind a route, whatever its spelling (`/{names}/mcp`, the old transport): what tokens are for.
 * Undefined: not an endpoint that clients connect to.
 */
export function endpointPath(route: Route): string | undefined {
  if (route.door === 'toolset') return `/toolset/${route.toolset}/mcp`;
  if (!('names' in route)) return undefined;
  return route.names === undefined ? '/mcp' : `/mcp/${route.names.join(',')}`;
}

/** The same of a path below the base address, as tokens of others may name it. */
export function endpointAt(path: string): string | undefined {
  const route = parseRoute('', path);
  return route === undefined ? undefined : endpointPath(route);
}

/** `/mcp`, `/mcp/{names}`, and the old transport's `/mcp/sse`, `/mcp/{names}/sse`. */
function belowMcp(second: string, rest: readonly string[], count: number): Route | undefined {
  if (count === 1) return { door: 'mcp', names: undefined };
  if (second === 'sse' && (rest.length === 0 || (rest.length === 1 && rest[0] === 'messages'))) {
    return { door: rest.length === 0 ? 'sse' : 'messages', names: undefined };
  }
  const suffix = rest.join('/');
  if (suffix === 'sse' || suffix === 'messages') return { door: suffix, names: splitNames(second) };
  if (HARMLESS_SUFFIXES.has(suffix)) return { door: 'mcp', names: splitNames(second) };
  return { door: 'mcp', names: [[second, ...rest].join('/')] };
}

/** `a,b` → names; used for paths and for `x-mcp-servers`. */
export function splitNames(list: string): readonly string[] {
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

function decodeSegments(segments: readonly string[]): string[] | undefined {
  try {
    return segments.map((segment) => (segment.includes('%') ? decodeURIComponent(segment) : segment));
  } catch {
    // A malformed percent escape names nothing of ours.
    return undefined;
  }
}
