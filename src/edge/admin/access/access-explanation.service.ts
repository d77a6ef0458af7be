import { Inject, Injectable } from '@nestjs/common';
import { explainAccess } from '../../../core/access/explain-access.js';
import type { AccessExplainQuery } from '../../../core/definition/access-query.definition.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import type { DoorSettings } from '../../../platform/config/settings.js';
import { DOOR_SETTINGS } from '../../../platform/config/tokens.js';
import { AddressRanges } from '../../../platform/http/address-ranges.js';
import { isInternalAddress } from '../../../platform/http/caller-address.js';
import type { Verdict } from '../../../state/identity/build-principal.js';
import { RegistryService } from '../../../state/registry/registry.service.js';
import { requireField } from '../auth/require-field.js';
import { readsAll } from '../server/server-access.js';
import { presentExplanation, type PresentedExplanation } from './access-explanation.presenter.js';
import { KeyLookup, type LookedUpKey } from './key-lookup.store.js';

/** Why a key may or may not (contract §9): any key for administrators, one's own for everybody. */
@Injectable()
export class AccessExplanationService {
  readonly #internal: AddressRanges;

  constructor(
    private readonly keys: KeyLookup,
    private readonly registry: RegistryService,
    @Inject(DOOR_SETTINGS) door: DoorSettings,
  ) {
    this.#internal = new AddressRanges(door.internalRanges);
  }

  async explain(caller: Principal, query: AccessExplainQuery): Promise<PresentedExplanation> {
    const server = requireField(query.server, 'server');
    const key = await this.#key(caller, query.key);
    const verdict = await this.keys.onBehalf(
      key?.verdict ?? { kind: 'principal', principal: caller },
      query.end_user ?? undefined,
    );
    const explanation = explainAccess(
      this.registry.current,
      subjectOf(verdict, caller),
      { server, ...(query.tool === undefined ? {} : { tool: query.tool }) },
      {
        tellsAll: readsAll(caller),
        place: { external: query.client_ip !== undefined && !isInternalAddress(query.client_ip, this.#internal) },
      },
    );
    return presentExplanation(explanation, verdict, key);
  }

  /** Undefined: the caller themselves, who is no stored key. */
  async #key(caller: Principal, written: string | undefined): Promise<LookedUpKey | undefined> {
    const named = written ?? caller.keyHash;
    if (named === undefined) return undefined;
    const found = await this.keys.find(named);
    // Somebody else's key reads like one that is not there.
    if (found === undefined || !(readsAll(caller) || found.hash === caller.keyHash)) {
      throw new GatewayError('key/not_found');
    }
    return found;
  }
}

/** A key that is refused at the door has nothing to be explained of; it is shown as having nothing. */
function subjectOf(verdict: Verdict, caller: Principal): Principal {
  if (verdict.kind === 'principal') return verdict.principal;
  return { ...caller, kind: 'virtual_key', role: 'internal_user', grants: { levels: [], fingerprint: '' } };
}
