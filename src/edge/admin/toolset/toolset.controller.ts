import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { CallerPlace } from '../../../core/access/resolve-view.js';
import { ToolsetDefinition, ToolsetListQuery } from '../../../core/definition/toolset.definition.js';
import type { Principal } from '../../../core/model/principal.js';
import { PublicAddress } from '../../../platform/http/public-address.js';
import { CurrentPrincipal } from '../auth/current-principal.decorator.js';
import { RawBody } from '../auth/raw-body.decorator.js';
import { RequireRole } from '../auth/require-role.decorator.js';
import { sendPage } from '../permission/send-page.js';
import type { PresentedToolset } from './toolset.presenter.js';
import { ToolsetService } from './toolset.service.js';
import { RouteDoc } from '../auth/route-doc.decorator.js';

/** Toolsets (reference §3.4). */
@Controller('/v1/mcp/toolset')
export class ToolsetController {
  constructor(
    private readonly toolsets: ToolsetService,
    private readonly address: PublicAddress,
  ) {}

  @Get()
  @RouteDoc('Toolsets the caller may see')
  async list(
    @CurrentPrincipal() caller: Principal,
    @Query() query: ToolsetListQuery,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<readonly PresentedToolset[]> {
    return sendPage(response, query, await this.toolsets.list(caller, this.#place(request)));
  }

  @Post()
  @RouteDoc('Makes a toolset')
  @RequireRole('proxy_admin')
  @HttpCode(201)
  async create(@CurrentPrincipal() actor: Principal, @Body() body: ToolsetDefinition): Promise<PresentedToolset> {
    return this.toolsets.create(actor, body);
  }

  @Put()
  @RouteDoc('Changes the toolset the body names')
  @RequireRole('proxy_admin')
  @HttpCode(202)
  async update(
    @CurrentPrincipal() actor: Principal,
    @Body() body: ToolsetDefinition,
    @RawBody() raw: unknown,
  ): Promise<PresentedToolset> {
    return this.toolsets.update(actor, body, raw);
  }

  @Get(':id')
  @RouteDoc('One toolset')
  async get(
    @CurrentPrincipal() caller: Principal,
    @Param('id') id: string,
    @Req() request: Request,
  ): Promise<PresentedToolset> {
    return this.toolsets.get(caller, this.#place(request), id);
  }

  @Put(':id')
  @RouteDoc('Changes a toolset')
  @RequireRole('proxy_admin')
  @HttpCode(202)
  async updateNamed(
    @CurrentPrincipal() actor: Principal,
    @Param('id') id: string,
    @Body() body: ToolsetDefinition,
    @RawBody() raw: unknown,
  ): Promise<PresentedToolset> {
    return this.toolsets.update(actor, Object.assign(body, { toolset_id: id }), raw);
  }

  @Delete(':id')
  @RouteDoc('Deletes a toolset, and takes it out of grants')
  @RequireRole('proxy_admin')
  @HttpCode(202)
  async delete(@CurrentPrincipal() actor: Principal, @Param('id') id: string): Promise<PresentedToolset> {
    return this.toolsets.delete(actor, id);
  }

  #place(request: Request): CallerPlace {
    return { external: this.address.isExternal(request) };
  }
}
