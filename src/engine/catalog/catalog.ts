import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { GatewayError } from '../../core/errors/gateway-error.js';
import { isUserRequirement, requirementName } from '../../core/errors/user-requirement.js';
import type { AccessView, ServerView } from '../../core/model/access-view.js';
import { EMPTY_OFFER } from '../../core/model/client-offer.js';
import type { Limits } from '../../core/model/limits.js';
import type { Secret } from '../../core/model/secret.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import { LIMITS } from '../../platform/config/tokens.js';
import { Sealer } from '../../platform/crypto/sealer.js';
import { CallMetrics } from '../../platform/telemetry/call-metrics.js';
import { LOGGER } from '../../platform/telemetry/logger.token.js';
import { SEALING_SECRET } from '../../platform/database/sealing-secret.js';
import { RegistryService } from '../../state/registry/registry.service.js';
import { UserCredentials } from '../../state/credential/user-credentials.js';
import { UpstreamPool } from '../upstream/upstream-pool.js';
import { aggregatePage, type Gathered } from './aggregate-page.js';
import type { Caller } from './caller.js';
import { ListCache, type ListChange } from './list-cache.js';
import { ListCursors } from './list-cursor.js';
import { LIST_KINDS, type ListKind } from './list-kind.js';
import type { ListSlot } from './list-slot.js';
import type { ServerList } from './server-list.js';

/** A server that contributed nothing to a list, or something old, and why; shown under `_meta["gatehouse/outcomes"]`. */
export interface Outcome {
  /** `failed`, `stale`, or what the user must bring first: `login_required`, `user_key_required`, `user_values_required`. */
  readonly status: string;
  readonly reason: string;
  /** Where to bring it. */
  readonly url?: unknown;
}

export interface GatheredLists {
  readonly lists: readonly Gathered[];
  /** By server name. */
  readonly outcomes: Readonly<Record<string, Outcome>>;
  readonly failures: readonly GatewayError[];
}

/** What the catalog needs to know of an in-flight list to answer it again without work. */
interface MemoisedPage {
  readonly epoch: number;
  readonly text: string;
}

/** First pages remembered per view. */
const PAGES_MAX = 64;

export type ListChangeListener = (change: ListChange) => void;

/**
 * What a view sees: the aggregated lists of its servers, from caches that are filled in parallel, refreshed behind the
 * answer and dropped when an upstream says so (contract §7).
 */
@Injectable()
export class Catalog {
  readonly #cache: ListCache;
  readonly #cursors: ListCursors;
  readonly #listeners = new Set<ListChangeListener>();
  readonly #pages = new WeakMap<AccessView, Map<string, MemoisedPage>>();
  readonly #warnedAmbiguous = new Set<string>();
  /** Grows with every change of any list: memoised pages of an older epoch are made again. */
  #epoch = 0;

  constructor(
    @Inject(UpstreamPool) private readonly upstreams: UpstreamPool,
    @Inject(RegistryService) registry: RegistryService,
    @Inject(LIMITS) private readonly limits: Limits,
    @Inject(SEALING_SECRET) sealingSecret: Secret,
    @Inject(CallMetrics) private readonly metrics: CallMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(UserCredentials) credentials: UserCredentials,
  ) {
    credentials.subscribe((userIds) => this.#cache.forgetUsers(userIds));
    this.#cursors = new ListCursors(new Sealer(sealingSecret, 'list-cursor'));
    this.#cache = new ListCache(
      upstreams,
      limits,
      {
        onChange: (change) => this.#changed(change),
        onDropped: (entry, kind, reasons) => this.#dropped(entry, kind, reasons),
      },
      () => registry.current.separator,
    );
  }

