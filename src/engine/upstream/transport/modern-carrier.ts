import type { RpcMessage } from '../../../core/protocol/rpc-message.js';
import type { ConnectionCredential } from '../credential/connection-credential.js';
import type { UpstreamRequest } from '../upstream.js';

type Headers = Readonly<Record<string, string>>;

/** Carries requests of the modern era to one server: HTTP, where each is an exchange of its own, or the pipes of a child. */
export interface ModernCarrier {
  /** The server's state lives and dies with it (a child). */
  readonly stateful: boolean;
  /** Sends a composed request; `mirrored` are the headers that repeat it. Errors as `UpstreamConnection.request`. */
  exchange(request: UpstreamRequest, mirrored: Headers, credential: Headers): Promise<RpcMessage>;
  readonly listener: ModernListener;
  /** Ends it politely; idempotent; never rejects. */
  close(): Promise<void>;
}

/** The one open `subscriptions/listen` of a connection. */
export interface ModernListener {
  /** What to listen for, as a raw filter object; undefined: nothing. The same again changes nothing. */
  listen(filter: string | undefined): void;
}

/** What a listener needs of its connection. */
export interface ListenerMeans {
  readonly nextRequestId: () => number;
  /** The credential of whoever used the connection last, with what is fresh of it. */
  readonly credential: ConnectionCredential;
  /** A change notification; the key of the subscription is still on it. */
  readonly onMessage: (message: RpcMessage) => void;
  /** It was deaf for a while: anything may have changed. */
  readonly onGap: () => void;
}
