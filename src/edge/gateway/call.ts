import type { AccessView } from '../../core/model/access-view.js';
import type { CacheHints } from '../../core/protocol/modern/modern-result.js';
import type { RpcMessage } from '../../core/protocol/rpc-message.js';
import type { LegacyVersion } from '../../core/protocol/versions.js';
import type { Caller } from '../../engine/catalog/caller.js';
import type { ClientSession } from '../../engine/session/client-session.js';
import type { ClientInteraction } from '../../engine/upstream/client-interaction.js';
import type { CallControl } from '../../engine/upstream/upstream.js';
import type { ModernFacts } from './modern-facts.js';

/** One JSON-RPC request being served, with all we know of it. Built once, passed by parameter, never mutated. */
export interface Call extends Caller {
  readonly callId: string;
  readonly view: AccessView;
  readonly message: RpcMessage;
  readonly method: string;
  /** Undefined for sessionless callers. */
  readonly session: ClientSession | undefined;
  readonly version: LegacyVersion;
  /** Of a client of the modern era; undefined in the legacy era. */
  readonly modern: ModernFacts | undefined;
  readonly control: CallControl;
  /** Whom the server may ask in the middle of this call; undefined: the caller cannot be asked anything. */
  readonly client: ClientInteraction | undefined;
  /** Sends a message that belongs to this call to the client; a promise means the client is behind. */
  readonly emit: (text: string) => void | Promise<void>;
  /** The server let go of its stream, to be polled in this rhythm: the client's may rest as well. */
  readonly onPolled?: ((retryMs: number) => void) | undefined;
}

/** What a method answers: the raw text of a result, or of the upstream's own error object. */
export interface Answer {
  readonly kind: 'result' | 'error';
  readonly text: string;
  /** It is as an upstream of the modern era wrote it, for a caller of that era. */
  readonly isModern?: boolean;
  /** How long a list may be kept, for callers of the modern era. */
  readonly hints?: CacheHints;
  /** For the ledger: which server was asked for what, and whether the tool itself failed. */
  readonly serverId?: string;
  readonly serverName?: string;
  readonly target?: string;
  readonly isToolError?: boolean;
}
