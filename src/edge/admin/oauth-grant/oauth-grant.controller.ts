import { Controller, Delete, Get, Param, Query } from '@nestjs/common';
import { OAuthGrantQuery } from '../../../core/definition/oauth-grant-query.definition.js';
import type { Principal } from '../../../core/model/principal.js';
import { CurrentPrincipal } from '../auth/current-principal.decorator.js';
import { RouteDoc } from '../auth/route-doc.decorator.js';
import { OAuthGrantService } from './oauth-grant.service.js';

/** What people allowed OAuth clients at the gateway's own authorization server. */
@Controller('/v1/oauth/grants')
export class OAuthGrantController {
  constructor(private readonly grants: OAuthGrantService) {}

  @Get()
  @RouteDoc('What OAuth clients were allowed: one’s own, or everybody’s for administrators; by page')
  async page(@CurrentPrincipal() caller: Principal, @Query() query: OAuthGrantQuery) {
    return this.grants.page(caller, query);
  }

  @Delete(':id')
  @RouteDoc('Takes it back: its tokens are good for nothing any more')
  async revoke(@CurrentPrincipal() caller: Principal, @Param('id') id: string) {
    return this.grants.revoke(caller, id);
  }
}
