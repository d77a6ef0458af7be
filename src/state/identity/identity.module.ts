import { Module } from '@nestjs/common';
import { Authenticator } from './authenticator.js';
import { GatewaySecretsStore } from './gateway-secrets.store.js';
import { SEALING_SECRET } from './sealing.token.js';

/** Credential → principal, and the secret that sealed ids are made with. */
@Module({
  providers: [
    Authenticator,
    GatewaySecretsStore,
    {
      provide: SEALING_SECRET,
      useFactory: (store: GatewaySecretsStore) => store.sealingSecret(),
      inject: [GatewaySecretsStore],
    },
  ],
  exports: [Authenticator, GatewaySecretsStore, SEALING_SECRET],
})
export class IdentityModule {}
