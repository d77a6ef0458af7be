import { isLogLevel } from '../../core/protocol/log-level.js';
import type { ClientSession } from './client-session.js';

/** What a session is made again from, beside its id: what the client has set up in it and relies upon. */
interface Remains {
  readonly level?: string;
  /** Server id, URI as the server calls it, URI as the client does. */
  readonly watched?: readonly (readonly [serverId: string, uri: string, publicUri: string])[];
}

/** Undefined when there is nothing that the id does not say. */
export function writeRemains({ logLevel, subscriptions }: ClientSession): string | undefined {
  const watched = subscriptions.all();
  if (logLevel === undefined && watched.length === 0) return undefined;
  const remains: Remains = {
    ...(logLevel === undefined ? {} : { level: logLevel }),
    ...(watched.length === 0 ? {} : { watched }),
  };
  return JSON.stringify(remains);
}

/** Puts into a new session what was written of it. */
export function restoreRemains(session: ClientSession, text: string): void {
  const { level, watched = [] } = JSON.parse(text) as Remains;
  if (isLogLevel(level)) session.logLevel = level;
  for (const [serverId, uri, publicUri] of watched) session.subscriptions.add(serverId, uri, publicUri);
}
