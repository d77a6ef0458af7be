import type { GrantHolder } from '../../state/identity/oauth-grant.store.js';
import type { CodeBinding } from './codes.js';

/** What a code of the root issuer stands for. Plain JSON. */
export interface RootCode extends CodeBinding {
  readonly clientName: string;
  readonly redirectHost: string;
  readonly endpoint: string;
  /** Of the grant that redeeming it makes: a code that comes again takes it back. */
  readonly grantId: string;
  readonly holder: GrantHolder;
}
