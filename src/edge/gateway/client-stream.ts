import type { ServerResponse } from 'node:http';
import { viewDifference, type ViewDifference } from '../../core/access/view-difference.js';
import type { AccessView } from '../../core/model/access-view.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import type { ClientSession, SessionStream } from '../../engine/session/client-session.js';
import type { SessionStore } from '../../engine/session/session-store.js';
import type { ResumableStream } from '../../engine/session/resumable-stream.js';
import { EventStream } from './event-stream.js';

/** Bytes a slow reader may leave unread before further notifications are dropped and further calls refused. */
const BACKLOG_BYTES_MAX = 1024 * 1024;

/** The stream of a session for messages outside of calls: streamable HTTP's GET, or the old transport's only one. */
export class ClientStream implements SessionStream {
  /** What its client knows it sees. */
  #told: AccessView | undefined;

  private constructor(
    private readonly events: EventStream,
    private readonly currentView: () => AccessView | undefined,
    private readonly kept: ResumableStream | undefined,
  ) {
    this.#told = currentView();
  }

  /**
   * Opens it and attaches it to the session until it closes; `resume` makes it go on where another one ended, or lets it
   * be resumed itself. Throws `http/too_many` before anything was sent.
   */
  static open(
    sessions: SessionStore,
    session: ClientSession,
    response: ServerResponse,
    headers: Readonly<Record<string, string>>,
    currentView: () => AccessView | undefined,
    resume?: { readonly stream: ResumableStream; readonly after?: number },
  ): ClientStream {
    sessions.requireStreamRoom(session);
    const events = new EventStream(response, headers);
    const stream = new ClientStream(events, currentView, resume?.stream);
    resume?.stream.attach(events, resume.after, (entry) => stream.sees(entry));
    sessions.openStream(session, stream);
    response.once('close', () => {
      resume?.stream.detach(events);
      sessions.closeStream(session, stream);
    });
    return stream;
  }

  /** The reader has left so much unread that nothing should be added to it. */
  get isBehind(): boolean {
    return this.events.backlogBytes > BACKLOG_BYTES_MAX;
  }

  get isKept(): boolean {
    return this.kept?.isEnded === false;
  }

  /** A notification: dropped when the reader is too far behind. */
  send(text: string, from?: ServerEntry): void {
    if (this.isBehind) return;
    if (this.kept === undefined) void this.events.write(text, 'message');
    else void this.kept.write(text, from);
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
    this.events.endWithRetry();
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
