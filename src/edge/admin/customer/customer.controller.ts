import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import {
  CustomerDefinition,
  CustomerIdQuery,
  CustomerListQuery,
  CustomersDefinition,
} from '../../../core/definition/customer.definition.js';
import type { Principal } from '../../../core/model/principal.js';
import { CurrentPrincipal } from '../auth/current-principal.decorator.js';
import { OpenAiErrors } from '../auth/error-shape.decorator.js';
import { RawBody } from '../auth/raw-body.decorator.js';
import { requireField } from '../auth/require-field.js';
import { RequireRole } from '../auth/require-role.decorator.js';
import { CustomerService } from './customer.service.js';
import { RouteDoc } from '../auth/route-doc.decorator.js';

/** Customers, under both of their names (reference §3.9). Proxy admins write, viewers read. */
@Controller(['/customer', '/end_user'])
@OpenAiErrors()
@RequireRole('proxy_admin')
export class CustomerController {
  constructor(private readonly customers: CustomerService) {}

  @Post('new')
  @RouteDoc('Makes a customer (end user)')
  @HttpCode(200)
  async create(@CurrentPrincipal() actor: Principal, @Body() body: CustomerDefinition, @RawBody() raw: unknown) {
    return this.customers.create(actor, requireField(body.user_id, 'user_id'), body, raw);
  }

  @Post('update')
  @RouteDoc('Changes a customer')
  @HttpCode(200)
  async update(@CurrentPrincipal() actor: Principal, @Body() body: CustomerDefinition, @RawBody() raw: unknown) {
    return this.customers.update(actor, requireField(body.user_id, 'user_id'), body, raw);
  }

  @Get('info')
  @RouteDoc('One customer')
  @RequireRole('proxy_admin', 'proxy_admin_viewer')
  async info(@Query() query: CustomerIdQuery) {
    return this.customers.info(requireField(query.end_user_id, 'end_user_id'));
  }

  @Get('list')
  @RouteDoc('Customers, by page')
  @RequireRole('proxy_admin', 'proxy_admin_viewer')
  async list(@Query() query: CustomerListQuery) {
    return this.customers.list(query);
  }

  @Post('delete')
  @RouteDoc('Deletes customers')
  @HttpCode(200)
  async delete(@CurrentPrincipal() actor: Principal, @Body() body: CustomersDefinition) {
    const deleted = await this.customers.delete(actor, requireField(body.user_ids, 'user_ids'));
    return {
      deleted_customers: deleted,
      message: `Successfully deleted customers with ids: ${(body.user_ids ?? []).join(', ')}`,
    };
  }

  @Post('block')
  @RouteDoc('Blocks customers')
  @HttpCode(200)
  async block(@CurrentPrincipal() actor: Principal, @Body() body: CustomersDefinition) {
    return { blocked_users: await this.customers.setBlocked(actor, requireField(body.user_ids, 'user_ids'), true) };
  }

  @Post('unblock')
  @RouteDoc('Unblocks customers')
  @HttpCode(200)
  async unblock(@CurrentPrincipal() actor: Principal, @Body() body: CustomersDefinition) {
    return { unblocked_users: await this.customers.setBlocked(actor, requireField(body.user_ids, 'user_ids'), false) };
  }
}
