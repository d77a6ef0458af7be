import type { ClientOffer } from '../../core/model/client-offer.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import type { LogLevel } from '../../core/protocol/log-level.js';
import type { MirroredArgument } from '../../core/protocol/modern/param-headers.js';
import type { RpcMessage } from '../../core/protocol/rpc-message.js';
import type { CredentialSource } from './credential/credential-source.js';
import type { ClientInteraction } from './client-interaction.js';

/**
 * On whose behalf an upstream session exists. A stateful upstream session belongs to exactly one owner: a client
 * session, the principal of sessionless callers, or the gateway itself (lists); it is never shared (contract §5).
 */
export interface UpstreamOwner {
  /** `session:…`, `principal:…` or `gateway:…`; globally unique, holds no secret. */
  readonly key: string;
  /** Where notifications go that belong to no running call of this owner. */
  onNotification(entry: ServerEntry, message: RpcMessage): void;
  /** The gateway itself: hears what changed, never log messages, which may hold what only one caller should see. */
  readonly isGateway?: true;
  /**
   * The client this owner stands for: declared in `initialize` of its upstream sessions, asked what they want outside of
   * calls. Absent: it declares nothing and cannot be asked. Two owners of the same key have the same.
   */
  readonly client?: ClientInteraction | undefined;
  /** Sessions of its own are listened to as long as they live: no stream of its client says when. */
  readonly alwaysListens?: boolean;
  /** Called after a session with this server was opened (or opened again) for this owner, or joined by it. */
  onConnect?(entry: ServerEntry, credential: ResolvedCredential): void;
  /** Called when the upstream, or the way to it, ended a session of this owner. */
  onDisconnect?(entry: ServerEntry): void;
}

/** What an upstream said of itself in `initialize`. */
export interface UpstreamInfo {
  readonly protocolVersion: string;
  /** As parsed; unknown members included. */
  readonly capabilities: Readonly<Record<string, unknown>>;
  readonly instructions: string | undefined;
  readonly serverInfo: Readonly<Record<string, unknown>>;
}

/** What a client of the modern era says of itself with each request, besides what it can do (`ClientInteraction`). */
export interface ModernCaller {
  /** Raw JSON object. */
  readonly clientInfoText: string | undefined;
  /** Absent: no log messages. */
  readonly logLevel: LogLevel | undefined;
  /** `Mcp-*` headers of its request that are passed on, lower-cased; those we write win. Absent: none. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** One request to an upstream, composed by the caller around an id from {@link UpstreamPool.nextRequestId}. */
export interface UpstreamRequest {
  /** Unique in this process; also serves as the progress token. */
  readonly id: number;
  readonly method: string;
  /** The whole JSON-RPC message, `id` included. */
  readonly text: string;
  /** May be sent again after the upstream lost its session: it is free of side effects (contract §5). */
  readonly repeatable: boolean;
  /** Longest wait for a byte or progress, in milliseconds; absent: the server's or the gateway's default. */
  readonly idleTimeoutMs?: number;
  /**
   * Called for every notification that comes with this call before its reply: progress, log messages. A promise holds back reading until it settles (backpressure). Absent: they are dropped.
   */
  readonly onMessage?: (message: RpcMessage) => void | Promise<void>;
  /** The upstream closed the stream of this call before the reply and is asked for the rest after this long (2025-11-25, polling). */
  readonly onPolled?: ((retryMs: number) => void) | undefined;
  /** Who is asked what the upstream wants to know in the middle of this call. Absent: such requests are refused. */
  readonly client?: ClientInteraction | undefined;
  /** Arguments of the tool that headers repeat, for servers of the modern era over HTTP. */
  readonly mirrored?: readonly MirroredArgument[] | undefined;
  /** Least severe log message wanted with this call; for servers of the modern era, which send none unasked. */
  readonly logLevel?: LogLevel | undefined;
  /**
   * The caller speaks the modern era itself: a modern server's reply comes as it is, `input_required` included, and a further
   * round's `inputResponses` and `requestState` stand in `text`. Absent: such a server's questions are put to `client`, and
   * its reply is put into legacy form.
   */
  readonly modern?: ModernCaller | undefined;
  /** Lets the caller end the call early. */
  readonly control?: CallControl;
}

/**
 * Ends a call from outside; lighter than an AbortController on the path of every call. One per call, passed to one
 * request at a time.
 */
export class CallControl {
  #reason: 'cancelled' | 'abandoned' | undefined;
  #listener: ((reason: 'cancelled' | 'abandoned') => void) | undefined;

