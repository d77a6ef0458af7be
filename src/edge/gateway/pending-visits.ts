import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { ServerEntry } from '../../core/model/server-entry.js';
import { notificationText } from '../../core/protocol/rpc-message.js';
import { ALL_LIST_KINDS, LIST_KINDS } from '../../engine/catalog/list-kind.js';
import type { ClientSession } from '../../engine/session/client-session.js';
import type { CallControl } from '../../engine/upstream/upstream.js';
import type { UserCredential } from '../../state/credential/user-credential.js';
import { UserCredentials } from '../../state/credential/user-credentials.js';

/** A page that a client was asked to open for its user, or a call that waits for that. */
interface Visit {
  readonly entry: ServerEntry;
  /** What the user kept for the server then, as {@link stateOf} tells it. */
  readonly before: Promise<string>;
  readonly expiresAt: number;
  readonly onDone: () => void;
}

/** How long a page may take to be visited, for its client to hear of it. */
const KEPT_MS = 600_000;
const VISITS_MAX = 10_000;
const SWEEP_MS = 60_000;

/**
 * What clients wait for while their users are at the page of a server (`/connect/{server}`): as soon as what was missing is
 * there, at whichever replica it was given, sessions hear that the page is done with (2025-11-25,
 * `notifications/elicitation/complete`) and that there is something to list, and calls that wait go on.
 */
@Injectable()
export class PendingVisits implements OnModuleInit, OnModuleDestroy {
  /** By user. */
  readonly #visits = new Map<string, Set<Visit>>();
  #count = 0;
  #stop: (() => void) | undefined;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(@Inject(UserCredentials) private readonly credentials: UserCredentials) {}

  onModuleInit(): void {
    this.#stop = this.credentials.subscribe((userIds) => this.#look(userIds));
    this.#sweeper = setInterval(() => this.#sweep(Date.now()), SWEEP_MS).unref();
  }

  onModuleDestroy(): void {
    this.#stop?.();
    clearInterval(this.#sweeper);
    this.#sweep(Number.POSITIVE_INFINITY);
  }

  /** The client of this session was given the page. */
  tell(userId: string, entry: ServerEntry, session: ClientSession, elicitationId: string): void {
    const onDone = (): void => {
      session.send(notificationText('notifications/elicitation/complete', JSON.stringify({ elicitationId })), entry);
      for (const stream of session.streams) {
        if (!stream.sees(entry)) continue;
        for (const kind of ALL_LIST_KINDS)
          stream.send(notificationText(LIST_KINDS[kind].changedNotification, undefined));
      }
    };
    this.#add(userId, { entry, before: this.#before(userId, entry), expiresAt: Date.now() + KEPT_MS, onDone });
  }

  /** Resolves to true once the user gave something for the server, to false after `ms` or when the call ends. */
  arrival(userId: string, entry: ServerEntry, ms: number, control: CallControl): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const before = this.#before(userId, entry);
    const visit = { entry, before, expiresAt: Date.now() + ms, onDone: () => resolve(true) };
    if (!this.#add(userId, visit)) return Promise.resolve(false);
    const timer = setTimeout(() => resolve(false), ms);
    control.onEnd(() => resolve(false));
    return promise.finally(() => {
      clearTimeout(timer);
      control.onEnd(undefined);
      this.#remove(userId, visit);
    });
  }

  async #before(userId: string, entry: ServerEntry): Promise<string> {
    try {
      return stateOf(await this.credentials.ofUser(userId), entry);
    } catch {
      // Not known: whatever comes counts as new.
      return '';
    }
  }

  #add(userId: string, visit: Visit): boolean {
    if (this.#count >= VISITS_MAX) return false;
    const visits = this.#visits.get(userId) ?? new Set<Visit>();
    this.#visits.set(userId, visits.add(visit));
    this.#count += 1;
    return true;
  }

  #remove(userId: string, visit: Visit): void {
    const visits = this.#visits.get(userId);
    if (visits?.delete(visit) !== true) return;
    this.#count -= 1;
    if (visits.size === 0) this.#visits.delete(userId);
  }

  #look(userIds: ReadonlySet<string> | 'everybody'): void {
    for (const userId of userIds === 'everybody' ? [...this.#visits.keys()] : userIds) {
      if (!this.#visits.has(userId)) continue;
      this.#lookAt(userId).catch(() => {
        // Who waits asks again by making the call again.
      });
    }
  }

  async #lookAt(userId: string): Promise<void> {
    const kept = await this.credentials.ofUser(userId);
    for (const visit of [...(this.#visits.get(userId) ?? [])]) {
      const { entry } = visit;
      const isThere = kept.some(({ serverId, status }) => serverId === entry.id && status === 'active');
      if (!isThere || stateOf(kept, entry) === (await visit.before)) continue;
      this.#remove(userId, visit);
      visit.onDone();
    }
  }

  #sweep(now: number): void {
    for (const [userId, visits] of [...this.#visits]) {
      for (const visit of [...visits]) if (visit.expiresAt <= now) this.#remove(userId, visit);
    }
  }
}

/** Another text for every change of what is kept for the server. */
function stateOf(kept: readonly UserCredential[], { id }: ServerEntry): string {
  return JSON.stringify(kept.flatMap(({ serverId, kind, revision }) => (serverId === id ? [[kind, revision]] : [])));
}
