import { Module } from '@nestjs/common';
import { CatalogModule } from '../../../engine/catalog/catalog.module.js';
import { PrincipalStore } from '../../../state/identity/principal.store.js';
import { RegistryModule } from '../../../state/registry/registry.module.js';
import { AdminAuthModule } from '../auth/admin-auth.module.js';
import { MembershipModule } from '../membership/membership.module.js';
import { TeamServers } from '../server/team-servers.service.js';
import { AccessExplanationService } from './access-explanation.service.js';
import { AccessController } from './access.controller.js';
import { KeyLookup } from './key-lookup.store.js';
import { VisibleTools } from './visible-tools.service.js';

/** `/v1/mcp/tools`, `/v1/mcp/access_groups`, `/v1/mcp/network/client-ip` and `/v1/mcp/access/explain`. */
@Module({
  imports: [AdminAuthModule, CatalogModule, MembershipModule, RegistryModule],
  controllers: [AccessController],
  providers: [AccessExplanationService, KeyLookup, PrincipalStore, TeamServers, VisibleTools],
})
export class AccessModule {}
