import { Module } from '@nestjs/common';
import { IdentityModule } from '../../state/identity/identity.module.js';
import { UserCredentialModule } from '../../state/credential/user-credential.module.js';
import { RegistryModule } from '../../state/registry/registry.module.js';
import { UpstreamModule } from '../upstream/upstream.module.js';
import { Catalog } from './catalog.js';
import { WarmUp } from './warm-up.js';

/** Aggregated lists of what a view sees. */
@Module({
  imports: [IdentityModule, RegistryModule, UpstreamModule, UserCredentialModule],
  providers: [Catalog, WarmUp],
  exports: [Catalog, WarmUp],
})
export class CatalogModule {}
