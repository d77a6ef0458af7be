import { Module } from '@nestjs/common';
import { Authenticator } from './authenticator.js';
import { EndUsers } from './end-users.js';
import { GatewaySecretsStore } from './gateway-secrets.store.js';
import { JsonWebTokens } from './json-web-tokens.js';
import { OAuthGrantStore } from './oauth-grant.store.js';
import { OAuthTokens } from './oauth-tokens.js';
import { OwnerStore } from './owner.store.js';
import { PrincipalStore } from './principal.store.js';
import { RelayRevocationsStore } from './relay-revocations.store.js';
import { RelayTokens } from './relay-tokens.js';
import { SealedTokens } from './sealed-tokens.js';
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
    OAuthGrantStore,
    OAuthTokens,
    OwnerStore,
    PrincipalStore,
    RelayRevocationsStore,
    RelayTokens,
    SealedTokens,
    TokenOwnersReader,
    UserStore,
    VirtualKeys,
  ],
  exports: [
    Authenticator,
    GatewaySecretsStore,
    OAuthGrantStore,
    OAuthTokens,
    RelayTokens,
    SealedTokens,
    TokenOwnersReader,
  ],
})
export class IdentityModule {}
