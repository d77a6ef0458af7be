import type { ClientOffer } from '../../core/model/client-offer.js';
import type { Principal } from '../../core/model/principal.js';
import type { UpstreamOwner } from '../upstream/upstream.js';

/** On whose behalf the catalog looks: decides which credential is used and which cached lists may be shared. */
export interface Caller {
  readonly principal: Principal;
  readonly offer: ClientOffer;
  /** Whose upstream sessions calls run on. Lists run on sessions of the gateway's own. */
  readonly owner: UpstreamOwner;
}
