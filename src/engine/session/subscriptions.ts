import { GatewayError } from '../../core/errors/gateway-error.js';
import { findMember, scanObject } from '../../core/protocol/json-scan.js';
import type { RpcMessage } from '../../core/protocol/rpc-message.js';
import { splice } from '../../core/protocol/splice.js';

/** Resources one session may watch. */
const SUBSCRIPTIONS_MAX = 1_000;

/** The resources a session watches, by server: as the server calls them, and as the client does. */
export class Subscriptions {
  readonly #byServer = new Map<string, Map<string, string>>();
  #size = 0;

  /** Throws `http/too_many`. */
  requireRoom(): void {
    if (this.#size < SUBSCRIPTIONS_MAX) return;
    throw new GatewayError('http/too_many', { detail: `at most ${SUBSCRIPTIONS_MAX} subscriptions per session` });
  }

  add(serverId: string, uri: string, publicUri: string): void {
    let watched = this.#byServer.get(serverId);
    if (watched === undefined) {
      watched = new Map();
      this.#byServer.set(serverId, watched);
    }
    if (!watched.has(uri)) this.#size += 1;
    watched.set(uri, publicUri);
  }

  delete(serverId: string, uri: string): void {
    const watched = this.#byServer.get(serverId);
    if (watched?.delete(uri) !== true) return;
    this.#size -= 1;
    if (watched.size === 0) this.#byServer.delete(serverId);
  }

  /** Ids of the servers where something is watched. */
  servers(): Iterable<string> {
    return this.#byServer.keys();
  }

  /** Server id, the server's URI, the client's URI. */
  all(): readonly (readonly [serverId: string, uri: string, publicUri: string])[] {
    return [...this.#byServer].flatMap(([serverId, watched]) =>
      [...watched].map(([uri, publicUri]) => [serverId, uri, publicUri] as const),
    );
  }

  /** What the server calls the resources that are watched there. */
  of(serverId: string): readonly string[] {
    return [...(this.#byServer.get(serverId)?.keys() ?? [])];
  }

  /**
   * `notifications/resources/updated` of a server in the client's words; undefined when the client does not watch it. A
   * server may name a part of what is watched (2025-11-25, "Subscriptions").
   */
  translate(serverId: string, message: RpcMessage): string | undefined {
    const watched = this.#byServer.get(serverId);
    const params = findMember(message.members, 'params');
    if (watched === undefined || params === undefined || !message.text.startsWith('{', params.start)) return undefined;
    const span = findMember(scanObject(message.text, params.start), 'uri');
    const { uri } = message.value['params'] as { uri?: unknown };
    if (span === undefined || typeof uri !== 'string') return undefined;
    const publicUri = watched.get(uri) ?? publicPart(watched, uri);
    if (publicUri === undefined || publicUri === uri) return publicUri === undefined ? undefined : message.text;
    return splice(message.text, [{ start: span.start, end: span.end, with: JSON.stringify(publicUri) }]);
  }
}

function publicPart(watched: ReadonlyMap<string, string>, uri: string): string | undefined {
  for (const [whole, publicUri] of watched) {
    const directory = whole.endsWith('/') ? whole : `${whole}/`;
    if (uri.startsWith(directory)) return publicUri + uri.slice(whole.length);
  }
  return undefined;
}
