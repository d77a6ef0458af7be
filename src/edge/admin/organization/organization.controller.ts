import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Query } from '@nestjs/common';
import {
  OrganizationDeleteDefinition,
  OrganizationIdDefinition,
  OrganizationListQuery,
  OrganizationMemberAddDefinition,
  OrganizationMemberDefinition,
  OrganizationMemberUpdateDefinition,
  OrganizationNewDefinition,
  OrganizationsDefinition,
  OrganizationUpdateDefinition,
} from '../../../core/definition/organization.definition.js';
import type { Principal } from '../../../core/model/principal.js';
import { CurrentPrincipal } from '../auth/current-principal.decorator.js';
import { OpenAiErrors } from '../auth/error-shape.decorator.js';
import { RawBody } from '../auth/raw-body.decorator.js';
import { requireField } from '../auth/require-field.js';
import { OrganizationMembersService } from './organization-members.service.js';
import { OrganizationReader } from './organization-reader.service.js';
import { OrganizationService } from './organization.service.js';
import { RouteDoc } from '../auth/route-doc.decorator.js';

/** Organizations and their members (reference §3.9). Who may what is decided in `organization-rules.ts`. */
@Controller('/organization')
@OpenAiErrors()
export class OrganizationController {
  constructor(
    private readonly organizations: OrganizationService,
    private readonly members: OrganizationMembersService,
    private readonly reader: OrganizationReader,
  ) {}

  @Post('new')
  @RouteDoc('Makes an organization')
  @HttpCode(200)
  async create(@CurrentPrincipal() actor: Principal, @Body() body: OrganizationNewDefinition, @RawBody() raw: unknown) {
    return this.organizations.create(actor, body, raw);
  }

  @Patch('update')
  @RouteDoc('Changes an organization; null clears')
  async update(
    @CurrentPrincipal() actor: Principal,
    @Body() body: OrganizationUpdateDefinition,
    @RawBody() raw: unknown,
  ) {
    return this.organizations.update(actor, requireField(body.organization_id, 'organization_id'), body, raw);
  }

  @Delete('delete')
  @RouteDoc('Deletes organizations with their teams and keys')
  async delete(@CurrentPrincipal() actor: Principal, @Body() body: OrganizationDeleteDefinition) {
    return this.organizations.delete(actor, requireField(body.organization_ids, 'organization_ids'));
  }

  @Get('list')
  @RouteDoc('Organizations the caller may see')
  async list(@CurrentPrincipal() principal: Principal, @Query() query: OrganizationListQuery) {
    return this.reader.list(principal, query);
  }

  @Get('info')
  @RouteDoc('One organization, with members and teams')
  async info(@CurrentPrincipal() principal: Principal, @Query() query: OrganizationIdDefinition) {
    return this.reader.info(principal, requireField(query.organization_id, 'organization_id'));
  }

  /** Deprecated by the incumbent, and still called. */
  @Post('info')
  @RouteDoc('Several organizations')
  @HttpCode(200)
  async named(@CurrentPrincipal() principal: Principal, @Body() body: OrganizationsDefinition) {
    return this.reader.named(principal, requireField(body.organizations, 'organizations'));
  }

  @Post('member_add')
  @RouteDoc('Adds members to an organization')
  @HttpCode(200)
  async addMembers(@CurrentPrincipal() actor: Principal, @Body() body: OrganizationMemberAddDefinition) {
    const id = requireField(body.organization_id, 'organization_id');
    return this.members.add(actor, id, requireField(body.member, 'member'), body.max_budget_in_organization);
  }

  @Patch('member_update')
  @RouteDoc('Changes role or budget of a member')
  async updateMember(
    @CurrentPrincipal() actor: Principal,
    @Body() body: OrganizationMemberUpdateDefinition,
    @RawBody() raw: unknown,
  ) {
    requireField(body.user_id ?? body.user_email, 'user_id');
    return this.members.update(actor, requireField(body.organization_id, 'organization_id'), body, raw);
  }

  @Delete('member_delete')
  @RouteDoc('Takes a member out of an organization')
  async removeMember(@CurrentPrincipal() actor: Principal, @Body() body: OrganizationMemberDefinition) {
    requireField(body.user_id ?? body.user_email, 'user_id');
    return this.members.remove(actor, requireField(body.organization_id, 'organization_id'), body);
  }
}
