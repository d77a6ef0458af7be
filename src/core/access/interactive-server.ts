import type { RegistrySnapshot } from '../model/registry-snapshot.js';
import type { OAuth2Auth, ServerEntry } from '../model/server-entry.js';
import { placeSees } from './place-sees.js';

/** A server whose users sign in there themselves, each for themselves. */
export type InteractiveServer = ServerEntry & { readonly auth: OAuth2Auth };

/**
 * The server behind the endpoint of one server (`/mcp/{name}`), when its users sign in at it themselves. Undefined for
 * everything else, whether there is such a server or not; `external` requests are told of public servers only.
 */
export function interactiveServer(
  snapshot: RegistrySnapshot,
  endpoint: string,
  external: boolean,
): InteractiveServer | undefined {
  const name = /^\/mcp\/([^,/]+)$/.exec(endpoint)?.[1];
  const entry = name === undefined ? undefined : snapshot.byHandle.get(name.toLowerCase());
  return entry !== undefined && isInteractive(entry) && placeSees(snapshot, entry, external) ? entry : undefined;
}

export function isInteractive(entry: ServerEntry): entry is InteractiveServer {
  const { auth } = entry;
  return auth.type === 'oauth2' && auth.flow === 'authorization_code' && auth.value === undefined;
}
