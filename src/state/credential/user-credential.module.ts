import { Module } from '@nestjs/common';
import { CredentialRenewals } from './credential-renewals.js';
import { CredentialRetention } from './credential-retention.js';
import { UserCredentialSealer } from './user-credential-sealer.js';
import { UserCredentials } from './user-credentials.js';
import { UserCredentialsStore } from './user-credentials.store.js';

/** What users keep to use servers with. */
@Module({
  providers: [CredentialRenewals, CredentialRetention, UserCredentialSealer, UserCredentials, UserCredentialsStore],
  exports: [CredentialRenewals, UserCredentials],
})
export class UserCredentialModule {}
