import { Controller, Get, Query } from '@nestjs/common';
import { ActivityQuery, DailyActivityQuery, SpendLogsQuery } from '../../../core/definition/usage-query.definition.js';
import type { Principal } from '../../../core/model/principal.js';
import { CurrentPrincipal } from '../auth/current-principal.decorator.js';
import { OpenAiErrors } from '../auth/error-shape.decorator.js';
import { RequireRole } from '../auth/require-role.decorator.js';
import { ActivityService } from './activity.service.js';
import { SpendLogService } from './spend-log.service.js';
import { RouteDoc } from '../auth/route-doc.decorator.js';

/** What was called (reference §3.10). Everybody may ask; the answer holds what is theirs. */
@Controller()
@OpenAiErrors()
export class UsageController {
  constructor(
    private readonly logs: SpendLogService,
    private readonly activity: ActivityService,
  ) {}

  @Get('/spend/logs')
  @RouteDoc('Calls, one row each')
  async rows(@CurrentPrincipal() principal: Principal, @Query() query: SpendLogsQuery) {
    return this.logs.rows(principal, query);
  }

  @Get(['/spend/logs/v2', '/spend/logs/ui'])
  @RouteDoc('Calls, by page')
  async page(@CurrentPrincipal() principal: Principal, @Query() query: SpendLogsQuery) {
    return this.logs.page(principal, query);
  }

  @Get('/global/activity')
  @RouteDoc('Calls in sum: by server, tool, team, key, user or organization')
  async summary(@CurrentPrincipal() principal: Principal, @Query() query: ActivityQuery) {
    return this.activity.summary(principal, query);
  }

  @Get('/team/daily/activity')
  @RouteDoc('Calls of teams, by day')
  async ofTeams(@CurrentPrincipal() principal: Principal, @Query() query: DailyActivityQuery) {
    return this.activity.daily(principal, 'team', query);
  }

  @Get('/organization/daily/activity')
  @RouteDoc('Calls of organizations, by day')
  async ofOrganizations(@CurrentPrincipal() principal: Principal, @Query() query: DailyActivityQuery) {
    return this.activity.daily(principal, 'organization', query);
  }

  @Get(['/user/daily/activity', '/user/daily/activity/aggregated'])
  @RouteDoc('Calls of users, by day')
  async ofUsers(@CurrentPrincipal() principal: Principal, @Query() query: DailyActivityQuery) {
    return this.activity.daily(principal, 'user', query);
  }

  @Get(['/customer/daily/activity', '/end_user/daily/activity'])
  @RouteDoc('Calls of customers, by day')
  @RequireRole('proxy_admin', 'proxy_admin_viewer')
  async ofCustomers(@CurrentPrincipal() principal: Principal, @Query() query: DailyActivityQuery) {
    return this.activity.daily(principal, 'end_user', query);
  }
}
