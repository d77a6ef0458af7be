import { Body, Controller, Get, HttpCode, Param, Post, Put } from '@nestjs/common';
import type { Principal } from '../../../core/model/principal.js';
import { CurrentPrincipal } from '../auth/current-principal.decorator.js';
import { ServerReading } from './server-reading.service.js';
import { ServerSubmissions, type SubmissionCounts } from './server-submission.service.js';
import { known } from './server.controller.js';
import type { PresentedServer } from './server.presenter.js';

/** Proposals of teams and their review (reference §3.3). */
@Controller('/v1/mcp/server')
export class ServerSubmissionController {
  constructor(
    private readonly submissions: ServerSubmissions,
    private readonly reading: ServerReading,
  ) {}

  @Post('register')
  async register(@CurrentPrincipal() caller: Principal | undefined, @Body() body: unknown): Promise<PresentedServer> {
    const who = known(caller);
    return this.reading.presentRow(await this.submissions.submit(who, body), who);
  }

  @Get('submissions')
  async list(
    @CurrentPrincipal() caller: Principal | undefined,
  ): Promise<SubmissionCounts & { readonly items: readonly PresentedServer[] }> {
    const who = known(caller);
    const { counts, rows } = await this.submissions.list(who);
    return { ...counts, items: rows.map((row) => this.reading.presentRow(row, who)) };
  }

  @Put(':id/approve')
  @HttpCode(200)
  async approve(@CurrentPrincipal() caller: Principal | undefined, @Param('id') id: string): Promise<PresentedServer> {
    const who = known(caller);
    return this.reading.presentRow(await this.submissions.approve(who, id), who);
  }

  @Put(':id/reject')
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
