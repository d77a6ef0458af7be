import { Module } from '@nestjs/common';
import { RegistryModule } from '../../../state/registry/registry.module.js';
import { UserCredentialModule } from '../../../state/credential/user-credential.module.js';
import { AdminAuthModule } from '../auth/admin-auth.module.js';
import { ServerModule } from '../server/server.module.js';
import { CredentialController } from './credential.controller.js';
import { CredentialService } from './credential.service.js';
import { UserVariablesService } from './user-variables.service.js';

/** What users keep to use servers with, over REST. */
@Module({
  imports: [AdminAuthModule, RegistryModule, ServerModule, UserCredentialModule],
  controllers: [CredentialController],
  providers: [CredentialService, UserVariablesService],
})
export class CredentialModule {}
