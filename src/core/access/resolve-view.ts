import type { AccessView, ServerView } from '../model/access-view.js';
import type { Principal } from '../model/principal.js';
import type { RegistrySnapshot } from '../model/registry-snapshot.js';
import type { ServerEntry } from '../model/server-entry.js';
import { dependsOnCaller } from './depends-on-caller.js';
import { effectiveGrant, grantKey, type EffectiveGrant } from './effective-grant.js';
import { findToolset, intersectTools } from './level-grant.js';
import { placeSees } from './place-sees.js';
import { RecentMemo } from './recent-memo.js';
import { SCOPE_ALL, scopeKey, type RequestScope } from './request-scope.js';
import { GrantedServer } from './server-view.js';

/** The decision: what may be seen, or which names of the scope mean nothing to this caller. */
export type ViewDecision =
  | { readonly kind: 'view'; readonly view: AccessView }
  | { readonly kind: 'unknown'; readonly names: readonly string[] };

/** What is known of where a request comes from. */
export interface CallerPlace {
  /** From outside the internal address ranges: sees only servers that are public (contract §9). */
  readonly external: boolean;
}

/** Servers in all remembered views and grants of one snapshot; each costs about a hundred bytes. */
const REMEMBERED_SERVERS_MAX = 100_000;

interface Memo {
  readonly views: RecentMemo<ViewDecision>;
  readonly grants: RecentMemo<EffectiveGrant>;
  /** The same text again is found faster than an equal one. */
  readonly keys: WeakMap<Principal, RememberedKeys>;
}

/** What views of one principal are remembered under; paths give the very same list of names each time. */
interface RememberedKeys {
  readonly inside: string;
  readonly outside: string;
  readonly insideOfPath: WeakMap<readonly string[], string>;
}

const memos = new WeakMap<RegistrySnapshot, Memo>();

/**
 * The one function that decides access (contract §9): permission ∩ requested scope ∩ the servers' own filters. Listing
 * and calling both ask the view it answers. A name that exists but is not granted is `unknown`, exactly like one that
 * does not exist. Pure for a given snapshot; memoised by grants, scope and place.
 */
export function resolveView(
  snapshot: RegistrySnapshot,
  principal: Principal,
  scope: RequestScope,
  place?: CallerPlace,
): ViewDecision {
  let memo = memos.get(snapshot);
  if (memo === undefined) {
    memo = {
      views: new RecentMemo(REMEMBERED_SERVERS_MAX),
      grants: new RecentMemo(REMEMBERED_SERVERS_MAX),
      keys: new WeakMap(),
    };
    memos.set(snapshot, memo);
  }
  const external = place?.external === true;
  const key = keyOf(memo, snapshot, principal, external, scope);
  const known = memo.views.get(key);
  if (known !== undefined) return known;

  const decision = decide(snapshot, grantOf(memo, snapshot, principal), scope, external, key);
  return memo.views.set(key, decision, 1 + (decision.kind === 'view' ? decision.view.servers.length : 0));
}

function keyOf(
  memo: Memo,
  snapshot: RegistrySnapshot,
  principal: Principal,
  external: boolean,
  scope: RequestScope,
): string {
  let keys = memo.keys.get(principal);
  if (keys === undefined) {
    const grants = grantKey(snapshot, principal);
    keys = {
      inside: viewKey(grants, false, SCOPE_ALL),
      outside: viewKey(grants, true, SCOPE_ALL),
      insideOfPath: new WeakMap(),
    };
    memo.keys.set(principal, keys);
  }
  if (scope.kind === 'all') return external ? keys.outside : keys.inside;
  const isPath = scope.kind === 'named' && scope.source === 'path' && !external;
  const known = isPath ? keys.insideOfPath.get(scope.names) : undefined;
  if (known !== undefined) return known;
  const key = viewKey(grantKey(snapshot, principal), external, scope);
  if (isPath) keys.insideOfPath.set(scope.names, key);
  return key;
}

function viewKey(grants: string, external: boolean, scope: RequestScope): string {
  return `${grants}|${external ? 'external' : ''}|${scopeKey(scope)}`;
}

function grantOf(memo: Memo, snapshot: RegistrySnapshot, principal: Principal): EffectiveGrant {
  const key = grantKey(snapshot, principal);
  const known = memo.grants.get(key);
  if (known !== undefined) return known;
  const grant = effectiveGrant(snapshot, principal);
  return memo.grants.set(key, grant, 1 + grant.size);
}

