import { Module } from '@nestjs/common';
import { UpstreamModule } from '../../engine/upstream/upstream.module.js';
import { PublicAddress } from '../../platform/http/public-address.js';
import { IdentityModule } from '../../state/identity/identity.module.js';
import { UserCredentialModule } from '../../state/credential/user-credential.module.js';
import { RegistryModule } from '../../state/registry/registry.module.js';
import { ConnectController } from './connect.controller.js';
import { ConnectSignIn } from './connect-sign-in.js';
import { Connections } from './connections.js';
import { SignInModule } from './sign-in.module.js';

/** Pages where users log in to servers, or keep keys and values for them. */
@Module({
  imports: [IdentityModule, RegistryModule, SignInModule, UpstreamModule, UserCredentialModule],
  controllers: [ConnectController],
  providers: [PublicAddress, Connections, ConnectSignIn],
  exports: [Connections],
})
export class ConnectModule {}