  /** Told about every list that is not what it was. Answers how to stop listening. */
  onListChange(listener: ListChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A server changed or went away. */
  forget(entry: ServerEntry): void {
    this.#epoch += 1;
    this.#cache.forget(entry);
  }

  /** An upstream said on a client's session that a list of it changed. */
  invalidate(entry: ServerEntry, method: unknown): void {
    this.#cache.invalidate(entry, method);
  }

  /** Lists kept for callers with credentials of their own. */
  get privateScopes(): number {
    return this.#cache.privateScopes;
  }

  /**
   * One page of an aggregated list as raw result text, with what failed under `_meta["gatehouse/outcomes"]`. When every
   * server of the view failed there is nothing to show, and the first failure is thrown.
   */
  async listPage(kind: ListKind, view: AccessView, caller: Caller, cursor: string | undefined): Promise<string> {
    const memoisable = caller.offer === EMPTY_OFFER && cursor === undefined;
    if (memoisable) {
      const known = this.#pages.get(view)?.get(pageKey(kind, caller));
      if (known?.epoch === this.#epoch && this.#allFresh(kind, view, caller)) return known.text;
    }
    const from =
      cursor === undefined ? undefined : this.#cursors.read(cursor, kind, caller.principal.id, view.fingerprint);
    const epoch = this.#epoch;
    const { lists, outcomes, failures } = await this.gather(kind, view, caller);
    const [failure] = failures;
    if (failure !== undefined && lists.length === 0) throw failure;

    const page = aggregatePage(kind, view, lists, this.limits.listPageSize, from, (identity) =>
      this.#warnAmbiguous(kind, identity),
    );
    const next =
      page.next === undefined
        ? ''
        : `,"nextCursor":${JSON.stringify(this.#cursors.write(page.next, kind, caller.principal.id, view.fingerprint))}`;
    const hasOutcomes = Object.keys(outcomes).length > 0;
    const meta = hasOutcomes ? `,"_meta":${JSON.stringify({ 'gatehouse/outcomes': outcomes })}` : '';
    const text = `{"${LIST_KINDS[kind].resultKey}":[${page.items}]${next}${meta}}`;
    // A view may be of many principals, so what is for one of them is not remembered with it.
    const isForAll = memoisable && !lists.some(({ list }) => list.isPrivate);
    if (isForAll && !hasOutcomes && page.next === undefined && epoch === this.#epoch) {
      this.#memoise(pageKey(kind, caller), view, { epoch, text });
    }
    return text;
  }

  /** The lists of every server of the view, asked in parallel; a known failure does not wait. */
  async gather(kind: ListKind, view: AccessView, caller: Caller): Promise<GatheredLists> {
    const lists: Gathered[] = [];
    const outcomes: Record<string, Outcome> = {};
    const failures: GatewayError[] = [];
    const patient = view.servers.length === 1;
    const answers = await Promise.allSettled(view.servers.map((server) => this.#listOf(kind, server, caller, patient)));
    view.servers.forEach((server, index) => {
      const answer = answers[index];
      const { name } = server.entry;
      if (answer?.status === 'fulfilled') {
        lists.push({ server, list: answer.value.list });
        if (answer.value.failure !== undefined) {
          outcomes[name] = { status: 'stale', reason: answer.value.failure.publicMessage };
        }
        this.metrics.observeList(name, 'ok');
      } else {
        const failure = asGatewayError(answer?.reason);
        failures.push(failure);
        outcomes[name] = isUserRequirement(failure)
          ? { status: requirementName(failure), reason: failure.publicMessage, url: failure.data?.['url'] }
          : { status: 'failed', reason: failure.publicMessage };
        this.metrics.observeList(name, failure.code);
      }
    });
    return { lists, outcomes, failures };
  }

  /** One server's list for a caller who needs just that; waits for a retry if the last try failed. Throws GatewayError. */
  async listOf(kind: ListKind, server: ServerView, caller: Caller): Promise<ServerList> {
    return (await this.#listOf(kind, server, caller, true)).list;
  }

  /** The same, asked for anew: what is held turned out to be old. */
  async askAgain(kind: ListKind, server: ServerView, caller: Caller): Promise<ServerList> {
    return await this.#load(this.slot(kind, server, caller), kind, server, caller);
  }

  /** The list if it is held, without waiting; refreshes behind the answer. The path of a warm call. */
  heldList(kind: ListKind, server: ServerView, caller: Caller): ServerList | undefined {
    const state = this.slot(kind, server, caller).peek();
    return state.kind === 'list' ? state.list : undefined;
  }

  /** Cache slot of one list under the caller's credential. */
  slot(kind: ListKind, server: ServerView, caller: Caller): ListSlot {
    const credential = this.upstreams.resolveCredential(server.entry, caller.offer);
    const capabilities = caller.owner.client?.capabilities;
    return this.#cache.slot(server.entry, kind, caller.principal.id, credential, capabilities);
  }

  async #listOf(
    kind: ListKind,
    server: ServerView,
    caller: Caller,
    patient: boolean,
  ): Promise<{ list: ServerList; failure: GatewayError | undefined }> {
    const slot = this.slot(kind, server, caller);
    const state = slot.peek();
    switch (state.kind) {
      case 'list':
        return state;
      case 'unknown':
        return { list: await this.#load(slot, kind, server, caller), failure: undefined };
      case 'failed':
        if (state.mayRetry) {
          if (patient) return { list: await this.#load(slot, kind, server, caller), failure: undefined };
          slot.retryQuietly();
        }
        throw state.failure;
    }
  }

  /** A list that turned out to be private was fetched for nobody in particular: this caller's own is asked for. */
  async #load(slot: ListSlot, kind: ListKind, server: ServerView, caller: Caller): Promise<ServerList> {
    const list = await slot.load();
    if (!list.isPrivate) return list;
    const own = this.slot(kind, server, caller);
    return own === slot ? list : await own.load();
  }

  #allFresh(kind: ListKind, view: AccessView, caller: Caller): boolean {
    for (const server of view.servers) {
      const state = this.slot(kind, server, caller).peek();
      if (state.kind !== 'list' || state.failure !== undefined) return false;
    }
    return true;
  }

  #memoise(key: string, view: AccessView, page: MemoisedPage): void {
    let pages = this.#pages.get(view);
    if (pages === undefined) {
      pages = new Map();
      this.#pages.set(view, pages);
    }
    if (pages.size >= PAGES_MAX) pages.clear();
    pages.set(key, page);
  }

  #changed(change: ListChange): void {
    this.#epoch += 1;
    for (const listener of this.#listeners) listener(change);
  }

  #dropped(entry: ServerEntry, kind: ListKind, reasons: readonly string[]): void {
    this.logger.warn(
      { server: entry.name, kind, reasons: reasons.slice(0, 10), count: reasons.length },
      'items left out of a list',
    );
  }

  #warnAmbiguous(kind: ListKind, identity: string): void {
    if (this.#warnedAmbiguous.size > 1_000 || this.#warnedAmbiguous.has(identity)) return;
    this.#warnedAmbiguous.add(identity);
    this.logger.warn(
      { kind, name: identity },
      'several servers offer this name and mcp_tool_prefix is never: it is left out',
    );
  }
}

/** Clients that declared different things see different lists. */
function pageKey(kind: ListKind, caller: Caller): string {
  const declared = caller.owner.client?.capabilities.fingerprint;
  return declared === undefined ? kind : `${kind} ${declared}`;
}

function asGatewayError(reason: unknown): GatewayError {
  return reason instanceof GatewayError ? reason : new GatewayError('internal/bug', { cause: reason });
}
