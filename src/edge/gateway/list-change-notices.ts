import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { ServerEntry } from '../../core/model/server-entry.js';
import { notificationText } from '../../core/protocol/rpc-message.js';
import { Catalog } from '../../engine/catalog/catalog.js';
import { ALL_LIST_KINDS, LIST_KINDS, type ListKind } from '../../engine/catalog/list-kind.js';
import type { SessionStream } from '../../engine/session/client-session.js';
import { SessionStore } from '../../engine/session/session-store.js';
import { UpstreamPool } from '../../engine/upstream/upstream-pool.js';
import { RegistryService } from '../../state/registry/registry.service.js';
import { ListenStreams } from './modern-listen-streams.js';

/** Changes within this span are told once: a restarting upstream changes all its lists at the same moment. */
const COALESCE_MS = 50;

/**
 * Carries changes of lists to whom they concern: from upstreams to the catalog, from the catalog and the registry to the
 * open streams, of sessions and of listening modern clients, that see the server.
 */
@Injectable()
export class ListChangeNotices implements OnModuleInit, OnModuleDestroy {
  readonly #pending = new Map<SessionStream, Set<string>>();
  readonly #stops: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(Catalog) private readonly catalog: Catalog,
    @Inject(SessionStore) private readonly sessions: SessionStore,
    @Inject(UpstreamPool) private readonly upstreams: UpstreamPool,
    @Inject(RegistryService) private readonly registry: RegistryService,
    @Inject(ListenStreams) private readonly listening: ListenStreams,
  ) {}

  onModuleInit(): void {
    this.sessions.onListChanged((entry, method) => this.catalog.invalidate(entry, method));
    this.#stops.push(
      this.catalog.onListChange(({ entry, kind }) => this.#tell(entry, kind)),
      this.registry.subscribe(({ previous, diff }) => {
        for (const { id } of [...diff.changed, ...diff.removed]) {
          const former = previous.byId.get(id);
          if (former === undefined) continue;
          this.catalog.forget(former);
          this.upstreams.drop(former);
        }
        for (const session of this.sessions.all()) this.#tellWhatChanged(session.streams);
        this.#tellWhatChanged(this.listening.all());
      }),
    );
  }

  onModuleDestroy(): void {
    for (const stop of this.#stops) stop();
    clearTimeout(this.#timer);
  }

  #tell(entry: ServerEntry, kind: ListKind): void {
    const content = kind === 'tools' ? undefined : 'content';
    for (const session of this.sessions.all()) {
      for (const stream of session.streams) if (stream.sees(entry, content)) this.#queue(stream, [kind]);
    }
    for (const stream of this.listening.all()) if (stream.sees(entry, content)) this.#queue(stream, [kind]);
  }

  /** Somebody's rights changed: told to those of their streams that see something else now. */
  principalChanged(principalId: string): void {
    for (const session of this.sessions.of(principalId)) this.#tellWhatChanged(session.streams);
    this.#tellWhatChanged(this.listening.of(principalId));
  }

  #tellWhatChanged(streams: Iterable<SessionStream>): void {
    for (const stream of streams) {
      const { tools, content } = stream.takeViewChange();
      const kinds = ALL_LIST_KINDS.filter((kind) => (kind === 'tools' ? tools : content));
      if (kinds.length > 0) this.#queue(stream, kinds);
    }
  }

  #queue(stream: SessionStream, kinds: readonly ListKind[]): void {
    const methods = this.#pending.get(stream) ?? new Set<string>();
    for (const kind of kinds) methods.add(LIST_KINDS[kind].changedNotification);
    this.#pending.set(stream, methods);
    this.#timer ??= setTimeout(() => this.#flush(), COALESCE_MS).unref();
  }

  #flush(): void {
    this.#timer = undefined;
    const pending = [...this.#pending];
    this.#pending.clear();
    for (const [stream, methods] of pending)
      for (const method of methods) stream.send(notificationText(method, undefined));
  }
}
