import type { AccessView, ServerView } from '../model/access-view.js';
import type { Principal } from '../model/principal.js';
import type { RegistrySnapshot } from '../model/registry-snapshot.js';
import type { ServerEntry, ToolPolicy } from '../model/server-entry.js';
import { grantFingerprint, grantsServer } from './grants.js';
import { scopeKey, type RequestScope } from './request-scope.js';

/** The decision: what may be seen, or which names of the scope mean nothing to this caller. */
export type ViewDecision =
  | { readonly kind: 'view'; readonly view: AccessView }
  | { readonly kind: 'unknown'; readonly names: readonly string[] };

/** Views kept per snapshot; they are small, and a client has few scopes. */
const VIEWS_PER_SNAPSHOT_MAX = 2_000;

const memo = new WeakMap<RegistrySnapshot, Map<string, ViewDecision>>();

/**
 * The one function that decides access (contract §9): permission ∩ requested scope ∩ the servers' own filters. Listing
 * and calling both ask the view it answers. A name that exists but is not granted is `unknown`, exactly like one that
 * does not exist. Pure for a given snapshot; memoised by grants and scope.
 */
export function resolveView(snapshot: RegistrySnapshot, principal: Principal, scope: RequestScope): ViewDecision {
  let decisions = memo.get(snapshot);
  if (decisions === undefined) {
    decisions = new Map();
    memo.set(snapshot, decisions);
  }
  const key = `${grantFingerprint(principal)}|${scopeKey(scope)}`;
  const known = decisions.get(key);
  if (known !== undefined) return known;
  const decision = decide(snapshot, principal, scope, key);
  if (decisions.size >= VIEWS_PER_SNAPSHOT_MAX) decisions.clear();
  decisions.set(key, decision);
  return decision;
}

function decide(snapshot: RegistrySnapshot, principal: Principal, scope: RequestScope, key: string): ViewDecision {
  const granted = snapshot.servers.filter((entry) => grantsServer(principal, entry));
  if (scope.kind === 'all') {
    return { kind: 'view', view: buildView(snapshot, granted, key, prefixes(snapshot, granted.length)) };
  }

  const grantedIds = new Set(granted.map((entry) => entry.id));
  const chosen = new Set<ServerEntry>();
  const unknown: string[] = [];
  let namesOneServer = scope.names.length === 1;
  for (const name of scope.names) {
    const server = snapshot.byHandle.get(name.toLowerCase());
    if (server !== undefined && grantedIds.has(server.id)) {
      chosen.add(server);
      continue;
    }
    namesOneServer = false;
    const members = (snapshot.byGroup.get(name) ?? []).filter((entry) => grantedIds.has(entry.id));
    if (members.length === 0) unknown.push(name);
    for (const member of members) chosen.add(member);
  }
  if (unknown.length > 0) return { kind: 'unknown', names: unknown };
  const servers = snapshot.servers.filter((entry) => chosen.has(entry));
  const prefixed = !namesOneServer && prefixes(snapshot, servers.length);
  return { kind: 'view', view: buildView(snapshot, servers, key, prefixed) };
}

/** Whether an aggregate scope advertises prefixed names (contract §4, `mcp_tool_prefix`). */
function prefixes(snapshot: RegistrySnapshot, serverCount: number): boolean {
  switch (snapshot.prefixMode) {
    case 'always':
      return true;
    case 'never':
      return false;
    case 'auto':
      return serverCount !== 1;
  }
}

function buildView(
  snapshot: RegistrySnapshot,
  entries: readonly ServerEntry[],
  fingerprint: string,
  prefixed: boolean,
): AccessView {
  const servers = entries.map(serverView);
  return Object.freeze({
    servers,
    byServerId: new Map(servers.map((server) => [server.entry.id, server])),
    byPrefix: new Map(servers.map((server) => [server.entry.prefix, server])),
    naming: prefixed ? 'prefixed' : 'bare',
    separator: snapshot.separator,
    wantsClientHeaders: entries.some(takesClientHeaders),
    fingerprint,
  });
}

function serverView(entry: ServerEntry): ServerView {
  return { entry, toolsFingerprint: 'policy', allowsTool: (name) => policyAllows(entry.tools, name) };
}

/** The server's own lists: the allow-list has priority when both are set (contract §9). */
function policyAllows(policy: ToolPolicy, name: string): boolean {
  return policy.allowed === undefined ? !policy.disallowed.has(name) : policy.allowed.has(name);
}

function takesClientHeaders(entry: ServerEntry): boolean {
  if (entry.extraHeaders.length > 0) return true;
  return entry.endpoint.kind === 'stdio' && Object.keys(entry.endpoint.env).length > 0;
}
