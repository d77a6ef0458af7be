import type { PooledConnection } from './pooled-connection.js';
import type { UpstreamOwner } from './upstream.js';

/** What the pool knows of one owner. */
export interface OwnerRecord {
  readonly owner: UpstreamOwner;
  isListening: boolean;
  /** Sessions of its own, and shared ones it uses. */
  readonly pooled: Set<PooledConnection>;
}

/** Owners that have sessions or want to listen; a record goes when neither is so. */
export class OwnerIndex {
  readonly #records = new Map<string, OwnerRecord>();

  get(ownerKey: string): OwnerRecord | undefined {
    return this.#records.get(ownerKey);
  }

  isListening(ownerKey: string): boolean {
    return this.#records.get(ownerKey)?.isListening === true;
  }

  link(owner: UpstreamOwner, pooled: PooledConnection): void {
    this.#ensure(owner).pooled.add(pooled);
  }

  unlink(pooled: PooledConnection): void {
    if (pooled.owner !== undefined) this.unlinkOne(pooled.owner.key, pooled);
    else for (const key of pooled.userKeys()) this.unlinkOne(key, pooled);
  }

  unlinkOne(ownerKey: string, pooled: PooledConnection): void {
    const record = this.#records.get(ownerKey);
    if (record === undefined) return;
    record.pooled.delete(pooled);
    this.#forgetIfIdle(ownerKey, record);
  }

  /** Answers the record whose flag changed; undefined when it was so already. */
  setListening(owner: UpstreamOwner, isListening: boolean): OwnerRecord | undefined {
    const known = this.#records.get(owner.key);
    if ((known?.isListening ?? false) === isListening) return undefined;
    const record = this.#ensure(owner);
    record.isListening = isListening;
    this.#forgetIfIdle(owner.key, record);
    return record;
  }

  remove(ownerKey: string): OwnerRecord | undefined {
    const record = this.#records.get(ownerKey);
    this.#records.delete(ownerKey);
    return record;
  }

  #ensure(owner: UpstreamOwner): OwnerRecord {
    const known = this.#records.get(owner.key);
    if (known !== undefined) return known;
    const record: OwnerRecord = { owner, isListening: false, pooled: new Set() };
    this.#records.set(owner.key, record);
    return record;
  }

  #forgetIfIdle(key: string, record: OwnerRecord): void {
    if (!record.isListening && record.pooled.size === 0) this.#records.delete(key);
  }
}
