import { Controller, Get, Header, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { RequireRole } from '../admin/auth/require-role.decorator.js';
import { ClusterMetrics } from './cluster-metrics.js';
import { RouteDoc } from '../admin/auth/route-doc.decorator.js';

/** Prometheus metrics. Names of servers are in them, so they are for operators. */
@Controller('/metrics')
@RequireRole('proxy_admin', 'proxy_admin_viewer')
export class MetricsController {
  constructor(private readonly metrics: ClusterMetrics) {}

  @Get()
  @RouteDoc('Prometheus metrics')
  @Header('Cache-Control', 'no-store')
  async expose(@Req() request: Request, @Res() response: Response): Promise<void> {
    const { contentType, text } = await this.metrics.expose(request.headers);
    response.setHeader('Content-Type', contentType);
    response.end(text);
  }

  /** Of this one process as data; what sibling processes ask each other. */
  @Get('process')
  @RouteDoc('Metrics of this one process, as data')
  @Header('Cache-Control', 'no-store')
  own(): Promise<object[]> {
    return this.metrics.own();
  }
}
