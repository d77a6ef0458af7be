import { Module, type MiddlewareConsumer, type NestModule } from '@nestjs/common';
import { PublicAddress } from '../../platform/http/public-address.js';
import { IdentityModule } from '../../state/identity/identity.module.js';
import { RegistryModule } from '../../state/registry/registry.module.js';
import { AuthorizationServerMetadataController } from './authorization-server-metadata.controller.js';
import { AuthorizeController } from './authorize.controller.js';
import { ClientCors } from './client-cors.js';
import { CompanyLogin } from './company-login.js';
import { ConnectModule } from './connect.module.js';
import { IdentityAssertions } from './identity-assertions.js';
import { LoginController } from './login.controller.js';
import { MissingConnection } from './missing-connection.js';
import { OAuthRetention } from './oauth-retention.js';
import { ProtectedResourceMetadataController } from './protected-resource-metadata.controller.js';
import { RelayModule } from './relay/relay.module.js';
import { RootTokens } from './root-tokens.js';
import { SignInModule } from './sign-in.module.js';
import { TokenController } from './token.controller.js';

/** The gateway's own authorization server: discovery, and the root issuer. */
@Module({
  imports: [ConnectModule, IdentityModule, RegistryModule, SignInModule, RelayModule],
  controllers: [
    ProtectedResourceMetadataController,
    AuthorizationServerMetadataController,
    TokenController,
    AuthorizeController,
    LoginController,
  ],
  providers: [PublicAddress, CompanyLogin, IdentityAssertions, MissingConnection, OAuthRetention, RootTokens],
})
export class OAuthModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(ClientCors).forRoutes('{*path}');
  }
}
