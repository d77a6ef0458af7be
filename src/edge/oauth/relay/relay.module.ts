import { Module } from '@nestjs/common';
import { UpstreamModule } from '../../../engine/upstream/upstream.module.js';
import { PublicAddress } from '../../../platform/http/public-address.js';
import { IdentityModule } from '../../../state/identity/identity.module.js';
import { RegistryModule } from '../../../state/registry/registry.module.js';
import { CallbackController } from '../callback.controller.js';
import { ClientDocumentController } from '../client-document.controller.js';
import { SignInModule } from '../sign-in.module.js';
import { RelayAuthorizeController } from './relay-authorize.controller.js';
import { RelayIssuing } from './relay-issuing.js';
import { RelayServers } from './relay-server.js';
import { RelaySignIn } from './relay-sign-in.js';
import { RelayTokenController } from './relay-token.controller.js';
import { UnnamedRelay } from './unnamed-relay.js';

/** The issuers of single servers, for clients that bring a key of the gateway beside the server's token. */
@Module({
  imports: [IdentityModule, RegistryModule, SignInModule, UpstreamModule],
  controllers: [CallbackController, ClientDocumentController, RelayAuthorizeController, RelayTokenController],
  providers: [PublicAddress, RelayIssuing, RelayServers, RelaySignIn, UnnamedRelay],
  exports: [RelayIssuing, RelaySignIn, UnnamedRelay],
})
export class RelayModule {}