function decide(
  snapshot: RegistrySnapshot,
  grant: EffectiveGrant,
  scope: RequestScope,
  external: boolean,
  key: string,
): ViewDecision {
  const seen = (entry: ServerEntry): boolean => grant.has(entry.id) && placeSees(snapshot, entry, external);
  const selection = new Selection(snapshot, grant, seen);
  const unknown: string[] = [];
  let namesOneServer = false;
  switch (scope.kind) {
    case 'all':
      for (const entry of snapshot.servers) if (seen(entry)) selection.add(entry);
      break;
    case 'toolset':
      if (!selection.addToolset(scope.name)) unknown.push(scope.name);
      break;
    case 'named':
      namesOneServer = scope.names.length === 1;
      for (const name of scope.names) {
        if (selection.addServer(name)) continue;
        namesOneServer = false;
        if (!selection.addGroup(name) && !selection.addToolset(name)) unknown.push(name);
      }
  }
  if (unknown.length > 0) return { kind: 'unknown', names: unknown };
  const servers = selection.servers();
  const prefixed = !namesOneServer && prefixes(snapshot, servers.length);
  return { kind: 'view', view: buildView(snapshot, servers, prefixed, key) };
}

/** What of each server is asked for and granted. Every `add` answers whether the caller can see anything of that name. */
class Selection {
  /** Undefined: the whole server; else the only tools of it that are asked for. */
  readonly #asked = new Map<ServerEntry, ReadonlySet<string> | undefined>();

  constructor(
    private readonly snapshot: RegistrySnapshot,
    private readonly grant: EffectiveGrant,
    private readonly seen: (entry: ServerEntry) => boolean,
  ) {}

  add(entry: ServerEntry): void {
    this.#asked.set(entry, undefined);
  }

  addServer(name: string): boolean {
    const server = this.snapshot.byHandle.get(name.toLowerCase());
    if (server === undefined || !this.seen(server)) return false;
    this.add(server);
    return true;
  }

  addGroup(name: string): boolean {
    const members = (this.snapshot.byGroup.get(name) ?? []).filter(this.seen);
    for (const member of members) this.add(member);
    return members.length > 0;
  }

  /** Exactly its pairs, as far as they are granted. */
  addToolset(name: string): boolean {
    let found = false;
    for (const [id, tools] of findToolset(this.snapshot, name)?.tools ?? []) {
      const entry = this.snapshot.byId.get(id);
      if (entry === undefined || !this.seen(entry)) continue;
      const granted = intersectTools(tools, this.grant.get(id)?.tools);
      if (granted?.size === 0) continue;
      found = true;
      if (!this.#asked.has(entry)) this.#asked.set(entry, granted);
      else {
        const before = this.#asked.get(entry);
        if (before !== undefined) this.#asked.set(entry, new Set([...before, ...(granted ?? [])]));
      }
    }
    return found;
  }

  /** In order of prefix. */
  servers(): readonly ServerView[] {
    return this.snapshot.servers.flatMap((entry) => {
      const granted = this.grant.get(entry.id);
      if (granted === undefined || !this.#asked.has(entry)) return [];
      const asked = this.#asked.get(entry);
      const toolsOnly = asked !== undefined || granted.source === 'toolset';
      return [new GrantedServer(entry, intersectTools(granted.tools, asked), toolsOnly)];
    });
  }
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
  servers: readonly ServerView[],
  prefixed: boolean,
  fingerprint: string,
): AccessView {
  const shape = (shown: readonly ServerView[], suffix: string): Omit<AccessView, 'content'> => ({
    servers: shown,
    byServerId: new Map(shown.map((server) => [server.entry.id, server])),
    byPrefix: new Map(shown.map((server) => [server.entry.prefix, server])),
    naming: prefixed ? 'prefixed' : 'bare',
    separator: snapshot.separator,
    wantsClientHeaders: shown.some(({ entry }) => takesClientHeaders(entry)),
    wantsCaller: shown.some(({ entry }) => dependsOnCaller(entry) || entry.identityHeader !== undefined),
    fingerprint: fingerprint + suffix,
  });
  const content = servers.some(({ toolsOnly }) => toolsOnly)
    ? viewOfItself(
        shape(
          servers.filter(({ toolsOnly }) => !toolsOnly),
          '|content',
        ),
      )
    : undefined;
  const whole = shape(servers, '');
  return content === undefined ? viewOfItself(whole) : Object.freeze({ ...whole, content });
}

/** Every server of it shows its prompts and resources. */
function viewOfItself(shape: Omit<AccessView, 'content'>): AccessView {
  const view: Omit<AccessView, 'content'> & { content?: AccessView } = { ...shape };
  const complete = view as AccessView & { content: AccessView };
  complete.content = complete;
  return Object.freeze(complete);
}

function takesClientHeaders(entry: ServerEntry): boolean {
  if (entry.extraHeaders.length > 0) return true;
  return entry.endpoint.kind === 'stdio' && Object.keys(entry.endpoint.env).length > 0;
}
