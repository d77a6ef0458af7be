import type { UpstreamInfo } from '../upstream.js';

/** Resources one connection may watch; one more is refused. */
const WATCHED_MAX = 1_000;

/** What a connection listens for, put together from what its server offers, who listens, and what they watch. */
export class ModernListening {
  isWanted = false;
  readonly #watched = new Map<string, number>();

  /** False: there is no room. Each {@link watch} needs its {@link unwatch}. */
  watch(uri: string): boolean {
    const watchers = this.#watched.get(uri);
    if (watchers === undefined && this.#watched.size >= WATCHED_MAX) return false;
    this.#watched.set(uri, (watchers ?? 0) + 1);
    return true;
  }

  unwatch(uri: string): void {
    const watchers = (this.#watched.get(uri) ?? 0) - 1;
    if (watchers > 0) this.#watched.set(uri, watchers);
    else this.#watched.delete(uri);
  }

  /** The raw filter of `subscriptions/listen`; undefined when there is nothing to hear. */
  filter(info: UpstreamInfo): string | undefined {
    const filter: Record<string, unknown> = {};
    if (this.isWanted) {
      for (const kind of ['tools', 'prompts', 'resources']) {
        if (announcesChanges(info.capabilities[kind])) filter[`${kind}ListChanged`] = true;
      }
    }
    if (this.#watched.size > 0) filter['resourceSubscriptions'] = [...this.#watched.keys()];
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
