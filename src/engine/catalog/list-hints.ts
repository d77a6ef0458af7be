import type { AccessView } from '../../core/model/access-view.js';
import { combineCacheHints, NO_CACHING, type CacheHints } from '../../core/protocol/modern/modern-result.js';
import type { Caller } from './caller.js';
import type { Catalog } from './catalog.js';
import type { ListKind } from './list-kind.js';

/**
 * How long a client may keep a list of this view (2026-07-28, "Caching"): until the first of its parts is to be asked for
 * again. Always private: a view is what its caller may see.
 */
export function listHints(catalog: Catalog, kind: ListKind, view: AccessView, caller: Caller): CacheHints {
  const parts = view.servers.map((server) => {
    const hints = catalog.heldList(kind, server, caller)?.hints;
    if (hints === undefined) return NO_CACHING;
    const { ageMs } = catalog.slot(kind, server, caller);
    return { ...hints, ttlMs: Math.max(0, Math.floor(hints.ttlMs - ageMs)) };
  });
  return { ...combineCacheHints(parts), cacheScope: 'private' };
}
