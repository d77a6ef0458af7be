import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query, Res } from '@nestjs/common';
import type { Response } from 'express';
import { AccessGroupDefinition, AccessGroupListQuery } from '../../../core/definition/access-group.definition.js';
import type { Principal } from '../../../core/model/principal.js';
import { CurrentPrincipal } from '../auth/current-principal.decorator.js';
import { RawBody } from '../auth/raw-body.decorator.js';
import { RequireRole } from '../auth/require-role.decorator.js';
import { sendPage } from '../permission/send-page.js';
import type { PresentedAccessGroup } from './access-group.presenter.js';
import { AccessGroupService } from './access-group.service.js';
import { RouteDoc } from '../auth/route-doc.decorator.js';

/** Unified access groups (reference §3.2), under both of their paths. For administrators; viewers read. */
@Controller(['/v1/access_group', '/v1/unified_access_group'])
@RequireRole('proxy_admin')
export class AccessGroupController {
  constructor(private readonly groups: AccessGroupService) {}

  @Get()
  @RouteDoc('Unified access groups, by page')
  @RequireRole('proxy_admin', 'proxy_admin_viewer')
  async list(
    @Query() query: AccessGroupListQuery,
    @Res({ passthrough: true }) response: Response,
  ): Promise<readonly PresentedAccessGroup[]> {
    return sendPage(response, query, await this.groups.list());
  }

  @Post()
  @RouteDoc('Makes a unified access group')
  @HttpCode(201)
  async create(
    @CurrentPrincipal() actor: Principal,
    @Body() body: AccessGroupDefinition,
    @RawBody() raw: unknown,
  ): Promise<PresentedAccessGroup> {
    return this.groups.create(actor, body, raw);
  }

  @Get(':id')
  @RouteDoc('One unified access group')
  @RequireRole('proxy_admin', 'proxy_admin_viewer')
  async get(@Param('id') id: string): Promise<PresentedAccessGroup> {
    return this.groups.get(id);
  }

  @Put(':id')
  @RouteDoc('Changes a unified access group')
  async update(
    @CurrentPrincipal() actor: Principal,
    @Param('id') id: string,
    @Body() body: AccessGroupDefinition,
    @RawBody() raw: unknown,
  ): Promise<PresentedAccessGroup> {
    return this.groups.update(actor, id, body, raw);
  }

  @Delete(':id')
  @RouteDoc('Deletes a unified access group')
  @HttpCode(204)
  async delete(@CurrentPrincipal() actor: Principal, @Param('id') id: string): Promise<void> {
    await this.groups.delete(actor, id);
  }
}
