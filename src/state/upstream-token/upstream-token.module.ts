import { Module } from '@nestjs/common';
import { SharedUpstreamTokens } from './shared-upstream-tokens.js';
import { UpstreamTokensStore } from './upstream-tokens.store.js';

/** Tokens the gateway gets for itself. */
@Module({
  providers: [UpstreamTokensStore, SharedUpstreamTokens],
  exports: [SharedUpstreamTokens],
})
export class UpstreamTokenModule {}
