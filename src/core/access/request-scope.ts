/**
 * What one request asks to be narrowed to (contract §3): everything; the named servers, aliases, ids, access groups and
 * toolsets; or one toolset. A path names what must exist (404 otherwise); `x-mcp-servers` is answered with the names that
 * are unknown.
 */
export type RequestScope =
  | { readonly kind: 'all' }
  | { readonly kind: 'named'; readonly names: readonly string[]; readonly source: 'path' | 'filter' }
  | { readonly kind: 'toolset'; readonly name: string };

export const SCOPE_ALL: RequestScope = Object.freeze({ kind: 'all' });

/** Same text, same scope. */
export function scopeKey(scope: RequestScope): string {
  switch (scope.kind) {
    case 'all':
      return '*';
    case 'named':
      return `${scope.source}:${JSON.stringify(scope.names)}`;
    case 'toolset':
      return `toolset:${JSON.stringify(scope.name)}`;
  }
}
