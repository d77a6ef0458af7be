import type { ViewDifference } from '../../core/access/view-difference.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import { isShown, type LogLevel } from '../../core/protocol/log-level.js';
import type { RpcMessage } from '../../core/protocol/rpc-message.js';
import type { LegacyVersion } from '../../core/protocol/versions.js';
import type { CallControl, ResolvedCredential, UpstreamOwner } from '../upstream/upstream.js';

/** An open stream towards the client, as a session sees it. */
export interface SessionStream {
  /** Sends one message; a slow reader's messages are dropped beyond the stream's own bound. */
  send(text: string): void;
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
}

/**
 * A legacy-era session with a client: what this process holds for it. Everything here may be lost and made again from
 * the sealed id, but for live streams and running calls.
 */
export class ClientSession implements UpstreamOwner {
  readonly key: string;
  /** Running calls by the raw text of their request id; for `notifications/cancelled`. */
  readonly calls = new Map<string, CallControl>();
  /** Least severe log message the client wants; undefined: whatever upstreams send. */
  logLevel: LogLevel | undefined;
  lastUsedAt: number;
  readonly #streams = new Set<SessionStream>();

  constructor(
    readonly id: string,
    readonly principalId: string,
    readonly version: LegacyVersion,
    readonly expiresAt: number,
    now: number,
    private readonly events: ClientSessionEvents,
  ) {
    this.key = `session:${id}`;
    this.lastUsedAt = now;
  }

  get streams(): ReadonlySet<SessionStream> {
    return this.#streams;
  }

  /** Nothing live hangs on this session: its memory may be let go. */
  get isIdle(): boolean {
    return this.#streams.size === 0 && this.calls.size === 0;
  }

  addStream(stream: SessionStream): void {
    this.#streams.add(stream);
  }

  removeStream(stream: SessionStream): void {
    this.#streams.delete(stream);
  }

  /**
   * Sends on one stream only, the newest that sees the server (2025-11-25: never broadcast a message). Without one it is
   * lost.
   */
  send(text: string, from: ServerEntry): void {
    let newest: SessionStream | undefined;
    for (const stream of this.#streams) if (stream.sees(from)) newest = stream;
    newest?.send(text);
  }

  onNotification(entry: ServerEntry, message: RpcMessage): void {
    const { method } = message.value;
    if (method === 'notifications/message') {
      if (this.wantsLog(message)) this.send(message.text, entry);
    } else {
      this.events.onListChanged(entry, method);
    }
  }

  onConnect(entry: ServerEntry, credential: ResolvedCredential): void {
    if (this.logLevel !== undefined) this.events.onConnectWithLogLevel(this, entry, credential);
  }

  /** Whether a `notifications/message` passes the level this client set. */
  wantsLog(message: RpcMessage): boolean {
    return isShown((message.value['params'] as { level?: unknown } | undefined)?.level, this.logLevel);
  }
}
