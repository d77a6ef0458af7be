import { Module } from '@nestjs/common';
import { Authenticator } from './authenticator.js';
import { GatewaySecretsStore } from './gateway-secrets.store.js';

/** Credential → principal. */
@Module({
  providers: [Authenticator, GatewaySecretsStore],
  exports: [Authenticator, GatewaySecretsStore],
})
export class IdentityModule {}
