import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import {
  TeamDeleteDefinition,
  TeamIdDefinition,
  TeamListQuery,
  TeamModelsDefinition,
  TeamNewDefinition,
  TeamPageQuery,
  TeamPermissionsDefinition,
  TeamUpdateDefinition,
} from '../../../core/definition/team.definition.js';
import type { Principal } from '../../../core/model/principal.js';
import { CurrentPrincipal } from '../auth/current-principal.decorator.js';
import { OpenAiErrors } from '../auth/error-shape.decorator.js';
import { RawBody } from '../auth/raw-body.decorator.js';
import { requireField } from '../auth/require-field.js';
import { TeamReader } from './team-reader.service.js';
import { TeamService } from './team.service.js';
import { RouteDoc } from '../auth/route-doc.decorator.js';

/** Teams (reference §3.8). Who may what is decided in `team-rules.ts`. */
@Controller()
@OpenAiErrors()
export class TeamController {
  constructor(
    private readonly teams: TeamService,
    private readonly reader: TeamReader,
  ) {}

  @Post('/team/new')
  @RouteDoc('Makes a team')
  @HttpCode(200)
  async create(@CurrentPrincipal() actor: Principal, @Body() body: TeamNewDefinition, @RawBody() raw: unknown) {
    return this.teams.create(actor, body, raw);
  }

  @Post('/team/update')
  @RouteDoc('Changes a team; null clears')
  @HttpCode(200)
  async update(@CurrentPrincipal() actor: Principal, @Body() body: TeamUpdateDefinition, @RawBody() raw: unknown) {
    const teamId = requireField(body.team_id, 'team_id');
    return { team_id: teamId, data: await this.teams.update(actor, teamId, body, raw) };
  }

  @Post('/team/delete')
  @RouteDoc('Deletes teams and their keys')
  @HttpCode(200)
  async delete(@CurrentPrincipal() actor: Principal, @Body() body: TeamDeleteDefinition) {
    return { deleted_teams: await this.teams.delete(actor, requireField(body.team_ids, 'team_ids')) };
  }

  @Get('/team/info')
  @RouteDoc('One team, with members and keys')
  async info(@CurrentPrincipal() principal: Principal, @Query() query: TeamIdDefinition) {
    return this.reader.info(principal, requireField(query.team_id ?? principal.teamId, 'team_id'));
  }

  @Get('/team/list')
  @RouteDoc('Teams the caller may see')
  async list(@CurrentPrincipal() principal: Principal, @Query() query: TeamListQuery) {
    return this.reader.list(principal, query);
  }

  @Get('/v2/team/list')
  @RouteDoc('Teams the caller may see, by page')
  async page(@CurrentPrincipal() principal: Principal, @Query() query: TeamPageQuery) {
    return this.reader.page(principal, query);
  }

  /** Teams a user may join without being added: there are none. */
  @Get('/team/available')
  @RouteDoc('Teams one may join without being added')
  available(): readonly never[] {
    return [];
  }

  @Post('/team/block')
  @RouteDoc('Blocks a team: its keys are refused')
  @HttpCode(200)
  async block(@CurrentPrincipal() actor: Principal, @Body() body: TeamIdDefinition) {
    return this.teams.setBlocked(actor, requireField(body.team_id, 'team_id'), true);
  }

  @Post('/team/unblock')
  @RouteDoc('Unblocks a team')
  @HttpCode(200)
  async unblock(@CurrentPrincipal() actor: Principal, @Body() body: TeamIdDefinition) {
    return this.teams.setBlocked(actor, requireField(body.team_id, 'team_id'), false);
  }

  @Post('/team/model/add')
  @RouteDoc('Adds models to a team')
  @HttpCode(200)
  async addModels(@CurrentPrincipal() actor: Principal, @Body() body: TeamModelsDefinition) {
    return this.teams.addModels(actor, requireField(body.team_id, 'team_id'), requireField(body.models, 'models'));
  }

  @Post('/team/model/delete')
  @RouteDoc('Takes models from a team')
  @HttpCode(200)
  async deleteModels(@CurrentPrincipal() actor: Principal, @Body() body: TeamModelsDefinition) {
    return this.teams.deleteModels(actor, requireField(body.team_id, 'team_id'), requireField(body.models, 'models'));
  }

  @Get('/team/permissions_list')
  @RouteDoc('What members may do with keys of the team')
  async memberPermissions(@CurrentPrincipal() principal: Principal, @Query() query: TeamIdDefinition) {
    return this.reader.memberPermissions(principal, requireField(query.team_id, 'team_id'));
  }

  @Post('/team/permissions_update')
  @RouteDoc('Says what members may do with keys of the team')
  @HttpCode(200)
  async setMemberPermissions(@CurrentPrincipal() actor: Principal, @Body() body: TeamPermissionsDefinition) {
    const permissions = requireField(body.team_member_permissions, 'team_member_permissions');
    return this.teams.setMemberPermissions(actor, requireField(body.team_id, 'team_id'), permissions);
  }
}
