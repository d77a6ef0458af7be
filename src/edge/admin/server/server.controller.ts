import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Put, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { CallerPlace } from '../../../core/access/resolve-view.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import { PublicAddress } from '../../../platform/http/public-address.js';
import { CurrentPrincipal } from '../auth/current-principal.decorator.js';
import { ServerHealthReport, type ReportedHealth } from './server-health-report.js';
import { ServerImport, type ImportResult } from './server-import.service.js';
import { ServerPins } from './server-pins.service.js';
import { ServerReading } from './server-reading.service.js';
import { ServerWriting } from './server-writing.service.js';
import { ServerListQuery } from './server.queries.js';
import type { PresentedServer } from './server.presenter.js';
import { RouteDoc } from '../auth/route-doc.decorator.js';
import { ClientServersDefinition } from '../../../core/definition/server-requests.definition.js';
import { ServerBodyDefinition } from '../../../core/definition/server-body.definition.js';

const PAGE_SIZE = 100;

/** Servers (reference §3.1, contract §10). Every handler authorises in its service; nobody without a key comes here. */
@Controller('/v1/mcp/server')
export class ServerController {
  constructor(
    private readonly reading: ServerReading,
    private readonly writing: ServerWriting,
    private readonly pins: ServerPins,
    private readonly imports: ServerImport,
    private readonly health: ServerHealthReport,
    private readonly address: PublicAddress,
  ) {}

  @Get()
  @RouteDoc('Servers the caller may see')
  async list(
    @CurrentPrincipal() caller: Principal | undefined,
    @Query() query: ServerListQuery,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<readonly object[]> {
    const who = known(caller);
    const servers =
      query.status === 'rejected'
        ? await this.reading.listRejected(who)
        : await this.reading.list(who, this.#place(request), query.team_id);
    response.setHeader('X-Total-Count', String(servers.length));
    if (query.page === undefined && query.page_size === undefined) return servers;
    const size = query.page_size ?? PAGE_SIZE;
    const start = ((query.page ?? 1) - 1) * size;
    return servers.slice(start, start + size);
  }

  @Get('health')
  @RouteDoc('Asks servers now how they are', { query: { server_ids: 'Only these, separated by commas' } })
  async checkHealth(
    @CurrentPrincipal() caller: Principal | undefined,
    @Query('server_ids') ids: unknown,
    @Req() request: Request,
  ): Promise<readonly ReportedHealth[]> {
    return this.health.of(known(caller), this.#place(request), idsOf(ids));
  }

  @Get(':id')
  @RouteDoc('One server, by id, name or alias')
  async get(
    @CurrentPrincipal() caller: Principal | undefined,
    @Param('id') id: string,
    @Req() request: Request,
  ): Promise<PresentedServer> {
    return this.reading.get(known(caller), this.#place(request), id);
  }

  @Post()
  @RouteDoc('Stores a server', { body: ServerBodyDefinition })
  async create(@CurrentPrincipal() caller: Principal | undefined, @Body() body: unknown): Promise<PresentedServer> {
    const who = known(caller);
    return this.reading.presentRow(await this.writing.create(who, body), who);
  }

  @Post('import')
  @RouteDoc('Stores servers of an mcpServers document, as clients keep it', { body: ClientServersDefinition })
  @HttpCode(200)
  async import(
    @CurrentPrincipal() caller: Principal | undefined,
    @Body() body: unknown,
  ): Promise<{ readonly imported: number; readonly failed: number; readonly results: readonly ImportResult[] }> {
    const results = await this.imports.run(known(caller), body);
    const imported = results.filter(({ status }) => status === 'created').length;
    return { imported, failed: results.length - imported, results };
  }

  /** The id is in the body. */
  @Put()
  @RouteDoc('Changes the server the body names; null clears', { body: ServerBodyDefinition })
  @HttpCode(202)
  async update(@CurrentPrincipal() caller: Principal | undefined, @Body() body: unknown): Promise<PresentedServer> {
    return this.#update(known(caller), undefined, body);
  }

  @Put(':id')
  @RouteDoc('Changes a server; null clears', { body: ServerBodyDefinition })
  @HttpCode(202)
  async replace(
    @CurrentPrincipal() caller: Principal | undefined,
    @Param('id') id: string,
    @Body() body: unknown,
  ): Promise<PresentedServer> {
    return this.#update(known(caller), id, body);
  }

  @Patch(':id')
  @RouteDoc('Changes a server; null clears', { body: ServerBodyDefinition })
  @HttpCode(202)
  async patch(
    @CurrentPrincipal() caller: Principal | undefined,
    @Param('id') id: string,
    @Body() body: unknown,
  ): Promise<PresentedServer> {
    return this.#update(known(caller), id, body);
  }

  @Post(':id/pin')
  @RouteDoc('Approves the tools the server has now: changed and new ones are not offered any more')
  @HttpCode(200)
  async pin(@CurrentPrincipal() caller: Principal | undefined, @Param('id') id: string): Promise<PresentedServer> {
    const who = known(caller);
    return this.reading.presentRow(await this.pins.pin(who, id), who);
  }

  @Delete(':id/pin')
  @RouteDoc('Offers whatever tools the server has')
  async unpin(@CurrentPrincipal() caller: Principal | undefined, @Param('id') id: string): Promise<PresentedServer> {
    const who = known(caller);
    return this.reading.presentRow(await this.pins.unpin(who, id), who);
  }

  @Delete(':id')
  @RouteDoc('Deletes a server, and takes it out of grants and toolsets')
  @HttpCode(202)
  async remove(@CurrentPrincipal() caller: Principal | undefined, @Param('id') id: string): Promise<void> {
    await this.writing.remove(known(caller), id);
  }

  async #update(caller: Principal, handle: string | undefined, body: unknown): Promise<PresentedServer> {
    return this.reading.presentRow(await this.writing.update(caller, handle, body), caller);
  }

  #place(request: Request): CallerPlace {
    return { external: this.address.isExternal(request) };
  }
}

/** The guard lets nobody in without one. */
export function known(caller: Principal | undefined): Principal {
  if (caller === undefined) throw new GatewayError('auth/required');
  return caller;
}

/** `?server_ids=a&server_ids=b`, and `?server_ids=a,b`. Undefined: all. */
function idsOf(given: unknown): readonly string[] | undefined {
  if (given === undefined) return undefined;
  return (Array.isArray(given) ? given : [given]).flatMap((ids) => (typeof ids === 'string' ? ids.split(',') : []));
}