  /** Why it was ended; undefined while it runs. */
  get reason(): 'cancelled' | 'abandoned' | undefined {
    return this.#reason;
  }

  /** The client withdrew the request: the upstream is told (`notifications/cancelled`). */
  cancel(): void {
    this.#end('cancelled');
  }

  /** Nobody waits any more, but that is not a cancellation (legacy era): our resources are freed, the upstream goes on. */
  abandon(): void {
    this.#end('abandoned');
  }

  /** Set by the transport that runs the call. Called at once if the call was ended already. */
  onEnd(listener: ((reason: 'cancelled' | 'abandoned') => void) | undefined): void {
    this.#listener = listener;
    if (listener !== undefined && this.#reason !== undefined) listener(this.#reason);
  }

  #end(reason: 'cancelled' | 'abandoned'): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#listener?.(reason);
  }
}

/** The credential and headers of one caller for one server, resolved once per request. */
export interface ResolvedCredential {
  /** Headers to send, credential included, in final order of precedence. Lower-cased names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Environment of a stdio child, templates filled. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * `shared` when only the gateway's own credential is used; otherwise whom the credential stands for (`user:…`,
   * `subject:…`), or a hash of what the client contributed. Lists and children with the same identity may be shared within one principal; `shared` ones among all.
   */
  readonly identity: string;
  /**
   * What is not in the definition and must be brought before anything is sent: the credential itself, or, where the client
   * brought one, only what goes along with it.
   */
  readonly lacks?: 'credential' | 'variables' | undefined;
  /** Knows the rest of the credential: headers that are fetched, and change with time. Asked before anything is sent. */
  readonly source?: CredentialSource | undefined;
  /** The user whose own credential, or values, take part. */
  readonly userId?: string | undefined;
  /** Set with variables from the source: a child is shared by those with the same ones. */
  readonly envKey?: string | undefined;
}

/** Health of one server as the pool sees it. */
export interface UpstreamStatus {
  readonly state: 'unknown' | 'ready' | 'failing' | 'open';
  readonly lastError: string | undefined;
  readonly lastChangeAt: number;
}

/** The engine's way to servers. Implemented by `UpstreamPool`; the type is what `catalog` and `session` see. */
export interface Upstreams {
  nextRequestId(): number;

  /** Pure; memoised for callers that offer nothing. */
  resolveCredential(entry: ServerEntry, offer: ClientOffer): ResolvedCredential;

  /**
   * Sends a request on the owner's session with this server, opening the session when there is none, and answers the
   * reply: a JSON-RPC result or error, the upstream's own. Throws GatewayError `upstream/*` or `call/cancelled`.
   */
  request(
    entry: ServerEntry,
    credential: ResolvedCredential,
    owner: UpstreamOwner,
    request: UpstreamRequest,
  ): Promise<RpcMessage>;

  /** Sends a notification if the owner has a session with this server; otherwise there is nobody to tell. */
  notify(entry: ServerEntry, owner: UpstreamOwner, method: string, params: string | undefined): void;

  /** What the upstream said of itself; asks it if nobody has under this credential. */
  info(entry: ServerEntry, credential: ResolvedCredential, owner: UpstreamOwner): Promise<UpstreamInfo>;

  /** The same, only if known already. Free. */
  knownInfo(entry: ServerEntry, credential: ResolvedCredential): UpstreamInfo | undefined;

  /** Servers this owner has a live session with. */
  connectedServers(ownerKey: string): readonly ServerEntry[];

  /**
   * Whether the owner wants messages outside of calls: opens (or closes) the notification streams of its sessions, the
   * present and the future ones.
   */
  setListening(owner: UpstreamOwner, listening: boolean): void;

  /** Ends every upstream session of this owner. */
  releaseOwner(ownerKey: string): void;

  /** Ends everything of a server that changed or went away. */
  drop(entry: ServerEntry): void;

  status(entry: ServerEntry): UpstreamStatus;
}
