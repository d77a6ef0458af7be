import type { ServerResponse } from 'node:http';
import { viewDifference, type ViewDifference } from '../../core/access/view-difference.js';
import type { AccessView } from '../../core/model/access-view.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import type { ClientSession, SessionStream } from '../../engine/session/client-session.js';
import type { SessionStore } from '../../engine/session/session-store.js';
import { EventStream } from './event-stream.js';

/** Bytes a slow reader may leave unread before further notifications are dropped and further calls refused. */
const BACKLOG_BYTES_MAX = 1024 * 1024;
/** When a client of a stream that was ended by us should come back. */
export const RETRY_MS = 1_000;

/** The stream of a session for messages outside of calls: streamable HTTP's GET, or the old transport's only one. */
export class ClientStream implements SessionStream {
  /** What its client knows it sees. */
  #told: AccessView | undefined;

  private constructor(
    private readonly events: EventStream,
    private readonly currentView: () => AccessView | undefined,
  ) {
    this.#told = currentView();
  }

  /** Opens it and attaches it to the session until it closes. Throws `http/too_many` before anything was sent. */
  static open(
    sessions: SessionStore,
    session: ClientSession,
    response: ServerResponse,
    headers: Readonly<Record<string, string>>,
    currentView: () => AccessView | undefined,
  ): ClientStream {
    sessions.requireStreamRoom(session);
    const stream = new ClientStream(new EventStream(response, headers), currentView);
    sessions.openStream(session, stream);
    response.once('close', () => sessions.closeStream(session, stream));
    return stream;
  }

  /** The reader has left so much unread that nothing should be added to it. */
  get isBehind(): boolean {
    return this.events.backlogBytes > BACKLOG_BYTES_MAX;
  }

  /** A notification: dropped when the reader is too far behind. */
  send(text: string): void {
    if (!this.isBehind) void this.events.write(text, 'message');
  }

  /** A reply, or a message of a running call: never dropped; a promise means the reader is behind. */
  reply(text: string): Promise<void> | undefined {
    return this.events.write(text, 'message');
  }

  /** An event that is not a message. */
  announce(event: string, data: string): void {
    void this.events.write(data, event);
  }

  end(): void {
    this.events.endWithRetry(RETRY_MS);
  }

  sees(entry: ServerEntry, content?: 'content'): boolean {
    const view = this.currentView();
    return (content === undefined ? view : view?.content)?.byServerId.has(entry.id) ?? false;
  }

  takeViewChange(): ViewDifference {
    const before = this.#told;
    this.#told = this.currentView();
    return viewDifference(before, this.#told);
  }
}
