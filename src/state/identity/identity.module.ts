import { Module } from '@nestjs/common';
import { Authenticator } from './authenticator.js';
import { EndUsers } from './end-users.js';
import { GatewaySecretsStore } from './gateway-secrets.store.js';
import { JsonWebTokens } from './json-web-tokens.js';
import { OwnerStore } from './owner.store.js';
import { PrincipalStore } from './principal.store.js';
import { TokenOwnersReader } from './token-owners-reader.js';
import { UserStore } from './user.store.js';
import { VirtualKeys } from './virtual-keys.js';

/** Credential → principal. */
@Module({
  providers: [
    Authenticator,
    EndUsers,
    GatewaySecretsStore,
    JsonWebTokens,
    OwnerStore,
    PrincipalStore,
    TokenOwnersReader,
    UserStore,
    VirtualKeys,
  ],
  exports: [Authenticator, GatewaySecretsStore],
})
export class IdentityModule {}
