import { isLegacyVersion, LATEST_LEGACY_VERSION, type LegacyVersion } from '../../../core/protocol/versions.js';
import type { ClientCapabilities } from '../../../core/model/client-capabilities.js';
import { findMember, scanObject } from '../../../core/protocol/json-scan.js';
import { rawMember, type RpcMessage } from '../../../core/protocol/rpc-message.js';
import type { AccessView, ServerView } from '../../../core/model/access-view.js';
import type { Caller } from '../../../engine/catalog/caller.js';
import { isAggregate } from '../../../engine/catalog/render-item.js';
import type { UpstreamInfo } from '../../../engine/upstream/upstream.js';
import { PRODUCT } from '../../../core/protocol/product.js';
import { legacyClientCapabilities, legacyOffer } from '../era-capabilities.js';
import type { Engine } from './forward.js';
import { mergeCapabilities } from './merge-capabilities.js';

/** How long a first client waits for upstreams nobody has talked to yet; the others are asked behind the answer. */
const WAIT_MS = 2_000;

/** The revision to answer: the client's own if we speak it, else our newest (protocol page §1.4). */
export function negotiateVersion(offered: unknown): LegacyVersion {
  return isLegacyVersion(offered) ? offered : LATEST_LEGACY_VERSION;
}

/** What the client declares in its `initialize`. */
export function declaredCapabilities(message: RpcMessage): ClientCapabilities {
  const params = rawMember(message, 'params');
  const span = params?.startsWith('{') === true ? findMember(scanObject(params), 'capabilities') : undefined;
  return legacyClientCapabilities(span === undefined ? undefined : params?.slice(span.start, span.end));
}

/** The result of `initialize` for this view: capabilities are the union of the upstreams', instructions are merged. */
export async function initializeResult(
  engine: Engine,
  view: AccessView,
  caller: Caller,
  version: LegacyVersion,
): Promise<string> {
  const { capabilities, instructions } = await viewOffer(engine, view, caller);
  return JSON.stringify({
    protocolVersion: version,
    capabilities: legacyOffer(capabilities),
    serverInfo: { name: PRODUCT.name, title: PRODUCT.title, version: PRODUCT.version },
    ...(instructions === undefined ? {} : { instructions }),
  });
}

/** What the servers of a view offer together. */
export interface ViewOffer {
  readonly capabilities: Record<string, unknown>;
  readonly instructions: string | undefined;
}

/** Asks servers that nobody has asked yet, for {@link WAIT_MS} at most. */
export async function viewOffer(engine: Engine, view: AccessView, caller: Caller): Promise<ViewOffer> {
  const infos = await knownInfos(engine, view, caller);
  return {
    capabilities: mergeCapabilities(infos, infos.size === view.servers.length && infos.size > 0),
    instructions: mergeInstructions(view, infos),
  };
}

/** What upstreams said of themselves; those that were never asked are asked now, for {@link WAIT_MS} at most. */
async function knownInfos(
  engine: Engine,
  view: AccessView,
  caller: Caller,
): Promise<ReadonlyMap<ServerView, UpstreamInfo>> {
  const unknown = view.servers.filter(
    (server) => engine.catalog.slot('tools', server, caller).peek().kind === 'unknown',
  );
  if (unknown.length > 0) {
    const { promise: overdue, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, WAIT_MS);
    const asked = unknown.map((server) => engine.catalog.listOf('tools', server, caller));
    await Promise.race([Promise.allSettled(asked), overdue]);
    clearTimeout(timer);
  }
  const infos = new Map<ServerView, UpstreamInfo>();
  for (const server of view.servers) {
    const credential = engine.upstreams.resolveCredential(server.entry, caller.offer);
    const info = engine.upstreams.knownInfo(server.entry, credential);
    if (info !== undefined) infos.set(server, info);
  }
  return infos;
}

function mergeInstructions(view: AccessView, infos: ReadonlyMap<ServerView, UpstreamInfo>): string | undefined {
  const parts: string[] = [];
  for (const server of view.servers) {
    const text = server.entry.instructions ?? infos.get(server)?.instructions;
    if (text === undefined || text.trim() === '') continue;
    parts.push(isAggregate(view) ? `## ${server.entry.prefix}\n\n${text}` : text);
  }
  return parts.length === 0 ? undefined : parts.join('\n\n');
}
