import { Controller, Get, Header, Res } from '@nestjs/common';
import type { Response } from 'express';
import type { Principal } from '../../core/model/principal.js';
import { CurrentPrincipal } from '../admin/auth/current-principal.decorator.js';
import { Public } from '../admin/auth/public.decorator.js';
import { RequireRole } from '../admin/auth/require-role.decorator.js';
import { ReadinessService } from './readiness.service.js';
import { ServerHealthService, type ServersHealth } from './server-health.service.js';
import { RouteDoc } from '../admin/auth/route-doc.decorator.js';

/** For orchestrators (no credential) and operators. Answers are of this process and this moment. */
@Controller('/health')
export class HealthController {
  constructor(
    private readonly readiness: ReadinessService,
    private readonly servers: ServerHealthService,
  ) {}

  /** The process runs and answers; says nothing about what it depends on, or a restart would be no cure. */
  @Get(['liveliness', 'liveness'])
  @RouteDoc('Whether the process answers')
  @Public()
  @Header('Cache-Control', 'no-store')
  live(): string {
    return "I'm alive!";
  }

  /** 200 or 503 for everybody; why, for administrators only. */
  @Get('readiness')
  @RouteDoc('Whether it serves; why not, for administrators')
  @Public()
  @Header('Cache-Control', 'no-store')
  async ready(
    @CurrentPrincipal() principal: Principal | undefined,
    @Res({ passthrough: true }) response: Response,
  ): Promise<object> {
    const { ready, details } = await this.readiness.check();
    if (!ready) response.status(503);
    const status = ready ? 'healthy' : 'unhealthy';
    const mayReadDetails = principal?.role === 'proxy_admin' || principal?.role === 'proxy_admin_viewer';
    return mayReadDetails ? { status, ...details } : { status };
  }

  /** How the servers fared when they were last asked. Asks nobody. */
  @Get()
  @RouteDoc('How the servers fared when they were last asked')
  @RequireRole('proxy_admin', 'proxy_admin_viewer')
  @Header('Cache-Control', 'no-store')
  health(): ServersHealth {
    return this.servers.report();
  }
}
