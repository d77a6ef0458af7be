/** Who watches which resource over one connection that several share: to its server they are one. */
export class WatchedResources {
  readonly #watchers = new Map<string, Set<string>>();

  get size(): number {
    return this.#watchers.size;
  }

  /** Every resource somebody watches, by its URI. */
  uris(): string[] {
    return [...this.#watchers.keys()];
  }

  has(uri: string): boolean {
    return this.#watchers.has(uri);
  }

  /** The same owner may ask again. */
  add(uri: string, ownerKey: string): void {
    const watchers = this.#watchers.get(uri) ?? new Set();
    watchers.add(ownerKey);
    this.#watchers.set(uri, watchers);
  }

  /** True when nobody watches it any more, or nobody did. */
  delete(uri: string, ownerKey: string): boolean {
    const watchers = this.#watchers.get(uri);
    watchers?.delete(ownerKey);
    if (watchers !== undefined && watchers.size > 0) return false;
    this.#watchers.delete(uri);
    return true;
  }

  /** An owner is gone; answers what nobody watches any more. */
  release(ownerKey: string): readonly string[] {
    const left: string[] = [];
    for (const [uri, watchers] of [...this.#watchers]) {
      if (watchers.has(ownerKey) && this.delete(uri, ownerKey)) left.push(uri);
    }
    return left;
  }
}
