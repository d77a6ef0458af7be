import { Controller, Get, Param, Query } from '@nestjs/common';
import { AuditQuery } from '../../../core/definition/audit-query.definition.js';
import { RequireRole } from '../auth/require-role.decorator.js';
import { AuditService } from './audit.service.js';
import { RouteDoc } from '../auth/route-doc.decorator.js';

/** Who changed what (reference §3.10). */
@Controller('/audit')
@RequireRole('proxy_admin', 'proxy_admin_viewer')
export class AuditController {
  constructor(private readonly audit: AuditService) {}

  @Get()
  @RouteDoc('Who changed what: filtered, by page')
  async page(@Query() query: AuditQuery) {
    return this.audit.page(query);
  }

  @Get(':id')
  @RouteDoc('One change')
  async entry(@Param('id') id: string) {
    return this.audit.entry(id);
  }
}
