import { Module } from '@nestjs/common';
import { Authenticator } from './authenticator.js';
import { EndUsers } from './end-users.js';
import { GatewaySecretsStore } from './gateway-secrets.store.js';
import { PrincipalStore } from './principal.store.js';
import { VirtualKeys } from './virtual-keys.js';

/** Credential → principal. */
@Module({
  providers: [Authenticator, EndUsers, GatewaySecretsStore, PrincipalStore, VirtualKeys],
  exports: [Authenticator, GatewaySecretsStore],
})
export class IdentityModule {}
