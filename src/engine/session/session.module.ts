import { Module } from '@nestjs/common';
import { IdentityModule } from '../../state/identity/identity.module.js';
import { UpstreamModule } from '../upstream/upstream.module.js';
import { SessionStore } from './session-store.js';

/** Sessions with clients. */
@Module({ imports: [IdentityModule, UpstreamModule], providers: [SessionStore], exports: [SessionStore] })
export class SessionModule {}
