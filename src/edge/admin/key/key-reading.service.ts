import { Injectable } from '@nestjs/common';
import type { KeyAliasesDefinition, KeyListDefinition } from '../../../core/definition/key-list.definition.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import type { Secret } from '../../../core/model/secret.js';
import { Memberships } from '../membership/memberships.service.js';
import { listScope, mayRead, type KeyCaller, type ListReach } from './key-access.js';
import type { KeyRecord } from './key-record.js';
import { hashOfNamedKey, KeyStore, type KeyPage, type PageRequest } from './key.store.js';

const LIST_SIZE = 10;
const ALIASES_SIZE = 100;

export interface Paged<T> extends PageRequest {
  readonly result: T;
}

/** Shows keys to those who may see them. */
@Injectable()
export class KeyReadingService {
  constructor(
    private readonly store: KeyStore,
    private readonly memberships: Memberships,
  ) {}

  /** The key that is named; else the one the caller came with. */
  async info(actor: Principal, named: Secret | undefined): Promise<KeyRecord> {
    const key = named === undefined ? await this.#own(actor) : await this.store.find(hashOfNamedKey(named));
    if (key === null) throw new GatewayError('key/not_found');
    if (!mayRead(await this.#caller(actor), key)) {
      throw new GatewayError('key/forbidden', {
        detail: `You are not allowed to access this key's info. Your role=${actor.role}`,
      });
    }
    return key;
  }

  /** Those of the named keys that exist and that the caller may see. */
  async infos(actor: Principal, named: readonly Secret[]): Promise<readonly KeyRecord[]> {
    const [keys, caller] = [await this.store.findMany(named.map(hashOfNamedKey)), await this.#caller(actor)];
    return keys.filter((key) => mayRead(caller, key));
  }

  async list(actor: Principal, query: KeyListDefinition): Promise<Paged<KeyPage>> {
    const paging = { page: query.page ?? 1, size: query.size ?? LIST_SIZE };
    const scope = listScope(await this.#caller(actor), reachOf(query));
    return { ...paging, result: await this.store.list(query, scope, paging) };
  }

  async aliases(
    actor: Principal,
    { page = 1, size = ALIASES_SIZE, search }: KeyAliasesDefinition,
  ): Promise<Paged<{ readonly aliases: readonly string[]; readonly total: number }>> {
    const scope = listScope(await this.#caller(actor), { administered: true, createdByMe: false });
    return { page, size, result: await this.store.aliases(search, scope, { page, size }) };
  }

  async #own({ keyId }: Principal): Promise<KeyRecord | null> {
    return keyId === undefined ? null : this.store.findById(keyId);
  }

  async #caller(actor: Principal): Promise<KeyCaller> {
    return { principal: actor, memberships: await this.memberships.of(actor) };
  }
}

/** Whoever asks for a team or an organization means its keys, not only their own. */
function reachOf(query: KeyListDefinition): ListReach {
  return {
    administered:
      query.include_team_keys === true || query.team_id !== undefined || query.organization_id !== undefined,
    createdByMe: query.include_created_by_keys === true,
  };
}
