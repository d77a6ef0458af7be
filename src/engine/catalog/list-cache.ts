import { NO_CAPABILITIES, type ClientCapabilities } from '../../core/model/client-capabilities.js';
import type { Limits } from '../../core/model/limits.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import type { RpcMessage } from '../../core/protocol/rpc-message.js';
import type { ResolvedCredential, UpstreamOwner, Upstreams } from '../upstream/upstream.js';
import { DeclaredClient } from '../upstream/client-interaction.js';
import { fetchList } from './fetch-list.js';
import { ALL_LIST_KINDS, kindsChangedBy, type ListKind } from './list-kind.js';
import { ListSlot } from './list-slot.js';
import { ServerList } from './server-list.js';

/** Lists kept for callers with credentials of their own; the least recently used go first. */
const PRIVATE_SCOPES_MAX = 2_000;

/** Declarations of clients that lists are kept for; the one that came first goes first. */
const DECLARED_MAX = 100;
/** How long after a lost session its lists are asked for again. */
const RELISTEN_MS = 500;

/** A list that differs from what was served before: sessions that see the server are told. */
export interface ListChange {
  readonly entry: ServerEntry;
  readonly kind: ListKind;
}

export interface ListCacheEvents {
  onChange(change: ListChange): void;
  onDropped(entry: ServerEntry, kind: ListKind, reasons: readonly string[]): void;
}

/** All lists of one server under one credential, and the gateway's own upstream session they come over. */
interface ServerScope {
  readonly entry: ServerEntry;
  /** The user whose own credential it is. */
  readonly userId: string | undefined;
  readonly owner: UpstreamOwner;
  readonly slots: Readonly<Record<ListKind, ListSlot>>;
}

/**
 * Lists per server, credential scope and client capabilities (contract §7): shared when only the gateway's own credential
 * is used and the server does not call its lists private, else private to one principal and what it contributed. Servers may list by what their client can do (a tool
 * that asks, MCP Apps), so clients that declare different things have lists of their own.
 */
export class ListCache {
  readonly #shared = new Map<string, ServerScope>();
  /** As {@link #shared}, by the capabilities' fingerprint first. */
  readonly #declared = new Map<string, Map<string, ServerScope>>();
  readonly #private = new Map<string, ServerScope>();
  /** Servers whose lists are for one principal each, though all come with the gateway's own credential. */
  readonly #keptApart = new Set<string>();
  /** Owners whose session was lost, until they ask again; at most one per scope. */
  readonly #lost = new Map<string, NodeJS.Timeout>();

  constructor(
    private readonly upstreams: Upstreams,
    private readonly limits: Limits,
    private readonly events: ListCacheEvents,
    private readonly separator: () => string,
    private readonly now: () => number = Date.now,
  ) {}

  /** The slot of one list; made on first use. */
  slot(
    entry: ServerEntry,
    kind: ListKind,
    principalId: string,
    credential: ResolvedCredential,
    capabilities: ClientCapabilities = NO_CAPABILITIES,
  ): ListSlot {
    return this.#scope(entry, principalId, credential, capabilities).slots[kind];
  }

  /** Forgets everything about a server that changed or went away. */
  forget(entry: ServerEntry): void {
    this.#keptApart.delete(entry.fingerprint);
    for (const scopes of this.#all()) {
      for (const [key, scope] of scopes) {
        if (scope.entry.id === entry.id) this.#drop(scopes, key, scope);
      }
    }
  }

  /** What these users keep for servers changed: so may what servers list for them. */
  forgetUsers(userIds: ReadonlySet<string> | 'everybody'): void {
    for (const [key, scope] of this.#private) {
      const { userId } = scope;
      if (userId !== undefined && (userIds === 'everybody' || userIds.has(userId))) {
        this.#drop(this.#private, key, scope);
      }
    }
  }

  /** An upstream said on some session that a list of it changed. */
  invalidate(entry: ServerEntry, method: unknown): void {
    const kinds = kindsChangedBy(method);
    if (kinds.length === 0) return;
    for (const scopes of this.#all()) {
      for (const scope of scopes.values()) {
        if (scope.entry.fingerprint === entry.fingerprint) for (const kind of kinds) scope.slots[kind].invalidate();
      }
    }
  }

  get privateScopes(): number {
    return this.#private.size;
  }

