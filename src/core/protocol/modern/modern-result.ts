import { findMember, scanArray, scanObject } from '../json-scan.js';
import { splice, type Replacement } from '../splice.js';
import { META } from './meta-keys.js';
import { withMembersSet, withoutMembers } from './object-text.js';

/** How long a result is good, and for whom (2026-07-28, "Caching"). */
export interface CacheHints {
  /** Milliseconds, ≥ 0. */
  readonly ttlMs: number;
  readonly cacheScope: 'public' | 'private';
}

/** What is known of nothing: an upstream of the legacy era promises neither. */
export const NO_CACHING: CacheHints = Object.freeze({ ttlMs: 0, cacheScope: 'private' });

/** The hints of something put together: the shortest span, and private as soon as one part is or nothing is in it. */
export function combineCacheHints(parts: readonly CacheHints[]): CacheHints {
  if (parts.length === 0) return NO_CACHING;
  return {
    ttlMs: Math.min(...parts.map(({ ttlMs }) => ttlMs)),
    cacheScope: parts.some(({ cacheScope }) => cacheScope === 'private') ? 'private' : 'public',
  };
}

const EXECUTION: ReadonlySet<string> = new Set(['execution']);

/**
 * A complete result of a legacy upstream (or of the gateway) in the form of 2026-07-28: `resultType`, who answered, cache
 * hints where the method has them. Everything else is the text as it came. `result` must be an object's text.
 */
export function toModernResult(result: string, serverInfo: string, hints: CacheHints | undefined): string {
  const members = scanObject(result);
  const set = new Map([['resultType', '"complete"']]);
  if (hints !== undefined) {
    set.set('ttlMs', String(hints.ttlMs));
    set.set('cacheScope', JSON.stringify(hints.cacheScope));
  }
  const meta = findMember(members, '_meta');
  const metaText = meta === undefined ? '{}' : result.slice(meta.start, meta.end);
  set.set('_meta', withServerInfo(metaText, serverInfo));
  return withMembersSet(result, set, members);
}

/** `_meta` that says who answered; an upstream that said so itself is believed. */
function withServerInfo(meta: string, serverInfo: string): string {
  if (meta.charCodeAt(0) !== 0x7b) return `{${JSON.stringify(META.serverInfo)}:${serverInfo}}`;
  const members = scanObject(meta);
  if (findMember(members, META.serverInfo) !== undefined) return meta;
  return withMembersSet(meta, new Map([[META.serverInfo, serverInfo]]), members);
}

/** A tools/list result without `execution`, which belonged to the tasks of 2025-11-25. */
export function withoutExecution(result: string): string {
  if (!result.includes('"execution"')) return result;
  const tools = findMember(scanObject(result), 'tools');
  if (tools === undefined || result.charCodeAt(tools.start) !== 0x5b) return result;
  const replacements: Replacement[] = [];
  for (const span of scanArray(result, tools.start)) {
    if (result.charCodeAt(span.start) !== 0x7b) continue;
    const text = result.slice(span.start, span.end);
    const kept = withoutMembers(text, EXECUTION);
    if (kept !== text) replacements.push({ ...span, with: kept });
  }
  return replacements.length === 0 ? result : splice(result, replacements);
}

/** What a result of the modern era says of itself. */
export interface ResultFacts {
  /** As JSON has it; undefined: complete, or no string. */
  readonly resultType: string | undefined;
  readonly requestState: string | undefined;
  readonly ttlMs: number | undefined;
}

/** Reads only the members it is about, of a result that may be large. */
export function readResultFacts(result: string): ResultFacts {
  const members = result.charCodeAt(0) === 0x7b ? scanObject(result) : [];
  const read = (key: string): unknown => {
    const span = findMember(members, key);
    return span === undefined ? undefined : JSON.parse(result.slice(span.start, span.end));
  };
  const [resultType, requestState, ttlMs] = [read('resultType'), read('requestState'), read('ttlMs')];
  return {
    resultType: typeof resultType === 'string' ? resultType : undefined,
    requestState: typeof requestState === 'string' ? requestState : undefined,
    ttlMs: typeof ttlMs === 'number' && ttlMs >= 0 ? Math.floor(ttlMs) : undefined,
  };
}
