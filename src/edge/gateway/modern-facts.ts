import type { ServerView } from '../../core/model/access-view.js';
import type { LogLevel } from '../../core/protocol/log-level.js';
import type { HeaderFields } from '../../core/protocol/modern/request-headers.js';
import type { ResolvedCredential } from '../../engine/upstream/upstream.js';

/** What a call of the modern era has that one of the legacy era has not. */
export interface ModernFacts {
  readonly headers: HeaderFields;
  /** Least severe log message the client wants with this call; undefined: none at all. */
  readonly logLevel: LogLevel | undefined;
  /** Where the call goes, before it is sent. A promise is awaited; it does not reject. */
  onTarget(server: ServerView, target: string, credential: ResolvedCredential): Promise<void> | undefined;
}