  *#all(): Iterable<Map<string, ServerScope>> {
    yield this.#shared;
    yield this.#private;
    yield* this.#declared.values();
  }

  #scope(
    entry: ServerEntry,
    principalId: string,
    credential: ResolvedCredential,
    capabilities: ClientCapabilities,
  ): ServerScope {
    const declared = capabilities.fingerprint;
    if (credential.identity === 'shared' && !this.#keptApart.has(entry.fingerprint)) {
      const shared = declared === '' ? this.#shared : this.#declaredBy(declared);
      const known = shared.get(entry.fingerprint);
      if (known !== undefined) return known;
      const ownerKey = declared === '' ? `gateway:${entry.fingerprint}` : `gateway:${entry.fingerprint}|${declared}`;
      const scope = this.#open(entry, ownerKey, credential, capabilities);
      shared.set(entry.fingerprint, scope);
      return scope;
    }
    const key = `${entry.fingerprint}|${principalId}|${credential.identity}|${declared}`;
    const known = this.#private.get(key);
    if (known !== undefined) {
      this.#private.delete(key);
      this.#private.set(key, known);
      return known;
    }
    for (const [oldestKey, oldest] of this.#private) {
      if (this.#private.size < PRIVATE_SCOPES_MAX) break;
      this.#drop(this.#private, oldestKey, oldest);
    }
    const scope = this.#open(entry, `gateway:${key}`, credential, capabilities);
    this.#private.set(key, scope);
    return scope;
  }

  #declaredBy(fingerprint: string): Map<string, ServerScope> {
    const known = this.#declared.get(fingerprint);
    if (known !== undefined) return known;
    for (const [oldest, scopes] of this.#declared) {
      if (this.#declared.size < DECLARED_MAX) break;
      for (const [key, scope] of scopes) this.#drop(scopes, key, scope);
      this.#declared.delete(oldest);
    }
    const scopes = new Map<string, ServerScope>();
    this.#declared.set(fingerprint, scopes);
    return scopes;
  }

  #open(
    entry: ServerEntry,
    ownerKey: string,
    credential: ResolvedCredential,
    capabilities: ClientCapabilities,
  ): ServerScope {
    const owner: UpstreamOwner = {
      key: ownerKey,
      isGateway: true,
      client: capabilities === NO_CAPABILITIES ? undefined : new DeclaredClient(ownerKey, capabilities),
      onNotification: (from: ServerEntry, message: RpcMessage) => this.invalidate(from, message.value['method']),
      onDisconnect: () => this.#refreshLater(owner, slots),
    };
    this.upstreams.setListening(owner, true);
    const slots = Object.fromEntries(
      ALL_LIST_KINDS.map((kind) => [
        kind,
        new ListSlot(
          () => this.#fetch(kind, entry, credential, owner),
          () => this.events.onChange({ entry, kind }),
          { freshMs: this.limits.listCacheTtlMs, now: this.now },
        ),
      ]),
    ) as Record<ListKind, ListSlot>;
    return { entry, userId: credential.userId, owner, slots };
  }

  /**
   * With the session the gateway lost its ear: what changed meanwhile was not heard. Asking again, a little later so
   * that a restarting upstream can come up, opens a new session and refreshes what is held.
   */
  #refreshLater(owner: UpstreamOwner, slots: Readonly<Record<ListKind, ListSlot>>): void {
    if (this.#lost.has(owner.key)) return;
    const timer = setTimeout(() => {
      this.#lost.delete(owner.key);
      for (const kind of ALL_LIST_KINDS) slots[kind].refreshIfHeld();
    }, RELISTEN_MS).unref();
    this.#lost.set(owner.key, timer);
  }

  async #fetch(
    kind: ListKind,
    entry: ServerEntry,
    credential: ResolvedCredential,
    owner: UpstreamOwner,
  ): Promise<ServerList> {
    const fetched = await fetchList(this.upstreams, this.limits, kind, entry, credential, owner);
    if (fetched.dropped.length > 0) this.events.onDropped(entry, kind, fetched.dropped);
    const list = new ServerList(fetched.items, entry.prefix, this.separator(), fetched.hints);
    if (list.isPrivate && credential.identity === 'shared') this.#keepApart(entry);
    return list;
  }

  /** What is shared of its lists is not looked at again, by whoever waits for it neither (`Catalog`). */
  #keepApart(entry: ServerEntry): void {
    if (this.#keptApart.has(entry.fingerprint)) return;
    this.#keptApart.add(entry.fingerprint);
    for (const scopes of [this.#shared, ...this.#declared.values()]) {
      const scope = scopes.get(entry.fingerprint);
      if (scope !== undefined) this.#drop(scopes, entry.fingerprint, scope);
    }
  }

  #drop(scopes: Map<string, ServerScope>, key: string, scope: ServerScope): void {
    scopes.delete(key);
    clearTimeout(this.#lost.get(scope.owner.key));
    this.#lost.delete(scope.owner.key);
    this.upstreams.setListening(scope.owner, false);
    this.upstreams.releaseOwner(scope.owner.key);
  }
}
