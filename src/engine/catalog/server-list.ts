import type { CacheHints } from '../../core/protocol/modern/modern-result.js';
import { publicName } from '../../core/protocol/public-name.js';
import type { ListItem } from './list-item.js';

/** Selector fingerprints remembered per list; one per distinct permission on this server. */
const SEGMENTS_MAX = 64;

/**
 * One complete list of one upstream, under one credential. Immutable but for its memo of joined texts, which is what
 * makes an aggregate list of a thousand tools a handful of string concatenations.
 */
export class ServerList {
  readonly #byIdentity: ReadonlyMap<string, ListItem>;
  readonly #byPublicName: ReadonlyMap<string, ListItem>;
  readonly #segments = new Map<string, Segment>();

  constructor(
    readonly items: readonly ListItem[],
    prefix: string,
    separator: string,
    /** What the upstream says of keeping it; undefined: nothing. */
    readonly hints?: CacheHints | undefined,
  ) {
    this.#byIdentity = new Map(items.map((item) => [item.identity, item]));
    this.#byPublicName = new Map(items.map((item) => [publicName(prefix, separator, item.identity), item]));
  }

  /** By the upstream's own name or URI. */
  find(identity: string): ListItem | undefined {
    return this.#byIdentity.get(identity);
  }

  /** By `{prefix}{separator}{name}`, shortened names included. */
  findPublic(name: string): ListItem | undefined {
    return this.#byPublicName.get(name);
  }

  /** The joined texts of the items that pass, memoised under `key` (which must determine `include` and `render`). */
  segment(key: string, include: (item: ListItem) => boolean, render: (item: ListItem) => string): Segment {
    const known = this.#segments.get(key);
    if (known !== undefined) return known;
    const texts = this.items.filter(include).map(render);
    const segment = { text: texts.join(','), count: texts.length };
    if (this.#segments.size >= SEGMENTS_MAX) this.#segments.clear();
    this.#segments.set(key, segment);
    return segment;
  }

  /** It may be shown to the one it was fetched for only (2026-07-28, "Caching"). */
  get isPrivate(): boolean {
    return this.hints?.cacheScope === 'private';
  }

  /** Whether both say exactly the same, in the same order. */
  sameAs(other: ServerList): boolean {
    return (
      this.items.length === other.items.length &&
      this.items.every((item, index) => item.text === other.items[index]?.text)
    );
  }
}

export interface Segment {
  readonly text: string;
  readonly count: number;
}
