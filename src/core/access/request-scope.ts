/**
 * What one request asks to be narrowed to (contract §3): everything, or the named servers, aliases, ids, access groups.
 * A path names what must exist (404 otherwise); `x-mcp-servers` is answered with the names that are unknown.
 */
export type RequestScope =
  | { readonly kind: 'all' }
  | { readonly kind: 'named'; readonly names: readonly string[]; readonly source: 'path' | 'filter' };

export const SCOPE_ALL: RequestScope = Object.freeze({ kind: 'all' });

/** Same text, same scope. */
export function scopeKey(scope: RequestScope): string {
  return scope.kind === 'all' ? '*' : `${scope.source}:${JSON.stringify(scope.names)}`;
}
