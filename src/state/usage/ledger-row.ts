import type { CallRecord } from '../../core/model/call-record.js';

/** Who called, as columns of the ledger. */
export interface LedgerCaller {
  readonly principalId: string;
  readonly keyId: string | undefined;
  readonly userId: string | undefined;
  readonly teamId: string | undefined;
  readonly organizationId: string | undefined;
  readonly endUserId: string | undefined;
}

/** A call that waits to be written. Its texts hold no control characters and share memory with nothing else. */
export interface LedgerRow extends Omit<CallRecord, 'principal'> {
  readonly caller: LedgerCaller;
}
