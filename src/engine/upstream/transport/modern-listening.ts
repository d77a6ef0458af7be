import type { UpstreamInfo } from '../upstream.js';
import { WatchedResources } from '../watched-resources.js';

/** Resources one connection may watch; one more is refused. */
const WATCHED_MAX = 1_000;

/** What a connection listens for, put together from what its server offers, who listens, and what they watch. */
export class ModernListening {
  isWanted = false;
  readonly #watched = new WatchedResources();

  /** False: there is no room. The same owner may ask again. */
  watch(uri: string, ownerKey: string): boolean {
    if (this.#watched.size >= WATCHED_MAX && !this.#watched.has(uri)) return false;
    this.#watched.add(uri, ownerKey);
    return true;
  }

  unwatch(uri: string, ownerKey: string): void {
    this.#watched.delete(uri, ownerKey);
  }

  /** It watches nothing any more. */
  release(ownerKey: string): void {
    this.#watched.release(ownerKey);
  }

  /** The raw filter of `subscriptions/listen`; undefined when there is nothing to hear. */
  filter(info: UpstreamInfo): string | undefined {
    const filter: Record<string, unknown> = {};
    if (this.isWanted) {
      for (const kind of ['tools', 'prompts', 'resources']) {
        if (announcesChanges(info.capabilities[kind])) filter[`${kind}ListChanged`] = true;
      }
    }
    if (this.#watched.size > 0) filter['resourceSubscriptions'] = this.#watched.uris();
    return Object.keys(filter).length === 0 ? undefined : JSON.stringify(filter);
  }
}

/** Lists whose changes the server announces, by the notification it would send. */
export function announcedChanges(info: UpstreamInfo): readonly string[] {
  return ['tools', 'prompts', 'resources']
    .filter((kind) => announcesChanges(info.capabilities[kind]))
    .map((kind) => `notifications/${kind}/list_changed`);
}

function announcesChanges(capability: unknown): boolean {
  return (capability as { listChanged?: unknown } | null | undefined)?.listChanged === true;
}
