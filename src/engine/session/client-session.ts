import type { ViewDifference } from '../../core/access/view-difference.js';
import { NO_CAPABILITIES, type ClientCapabilities } from '../../core/model/client-capabilities.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import { isShown, type LogLevel } from '../../core/protocol/log-level.js';
import { withProgressToken } from '../../core/protocol/request-params.js';
import { notificationText, type RpcMessage } from '../../core/protocol/rpc-message.js';
import { RELATED_TASK } from '../../core/protocol/task-ids.js';
import type { LegacyVersion } from '../../core/protocol/versions.js';
import type { ClientInteraction, ClientReply, ServerRequest } from '../upstream/client-interaction.js';
import type { CallControl, ResolvedCredential, UpstreamOwner } from '../upstream/upstream.js';
import type { ResumeBuffer } from './resume-buffer.js';
import type { TaskHandles } from './task-handles.js';
import { Subscriptions } from './subscriptions.js';
import type { ClientQuestions, Delivery } from './client-questions.js';

/** Tasks of one session whose progress is followed. */
const PROGRESS_MAX = 200;

/** An open stream towards the client, as a session sees it. */
export interface SessionStream {
  /** Sends one message (of this server); a slow reader's messages are dropped beyond the stream's own bound. */
  send(text: string, from?: ServerEntry): void;
  /** What is sent while it is closed is kept for when the client comes back. */
  readonly isKept?: boolean;
  /** Ends the stream; the client may come back. */
  end(): void;
  /** Whether this stream's scope shows the server, or its prompts and resources: list changes are told only where they can be seen. */
  sees(entry: ServerEntry, content?: 'content'): boolean;
  /** What it sees otherwise than when this was asked last, or the stream opened. */
  takeViewChange(): ViewDifference;
}

export interface ClientSessionEvents {
  /** An upstream said on a session of this owner that a list of it changed. */
  onListChanged(entry: ServerEntry, method: unknown): void;
  /** A session with this server was opened for a client that had set a log level. */
  onConnectWithLogLevel(session: ClientSession, entry: ServerEntry, credential: ResolvedCredential): void;
  /** A session with this server, on which the client watches resources, was opened. */
  onConnectWithSubscriptions(session: ClientSession, entry: ServerEntry, credential: ResolvedCredential): void;
  /** A session with a server on which the client watches resources is over. */
  onDisconnectWithSubscriptions(session: ClientSession, entry: ServerEntry, credential: ResolvedCredential): void;
}

/**
 * A legacy-era session with a client: what this process holds for it. Everything here may be lost and made again from
 * the sealed id, but for live streams and running calls.
 */
export class ClientSession implements UpstreamOwner, ClientInteraction {
  readonly key: string;
  /** Running calls by the raw text of their request id; for `notifications/cancelled`. */
  readonly calls = new Map<string, CallControl>();
  /** Resources it watches. */
  readonly subscriptions = new Subscriptions();
  /** Least severe log message the client wants; undefined: whatever upstreams send. */
  logLevel: LogLevel | undefined;
  lastUsedAt: number;
  /** It has state that is gone with this process for good, and others were told so. */
  isBound = false;
  readonly #streams = new Set<SessionStream>();
  /** The last stream, closed, of a client that may come back to it. */
  #resting: SessionStream | undefined;
  /** Ids of calls that began tasks, with the client's token; newest last. */
  readonly #progress = new Map<number, string>();
  readonly #credentials = new Map<string, ResolvedCredential>();
  /** Resources that may have changed while nobody watched them; told on the next stream. */
  #unwatched: { readonly entry: ServerEntry; readonly publicUri: string }[] = [];
  #capabilities: ClientCapabilities = NO_CAPABILITIES;

  constructor(
    readonly id: string,
    readonly principalId: string,
    readonly version: LegacyVersion,
    readonly expiresAt: number,
    now: number,
    /** What upstreams asked its client and wait for. */
    readonly questions: ClientQuestions,
    /** What its client may have missed. */
    readonly resume: ResumeBuffer,
    private readonly tasks: TaskHandles,
    private readonly events: ClientSessionEvents,
  ) {
    this.key = `session:${id}`;
    this.lastUsedAt = now;
  }

  get streams(): ReadonlySet<SessionStream> {
    return this.#streams;
  }

  /** What its client declared in `initialize`. */
  get capabilities(): ClientCapabilities {
    return this.#capabilities;
  }

  /** Once, before any upstream session is opened for this one. */
  declare(capabilities: ClientCapabilities): void {
    this.#capabilities = capabilities;
  }

  /** Undefined for a client that declared nothing: there is nothing to ask it. */
  get client(): ClientInteraction | undefined {
    return this.#capabilities === NO_CAPABILITIES ? undefined : this;
  }

