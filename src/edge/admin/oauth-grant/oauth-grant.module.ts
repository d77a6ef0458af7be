import { Module } from '@nestjs/common';
import { IdentityModule } from '../../../state/identity/identity.module.js';
import { OAuthGrantController } from './oauth-grant.controller.js';
import { OAuthGrantService } from './oauth-grant.service.js';

/** `/v1/oauth/grants`. */
@Module({ imports: [IdentityModule], controllers: [OAuthGrantController], providers: [OAuthGrantService] })
export class OAuthGrantModule {}
