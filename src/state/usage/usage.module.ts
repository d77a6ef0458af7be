import { Module } from '@nestjs/common';
import { LedgerRetention } from './ledger-retention.js';
import { Ledger } from './ledger.js';
import { LedgerStore } from './ledger.store.js';

/** The call ledger. Its rows are written before the database closes. */
@Module({
  providers: [LedgerStore, Ledger, LedgerRetention],
  exports: [Ledger],
})
export class UsageModule {}
