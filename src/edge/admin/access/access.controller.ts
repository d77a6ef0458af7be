import { Controller, Get, Header, Query, Req } from '@nestjs/common';
import type { Request } from 'express';
import type { CallerPlace } from '../../../core/access/resolve-view.js';
import { AccessExplainQuery, AccessGroupNamesQuery } from '../../../core/definition/access-query.definition.js';
import type { Principal } from '../../../core/model/principal.js';
import { PublicAddress } from '../../../platform/http/public-address.js';
import { CurrentPrincipal } from '../auth/current-principal.decorator.js';
import type { PresentedExplanation } from './access-explanation.presenter.js';
import { AccessExplanationService } from './access-explanation.service.js';
import { VisibleTools } from './visible-tools.service.js';
import { RouteDoc } from '../auth/route-doc.decorator.js';

/** What a caller may see and why (reference §3.2, contract §9). Open to every key; each answer is the caller's own. */
@Controller('/v1/mcp')
export class AccessController {
  constructor(
    private readonly visible: VisibleTools,
    private readonly explanations: AccessExplanationService,
    private readonly address: PublicAddress,
  ) {}

  @Get('tools')
  @RouteDoc('Tools the caller may call')
  @Header('Content-Type', 'application/json; charset=utf-8')
  async tools(@CurrentPrincipal() caller: Principal, @Req() request: Request): Promise<string> {
    return this.visible.toolsText(caller, this.#place(request));
  }

  @Get('access_groups')
  @RouteDoc('Access groups the caller may see')
  async accessGroups(
    @CurrentPrincipal() caller: Principal,
    @Query() query: AccessGroupNamesQuery,
    @Req() request: Request,
  ): Promise<{ readonly access_groups: readonly string[] }> {
    return { access_groups: await this.visible.accessGroups(caller, this.#place(request), query.team_id) };
  }

  /** The caller's address as the gateway sees it; null when nobody can say. */
  @Get('network/client-ip')
  @RouteDoc('The address the request came from, as the gateway takes it')
  clientIp(@Req() request: Request): { readonly ip: string | null } {
    return { ip: this.address.clientAddress(request) ?? null };
  }

  @Get('access/explain')
  @RouteDoc('Why a key may or may not see a server or call a tool')
  async explain(
    @CurrentPrincipal() caller: Principal,
    @Query() query: AccessExplainQuery,
  ): Promise<PresentedExplanation> {
    return this.explanations.explain(caller, query);
  }

  #place(request: Request): CallerPlace {
    return { external: this.address.isExternal(request) };
  }
}
