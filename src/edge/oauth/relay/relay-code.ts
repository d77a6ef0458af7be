import type { UpstreamTokenSet } from '../../../engine/upstream/oauth/upstream-token-set.js';
import type { RelayGrant } from '../../../state/identity/relay-tokens.js';
import type { CodeBinding } from '../codes.js';

/** What a code of the issuer of a server stands for. Plain JSON; secret. */
export interface RelayCode extends CodeBinding {
  /** Its owner is who was signed in at the browser, if anybody was. */
  readonly grant: RelayGrant;
  readonly set: UpstreamTokenSet;
}
