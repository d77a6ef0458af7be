import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import {
  UserBulkUpdateDefinition,
  UserDeleteDefinition,
  UserFilterQuery,
  UserIdQuery,
  UserNewDefinition,
  UserPageQuery,
  UserUpdateDefinition,
} from '../../../core/definition/user.definition.js';
import type { Principal } from '../../../core/model/principal.js';
import { CurrentPrincipal } from '../auth/current-principal.decorator.js';
import { OpenAiErrors } from '../auth/error-shape.decorator.js';
import { RawBody } from '../auth/raw-body.decorator.js';
import { requireField } from '../auth/require-field.js';
import { UserCreationService } from './user-creation.service.js';
import { UserReader } from './user-reader.service.js';
import { ROLE_DESCRIPTIONS } from './user-rules.js';
import { UserService } from './user.service.js';
import { RouteDoc } from '../auth/route-doc.decorator.js';

/** Users (reference §3.9). Who may what is decided in `user-rules.ts`. */
@Controller('/user')
@OpenAiErrors()
export class UserController {
  constructor(
    private readonly creation: UserCreationService,
    private readonly users: UserService,
    private readonly reader: UserReader,
  ) {}

  @Post('new')
  @RouteDoc('Makes a user, with a key unless told not to')
  @HttpCode(200)
  async create(@CurrentPrincipal() actor: Principal, @Body() body: UserNewDefinition, @RawBody() raw: unknown) {
    return this.creation.create(actor, body, raw);
  }

  @Post('update')
  @RouteDoc('Changes a user; null clears')
  @HttpCode(200)
  async update(@CurrentPrincipal() actor: Principal, @Body() body: UserUpdateDefinition, @RawBody() raw: unknown) {
    const data = await this.users.update(actor, body, raw);
    return { user_id: data.user_id, data };
  }

  @Post('bulk_update')
  @RouteDoc('Changes many users, each on its own')
  @HttpCode(200)
  async updateMany(@CurrentPrincipal() actor: Principal, @Body() body: UserBulkUpdateDefinition) {
    return this.users.updateMany(actor, body);
  }

  @Post('delete')
  @RouteDoc('Deletes users and their keys')
  @HttpCode(200)
  async delete(@CurrentPrincipal() actor: Principal, @Body() body: UserDeleteDefinition) {
    return { deleted_users: await this.users.delete(actor, requireField(body.user_ids, 'user_ids')) };
  }

  /** Without an id: whoever asks. */
  @Get('info')
  @RouteDoc('One user, with teams and keys')
  async info(@CurrentPrincipal() principal: Principal, @Query() query: UserIdQuery) {
    return this.reader.info(principal, requireField(query.user_id ?? principal.userId, 'user_id'));
  }

  @Get('list')
  @RouteDoc('Users, by page')
  async page(@CurrentPrincipal() principal: Principal, @Query() query: UserPageQuery) {
    return this.reader.page(principal, query);
  }

  @Get('available_roles')
  @RouteDoc('Roles there are')
  roles() {
    return ROLE_DESCRIPTIONS;
  }

  @Get('filter/ui')
  @RouteDoc('Users to choose from, by id or address')
  async suggestions(@CurrentPrincipal() principal: Principal, @Query() query: UserFilterQuery) {
    return this.reader.suggestions(principal, query);
  }
}
