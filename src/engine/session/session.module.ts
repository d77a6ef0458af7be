import { Module } from '@nestjs/common';
import { IdentityModule } from '../../state/identity/identity.module.js';
import { ReplicaModule } from '../../state/replica/replica.module.js';
import { UpstreamModule } from '../upstream/upstream.module.js';
import { SessionStore } from './session-store.js';

/** Sessions with clients. */
@Module({
  imports: [IdentityModule, ReplicaModule, UpstreamModule],
  providers: [SessionStore],
  exports: [SessionStore],
})
export class SessionModule {}
