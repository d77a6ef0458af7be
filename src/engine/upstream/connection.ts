import type { Limits } from '../../core/model/limits.js';
import type { ClientCapabilities } from '../../core/model/client-capabilities.js';
import type { ServerEntry } from '../../core/model/server-entry.js';
import type { RpcMessage } from '../../core/protocol/rpc-message.js';
import type { ClientInteraction } from './client-interaction.js';
import type { ResolvedCredential, UpstreamInfo, UpstreamRequest } from './upstream.js';

/** What a transport needs to open a session with an upstream. */
export interface ConnectOptions {
  readonly entry: ServerEntry;
  readonly credential: ResolvedCredential;
  readonly limits: Limits;
  /** Declared in `initialize`: what the caller's client declared. Absent: nothing. */
  readonly capabilities?: ClientCapabilities | undefined;
  /** Who can be asked what the upstream wants outside of calls; absent or undefined: nobody. */
  readonly client?: () => ClientInteraction | undefined;
  /** Takes process-wide unique request ids, for `initialize` and what a transport asks on its own. */
  readonly nextRequestId: () => number;
  /** Messages that belong to no running request of this connection. */
  readonly onNotification: (message: RpcMessage) => void;
  /** Called once when the session is over, whoever ended it. Running requests have been failed by then. */
  readonly onClose: (reason: string) => void;
}

/**
 * One initialised session with an upstream, over any transport. Opened by `transport/open-*.ts`, owned and ended by the
 * pool. Requests may run at the same time.
 */
export interface UpstreamConnection {
  readonly info: UpstreamInfo;
  /** The upstream keeps state for this session; a stateless one may serve every owner with the same credential. */
  readonly stateful: boolean;
  /** There is no session that could go stale: it is kept as long as it is used. Absent: false. */
  readonly isLasting?: boolean;
  /** No request will succeed any more; the pool opens a new one. */
  readonly closed: boolean;
  /**
   * Sends and waits for the reply with this id. `headers` are the caller's (HTTP only); `ownerKey` says whose request it is. Throws GatewayError
   * `upstream/*` or `call/cancelled`; a 404 on a session the upstream once gave throws `upstream/session_lost` and closes.
   */
  request(request: UpstreamRequest, headers: Readonly<Record<string, string>>, ownerKey?: string): Promise<RpcMessage>;
  /** An owner of a shared connection is gone, with what it watched there. Absent: nothing is kept for one. */
  releaseOwner?(ownerKey: string): void;
  /** Fire and forget: a whole JSON-RPC notification (or the reply to an upstream's request). */
  send(text: string, headers: Readonly<Record<string, string>>): void;
  /** Opens or closes the stream for messages outside of calls, where the transport has one (streamable HTTP GET). */
  setListening(listening: boolean): void;
  /** Resolves when that stream stands, or is found not to; never rejects. Absent: there is no such stream. */
  listening?(): Promise<void>;
  /** Ends the session politely (DELETE, or the child's process group); idempotent; never throws. */
  close(): Promise<void>;
}
