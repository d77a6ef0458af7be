import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import {
  TeamBulkMemberAddDefinition,
  TeamMemberAddDefinition,
  TeamMemberDefinition,
  TeamMemberUpdateDefinition,
} from '../../../core/definition/team.definition.js';
import type { Principal } from '../../../core/model/principal.js';
import { CurrentPrincipal } from '../auth/current-principal.decorator.js';
import { OpenAiErrors } from '../auth/error-shape.decorator.js';
import { RawBody } from '../auth/raw-body.decorator.js';
import { requireField } from '../auth/require-field.js';
import { TeamMembersService } from './team-members.service.js';
import { RouteDoc } from '../auth/route-doc.decorator.js';

/** Members of teams, by `user_id` or `user_email` (reference §3.8). */
@Controller('/team')
@OpenAiErrors()
export class TeamMembersController {
  constructor(private readonly members: TeamMembersService) {}

  @Post('member_add')
  @RouteDoc('Adds members to a team')
  @HttpCode(200)
  async add(@CurrentPrincipal() actor: Principal, @Body() body: TeamMemberAddDefinition) {
    const members = requireField(body.member, 'member');
    return this.members.add(actor, requireField(body.team_id, 'team_id'), members, body.max_budget_in_team);
  }

  @Post('bulk_member_add')
  @RouteDoc('Adds many members, or everybody, to a team')
  @HttpCode(200)
  async addMany(@CurrentPrincipal() actor: Principal, @Body() body: TeamBulkMemberAddDefinition) {
    if (body.all_users !== true) requireField(body.members, 'members');
    return this.members.addMany(actor, requireField(body.team_id, 'team_id'), body);
  }

  @Post('member_delete')
  @RouteDoc('Takes a member out of a team')
  @HttpCode(200)
  async remove(@CurrentPrincipal() actor: Principal, @Body() body: TeamMemberDefinition) {
    requireField(body.user_id ?? body.user_email, 'user_id');
    return this.members.remove(actor, requireField(body.team_id, 'team_id'), body);
  }

  @Post('member_update')
  @RouteDoc('Changes role or budget of a member')
  @HttpCode(200)
  async update(
    @CurrentPrincipal() actor: Principal,
    @Body() body: TeamMemberUpdateDefinition,
    @RawBody() raw: unknown,
  ) {
    requireField(body.user_id ?? body.user_email, 'user_id');
    return this.members.update(actor, requireField(body.team_id, 'team_id'), body, raw);
  }
}
