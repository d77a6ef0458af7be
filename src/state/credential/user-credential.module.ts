import { Module } from '@nestjs/common';
import { UserCredentialSealer } from './user-credential-sealer.js';
import { UserCredentials } from './user-credentials.js';
import { UserCredentialsStore } from './user-credentials.store.js';

/** What users keep to use servers with. */
@Module({
  providers: [UserCredentialSealer, UserCredentials, UserCredentialsStore],
  exports: [UserCredentials],
})
export class UserCredentialModule {}