  /** Asks on a stream for messages outside of calls; waits a little for one to be opened. */
  ask(request: ServerRequest, control: CallControl): Promise<ClientReply> {
    return this.askBy(request, control, (text): Delivery => {
      const stream = this.#streamFor(request.entry);
      stream?.send(text, request.entry);
      return stream === undefined ? 'parked' : 'sent';
    });
  }

  /** Asks by this way; a task that the question belongs to is named as the client knows it. */
  async askBy(request: ServerRequest, control: CallControl, send: (text: string) => Delivery): Promise<ClientReply> {
    const { entry, params } = request;
    if (params?.includes(RELATED_TASK) !== true) return await this.questions.ask(request, control, send);
    const question = { ...request, params: this.tasks.toClient(params, entry, this.principalId) };
    const { kind, text } = await this.questions.ask(question, control, send);
    return { kind, text: this.tasks.toServer(text, entry, this.principalId) };
  }

  /** Progress of a task comes under the token of the call that began it, when that is over. */
  followProgress(id: number, tokenText: string): void {
    for (const oldest of this.#progress.keys()) {
      if (this.#progress.size < PROGRESS_MAX) break;
      this.#progress.delete(oldest);
    }
    this.#progress.set(id, tokenText);
  }

  /** Nothing live hangs on this session: its memory may be let go. */
  get isIdle(): boolean {
    return this.#streams.size === 0 && this.calls.size === 0 && this.questions.size === 0;
  }

  addStream(stream: SessionStream): void {
    this.#streams.add(stream);
    this.#resting = undefined;
    this.questions.sendParked();
    const unwatched = this.#unwatched;
    this.#unwatched = [];
    for (const { entry, publicUri } of unwatched) this.tellUpdated(entry, publicUri);
  }

  removeStream(stream: SessionStream): void {
    this.#streams.delete(stream);
    if (stream.isKept === true) this.#resting = stream;
  }

  /**
   * Sends on one stream only, the newest that sees the server (2025-11-25: never broadcast a message). Without one it is
   * lost.
   */
  send(text: string, from: ServerEntry): void {
    (this.#streamFor(from) ?? this.#resting)?.send(text, from);
  }

  /** The resource may have changed; a client without a stream is told when it opens one. */
  tellUpdated(entry: ServerEntry, publicUri: string): void {
    const stream = this.#streamFor(entry, 'content');
    if (stream === undefined) this.#unwatched.push({ entry, publicUri });
    else stream.send(notificationText('notifications/resources/updated', JSON.stringify({ uri: publicUri })), entry);
  }

  #streamFor(from: ServerEntry, content?: 'content'): SessionStream | undefined {
    let newest: SessionStream | undefined;
    for (const stream of this.#streams) if (stream.sees(from, content)) newest = stream;
    return newest;
  }

  onNotification(entry: ServerEntry, message: RpcMessage): void {
    const { method } = message.value;
    if (method === 'notifications/message') {
      if (this.wantsLog(message)) this.send(message.text, entry);
    } else if (String(method).endsWith('/list_changed')) {
      this.events.onListChanged(entry, method);
    } else if (method === 'notifications/resources/updated') {
      const text = this.subscriptions.translate(entry.id, message);
      if (text !== undefined) (this.#streamFor(entry, 'content') ?? this.#resting)?.send(text, entry);
    } else if (method === 'notifications/progress') {
      const { progressToken } = (message.value['params'] ?? {}) as { progressToken?: unknown };
      const tokenText = this.#progress.get(Number(progressToken));
      const text = tokenText === undefined ? undefined : withProgressToken(message, tokenText);
      if (text !== undefined) this.send(text, entry);
    } else {
      // A page was visited, a task went on, or something we do not know.
      this.send(this.tasks.notificationToClient(message, entry, this.principalId), entry);
    }
  }

  onConnect(entry: ServerEntry, credential: ResolvedCredential): void {
    if (this.logLevel !== undefined) this.events.onConnectWithLogLevel(this, entry, credential);
    if (this.subscriptions.of(entry.id).length > 0) this.events.onConnectWithSubscriptions(this, entry, credential);
  }

  onDisconnect(entry: ServerEntry): void {
    const credential = this.#credentials.get(entry.id);
    if (credential === undefined || this.subscriptions.of(entry.id).length === 0) return;
    this.events.onDisconnectWithSubscriptions(this, entry, credential);
  }

  /** With what a session with this server is opened again for the sake of what is watched there. */
  rememberCredential(entry: ServerEntry, credential: ResolvedCredential): void {
    this.#credentials.set(entry.id, credential);
  }

  /** Whether a `notifications/message` passes the level this client set. */
  wantsLog(message: RpcMessage): boolean {
    return isShown((message.value['params'] as { level?: unknown } | undefined)?.level, this.logLevel);
  }
}
