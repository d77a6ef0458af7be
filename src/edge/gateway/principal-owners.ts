import { Inject, Injectable } from '@nestjs/common';
import type { Principal } from '../../core/model/principal.js';
import { Catalog } from '../../engine/catalog/catalog.js';
import { UpstreamPool } from '../../engine/upstream/upstream-pool.js';
import type { UpstreamOwner } from '../../engine/upstream/upstream.js';

/** Principals remembered; an owner is a key and nothing else, its sessions live in the pool. */
const OWNERS_MAX = 10_000;

/** Owners of upstream sessions for callers without a session of their own: one per principal (contract §5). */
@Injectable()
export class PrincipalOwners {
  readonly #owners = new Map<string, UpstreamOwner>();

  constructor(
    @Inject(Catalog) private readonly catalog: Catalog,
    @Inject(UpstreamPool) private readonly upstreams: UpstreamPool,
  ) {}

  of(principal: Principal): UpstreamOwner {
    const known = this.#owners.get(principal.id);
    if (known !== undefined) return known;
    for (const [id, oldest] of this.#owners) {
      if (this.#owners.size < OWNERS_MAX) break;
      this.#owners.delete(id);
      this.upstreams.releaseOwner(oldest.key);
    }
    const owner: UpstreamOwner = {
      key: `principal:${principal.id}`,
      onNotification: (entry, message) => this.catalog.invalidate(entry, message.value['method']),
    };
    this.#owners.set(principal.id, owner);
    return owner;
  }
}
