import { GatewayError } from '../../core/errors/gateway-error.js';
import type { Limits } from '../../core/model/limits.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import { combineCacheHints, NO_CACHING, type CacheHints } from '../../core/protocol/modern/modern-result.js';
import { isModernVersion } from '../../core/protocol/modern/modern-version.js';
import { requestText, type RpcMessage } from '../../core/protocol/rpc-message.js';
import { CallControl, type ResolvedCredential, type UpstreamOwner, type Upstreams } from '../upstream/upstream.js';
import { readItems, type ListItem } from './list-item.js';
import { LIST_KINDS, type ListKind } from './list-kind.js';

/** Pages followed per list; a server that needs more is looping. */
const PAGES_MAX = 1_000;
const METHOD_NOT_FOUND = -32601;

export interface FetchedList {
  readonly items: readonly ListItem[];
  readonly dropped: readonly string[];
  /** What a server of the modern era says of keeping it; undefined: a legacy one, which says nothing. */
  readonly hints: CacheHints | undefined;
}

const NOTHING: FetchedList = { items: [], dropped: [], hints: undefined };

/**
 * Asks one upstream for one complete list, following its pages, within `limits.listTimeoutMs` in all. An upstream that
 * does not offer the capability has an empty list and is not asked. Throws GatewayError `upstream/*`.
 */
export async function fetchList(
  upstreams: Upstreams,
  limits: Limits,
  kind: ListKind,
  entry: ServerEntry,
  credential: ResolvedCredential,
  owner: UpstreamOwner,
): Promise<FetchedList> {
  const control = new CallControl();
  const { promise: overdue, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(listError('upstream/timeout', entry, `no complete list within ${limits.listTimeoutMs} ms`));
    control.abandon();
  }, limits.listTimeoutMs);
  try {
    return await Promise.race([followPages(upstreams, limits, kind, entry, credential, owner, control), overdue]);
  } finally {
    clearTimeout(timer);
  }
}

async function followPages(
  upstreams: Upstreams,
  limits: Limits,
  kind: ListKind,
  entry: ServerEntry,
  credential: ResolvedCredential,
  owner: UpstreamOwner,
  control: CallControl,
): Promise<FetchedList> {
  const facts = LIST_KINDS[kind];
  const info = await upstreams.info(entry, credential, owner);
  if (info.capabilities[facts.capability] === undefined) return NOTHING;

  const isModern = isModernVersion(info.protocolVersion);
  const bounds = {
    depthMax: limits.jsonDepthMax,
    mirrors: isModern && entry.endpoint.kind === 'http',
    pins: kind === 'tools' ? entry.tools.pins : undefined,
  };
  const hints: CacheHints[] = [];
  const items: ListItem[] = [];
  const dropped: string[] = [];
  const seen = new Set<string>();
  const cursors = new Set<string>();
  let cursor: string | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const id = upstreams.nextRequestId();
    const params = cursor === undefined ? undefined : JSON.stringify({ cursor });
    const reply = await upstreams.request(entry, credential, owner, {
      id,
      method: facts.method,
      text: requestText(id, facts.method, params),
      repeatable: true,
      idleTimeoutMs: limits.listTimeoutMs,
      // Servers without sessions learn with each request what the client can do, and list by it.
      client: owner.client,
      control,
    });
    const error = reply.value['error'];
    if (error !== undefined) {
      if (page === 0 && errorCode(error) === METHOD_NOT_FOUND) return NOTHING;
      throw listError('upstream/bad_reply', entry, `${facts.method} failed: ${errorMessage(error)}`);
    }
    const read = readItems(kind, reply, seen, bounds);
    if (isModern) hints.push(readHints(reply));
    items.push(...read.items);
    dropped.push(...read.dropped);
    if (items.length > limits.listItemsMax) {
      throw listError('upstream/too_large', entry, `more than ${limits.listItemsMax} items in ${facts.method}`);
    }
    cursor = nextCursor(reply);
    if (cursor === undefined) return { items, dropped, hints: isModern ? combineCacheHints(hints) : undefined };
    if (cursors.has(cursor)) throw listError('upstream/bad_reply', entry, `${facts.method} repeats a cursor`);
    cursors.add(cursor);
  }
  throw listError('upstream/too_large', entry, `more than ${PAGES_MAX} pages in ${facts.method}`);
}

/** What is missing, or is not what it should be, promises nothing. */
function readHints(reply: RpcMessage): CacheHints {
  const { ttlMs, cacheScope } = reply.value['result'] as { ttlMs?: unknown; cacheScope?: unknown };
  return {
    ttlMs: typeof ttlMs === 'number' && ttlMs >= 0 ? ttlMs : NO_CACHING.ttlMs,
    cacheScope: cacheScope === 'public' ? 'public' : 'private',
  };
}

function nextCursor(reply: RpcMessage): string | undefined {
  const cursor = (reply.value['result'] as Record<string, unknown>)['nextCursor'];
  return typeof cursor === 'string' && cursor !== '' ? cursor : undefined;
}

function errorCode(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}

function errorMessage(error: unknown): string {
  const message = (error as { message?: unknown } | null)?.message;
  return typeof message === 'string' ? message.slice(0, 200) : 'no message';
}

function listError(
  code: 'upstream/timeout' | 'upstream/bad_reply' | 'upstream/too_large',
  entry: ServerEntry,
  reason: string,
): GatewayError {
  return new GatewayError(code, {
    detail: `${entry.name}: ${reason}`,
    data: { server: entry.name, reason, retryable: code === 'upstream/timeout' },
  });
}
