import { Inject, Injectable } from '@nestjs/common';
import type { ClientCapabilities } from '../../core/model/client-capabilities.js';
import type { Principal } from '../../core/model/principal.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import { isShown, LOG_LEVELS, type LogLevel } from '../../core/protocol/log-level.js';
import { declaresTasks } from '../../core/protocol/modern/tasks-extension.js';
import { relatedTask } from '../../core/protocol/task-ids.js';
import { requestText, type RpcMessage } from '../../core/protocol/rpc-message.js';
import { Catalog } from '../../engine/catalog/catalog.js';
import {
  errorReply,
  type ClientInteraction,
  type ClientReply,
  type ServerRequest,
} from '../../engine/upstream/client-interaction.js';
import { UpstreamPool } from '../../engine/upstream/upstream-pool.js';
import type { CallControl, ResolvedCredential, UpstreamOwner } from '../../engine/upstream/upstream.js';
import type { ModernCall } from './modern-call.js';
import { TaskWatches } from './modern-task-watches.js';

/** Owners remembered in all, and of one principal, whose clients may declare many things. */
const OWNERS_MAX = 10_000;
const OWNERS_PER_PRINCIPAL_MAX = 8;

/** What an owner needs of the rooms around it. */
export interface OwnerMeans {
  readonly catalog: Catalog;
  readonly upstreams: UpstreamPool;
  readonly watches: TaskWatches;
}

/**
 * Upstream sessions of the modern calls of one principal whose client declares the same (contract §5). Upstreams are told
 * what it declares, as it is; what they say outside of calls goes to the only call it can be about.
 */
export class ModernOwner implements UpstreamOwner {
  readonly key: string;
  /** Undefined for a client that declared nothing: there is nothing to ask it. */
  readonly client: ClientInteraction | undefined;
  /** What a server asks, many ask on the stream for messages outside of calls. */
  readonly alwaysListens: boolean;
  /** Running, parked ones included. */
  readonly calls = new Set<ModernCall>();
  /** The least severe level each server was asked for. */
  readonly #levels = new Map<string, LogLevel>();

  constructor(
    private readonly principalId: string,
    private readonly capabilities: ClientCapabilities,
    private readonly means: OwnerMeans,
  ) {
    const key = `principal:${principalId}#modern:${capabilities.fingerprint}`;
    this.key = key;
    const ask: ClientInteraction['ask'] = (request, control) => this.#ask(request, control);
    this.client = capabilities.fingerprint === '' ? undefined : { key, capabilities, ask };
    this.alwaysListens = this.client !== undefined;
  }

  /** A question that came outside of calls: pipes carry all of them so, and many servers ask that way over HTTP. */
  #ask(request: ServerRequest, control: CallControl): Promise<ClientReply> {
    const ofTask = this.askAboutTask(request, control);
    if (ofTask !== undefined) return ofTask;
    const call = this.#callAt(request.entry);
    if (call !== undefined) return call.ask(request, control);
    return Promise.resolve(errorReply(-32_603, 'It cannot be told which call this belongs to'));
  }

  /** A question that belongs to a task waits until somebody looks at that; undefined: it belongs to none. */
  askAboutTask(request: ServerRequest, control: CallControl): Promise<ClientReply> | undefined {
    if (!declaresTasks(this.capabilities.value)) return undefined;
    const taskId = request.params === undefined ? undefined : relatedTask(request.params);
    if (taskId === undefined) return undefined;
    const { watches } = this.means;
    return watches.open(this.principalId, request.entry.id, taskId, this.capabilities)?.ask(request, control);
  }

  onNotification(entry: ServerEntry, message: RpcMessage): void {
    const { method, params } = message.value as { method?: unknown; params?: { level?: unknown } };
    if (method !== 'notifications/message') {
      this.means.catalog.invalidate(entry, method);
      return;
    }
    const call = this.#callAt(entry);
    if (call?.logLevel !== undefined && isShown(params?.level, call.logLevel)) void call.emit(message.text);
  }

  onDisconnect(entry: ServerEntry): void {
    this.#levels.delete(entry.fingerprint);
  }

  /**
   * Asks the server for log messages of this level, if it can log and has not been asked for as much. Calls filter by
   * themselves; a child that others share is not told, as one caller's wish must not change what others hear.
   */
  async ensureLogLevel(entry: ServerEntry, credential: ResolvedCredential, level: LogLevel): Promise<void> {
    const { upstreams } = this.means;
    const asked = this.#levels.get(entry.fingerprint);
    if (asked !== undefined && LOG_LEVELS.indexOf(asked) <= LOG_LEVELS.indexOf(level)) return;
    if (entry.endpoint.kind === 'stdio' && entry.endpoint.isolation === 'server') return;
    if (upstreams.knownInfo(entry, credential)?.capabilities['logging'] === undefined) return;
    this.#levels.set(entry.fingerprint, level);
    const id = upstreams.nextRequestId();
    const method = 'logging/setLevel';
    const text = requestText(id, method, JSON.stringify({ level }));
    try {
      await upstreams.request(entry, credential, this, { id, method, text, repeatable: true });
    } catch {
      // The call comes next and says what is wrong; without a level it may only hear less.
      this.#levels.delete(entry.fingerprint);
    }
  }

  #callAt(entry: ServerEntry): ModernCall | undefined {
    let found: ModernCall | undefined;
    for (const call of this.calls) {
      if (call.target?.server.entry.id !== entry.id) continue;
      if (found !== undefined) return undefined;
      found = call;
    }
    return found;
  }
}

/** Owners of the upstream sessions of modern callers; the longest unused without a running call goes first. */
@Injectable()
export class ModernOwners {
  readonly #owners = new Map<string, Map<string, ModernOwner>>();
  readonly #means: OwnerMeans;
  #count = 0;

  constructor(
    @Inject(Catalog) catalog: Catalog,
    @Inject(UpstreamPool) upstreams: UpstreamPool,
    @Inject(TaskWatches) watches: TaskWatches,
  ) {
    this.#means = { catalog, upstreams, watches };
  }

  of(principal: Principal, capabilities: ClientCapabilities): ModernOwner {
    const siblings = this.#owners.get(principal.id) ?? new Map<string, ModernOwner>();
    const known = siblings.get(capabilities.fingerprint);
    // Last used, last to go.
    siblings.delete(capabilities.fingerprint);
    this.#owners.delete(principal.id);
    this.#owners.set(principal.id, siblings);
    if (known !== undefined) {
      siblings.set(capabilities.fingerprint, known);
      return known;
    }
    if (siblings.size >= OWNERS_PER_PRINCIPAL_MAX) this.#releaseOne(siblings);
    for (const [id, others] of this.#owners) {
      if (this.#count < OWNERS_MAX || id === principal.id) break;
      this.#releaseOne(others);
      if (others.size === 0) this.#owners.delete(id);
    }
    const owner = new ModernOwner(principal.id, capabilities, this.#means);
    siblings.set(capabilities.fingerprint, owner);
    this.#count += 1;
    return owner;
  }

  #releaseOne(owners: Map<string, ModernOwner>): void {
    for (const [fingerprint, owner] of owners) {
      if (owner.calls.size > 0) continue;
      owners.delete(fingerprint);
      this.#count -= 1;
      this.#means.upstreams.releaseOwner(owner.key);
      return;
    }
  }
}
