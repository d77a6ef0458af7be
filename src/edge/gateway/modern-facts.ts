import type { ServerView } from '../../core/model/access-view.js';
import type { Place } from '../../core/model/place.js';
import type { LogLevel } from '../../core/protocol/log-level.js';
import type { HeaderFields } from '../../core/protocol/modern/request-headers.js';
import type { TaskWatches } from './modern-task-watches.js';
import type { ModernCaller, ResolvedCredential } from '../../engine/upstream/upstream.js';

/** What tasks of legacy servers need here. */
export interface ModernTaskMeans {
  readonly watches: TaskWatches;
  /** The process that takes their questions. */
  readonly place: Place;
}

/** What a call of the modern era has that one of the legacy era has not. */
export interface ModernFacts {
  readonly headers: HeaderFields;
  /** Least severe log message the client wants with this call; undefined: none at all. */
  readonly logLevel: LogLevel | undefined;
  /** What upstreams of the same era are told besides its capabilities. */
  readonly caller: ModernCaller;
  /** Raw `inputResponses` and `requestState` of a further round with an upstream of the same era. */
  readonly roundMembers: ReadonlyMap<string, string>;
  /** Undefined: the client did not declare the tasks extension. */
  readonly tasks: ModernTaskMeans | undefined;
  /** Where the call goes, before it is sent. A promise is awaited; it does not reject. */
  onTarget(server: ServerView, target: string, credential: ResolvedCredential): Promise<void> | undefined;
}
