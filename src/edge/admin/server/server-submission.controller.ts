import { Body, Controller, Get, HttpCode, Param, Post, Put } from '@nestjs/common';
import type { Principal } from '../../../core/model/principal.js';
import { CurrentPrincipal } from '../auth/current-principal.decorator.js';
import { ServerReading } from './server-reading.service.js';
import { ServerSubmissions, type SubmissionCounts } from './server-submission.service.js';
import { known } from './server.controller.js';
import type { PresentedServer } from './server.presenter.js';
import { RouteDoc } from '../auth/route-doc.decorator.js';
import { RejectionBodyDefinition } from '../../../core/definition/server-requests.definition.js';
import { ServerBodyDefinition } from '../../../core/definition/server-body.definition.js';

/** Proposals of teams and their review (reference §3.3). */
@Controller('/v1/mcp/server')
export class ServerSubmissionController {
  constructor(
    private readonly submissions: ServerSubmissions,
    private readonly reading: ServerReading,
  ) {}

  @Post('register')
  @RouteDoc('Proposes a server for a team', { body: ServerBodyDefinition })
  async register(@CurrentPrincipal() caller: Principal | undefined, @Body() body: unknown): Promise<PresentedServer> {
    const who = known(caller);
    return this.reading.presentRow(await this.submissions.submit(who, body), who);
  }

  @Get('submissions')
  @RouteDoc('Proposals, and how many of each status')
  async list(
    @CurrentPrincipal() caller: Principal | undefined,
  ): Promise<SubmissionCounts & { readonly items: readonly PresentedServer[] }> {
    const who = known(caller);
    const { counts, rows } = await this.submissions.list(who);
    return { ...counts, items: rows.map((row) => this.reading.presentRow(row, who)) };
  }

  @Put(':id/approve')
  @RouteDoc('Puts a proposed server into service')
  @HttpCode(200)
  async approve(@CurrentPrincipal() caller: Principal | undefined, @Param('id') id: string): Promise<PresentedServer> {
    const who = known(caller);
    return this.reading.presentRow(await this.submissions.approve(who, id), who);
  }

  @Put(':id/reject')
  @RouteDoc('Rejects a proposed server', { body: RejectionBodyDefinition })
  @HttpCode(200)
  async reject(
    @CurrentPrincipal() caller: Principal | undefined,
    @Param('id') id: string,
    @Body() body: unknown,
  ): Promise<PresentedServer> {
    const who = known(caller);
    return this.reading.presentRow(await this.submissions.reject(who, id, body), who);
  }
}
