import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query, Req } from '@nestjs/common';
import type { Request } from 'express';
import type { CallerPlace } from '../../../core/access/resolve-view.js';
import {
  CredentialOwnerQuery,
  UserKeyDefinition,
  UserTokensDefinition,
  UserVariablesDefinition,
} from '../../../core/definition/user-credential.definition.js';
import type { Principal } from '../../../core/model/principal.js';
import { PublicAddress } from '../../../platform/http/public-address.js';
import { CurrentPrincipal } from '../auth/current-principal.decorator.js';
import { requireField } from '../auth/require-field.js';
import { RouteDoc } from '../auth/route-doc.decorator.js';
import { CredentialService } from './credential.service.js';
import { UserVariablesService } from './user-variables.service.js';

/** Keys, tokens and variables of users (reference §3.5). The services authorise; no answer ever holds a secret. */
@Controller('/v1/mcp')
export class CredentialController {
  constructor(
    private readonly credentials: CredentialService,
    private readonly variables: UserVariablesService,
    private readonly address: PublicAddress,
  ) {}

  @Get('user-credentials')
  @RouteDoc('For which servers the caller keeps credentials here')
  async list(@CurrentPrincipal() caller: Principal, @Query() query: CredentialOwnerQuery, @Req() request: Request) {
    return this.credentials.list(caller, this.#place(request), query.user_id);
  }

  @Get('server/:id/user-credentials')
  @RouteDoc('What the caller keeps here for one server')
  async listOfServer(
    @CurrentPrincipal() caller: Principal,
    @Param('id') id: string,
    @Query() query: CredentialOwnerQuery,
    @Req() request: Request,
  ) {
    return this.credentials.list(caller, this.#place(request), query.user_id, id);
  }

  @Post('server/:id/user-credential')
  @RouteDoc('Keeps the key of the caller for a server that is is_byok')
  @HttpCode(200)
  async saveKey(
    @CurrentPrincipal() caller: Principal,
    @Param('id') id: string,
    @Body() body: UserKeyDefinition,
    @Req() request: Request,
  ) {
    const key = requireField(body.credential, 'credential');
    return this.credentials.saveKey(caller, this.#place(request), id, key, body.save ?? true);
  }

  @Delete('server/:id/user-credential')
  @RouteDoc('Drops the key of the caller')
  async dropKey(
    @CurrentPrincipal() caller: Principal,
    @Param('id') id: string,
    @Query() query: CredentialOwnerQuery,
    @Req() request: Request,
  ) {
    return this.credentials.drop(caller, this.#place(request), id, 'byok', query.user_id);
  }

  @Post('server/:id/oauth-user-credential')
  @RouteDoc('Keeps OAuth tokens of the caller for a server with interactive OAuth')
  @HttpCode(200)
  async saveTokens(
    @CurrentPrincipal() caller: Principal,
    @Param('id') id: string,
    @Body() body: UserTokensDefinition,
    @Req() request: Request,
  ) {
    return this.credentials.saveTokens(caller, this.#place(request), id, body);
  }

  @Delete('server/:id/oauth-user-credential')
  @RouteDoc('Drops the OAuth tokens of the caller')
  async dropTokens(
    @CurrentPrincipal() caller: Principal,
    @Param('id') id: string,
    @Query() query: CredentialOwnerQuery,
    @Req() request: Request,
  ) {
    return this.credentials.drop(caller, this.#place(request), id, 'oauth', query.user_id);
  }

  @Get('server/:id/oauth-user-credential/status')
  @RouteDoc('Whether the caller is connected to a server, and until when')
  async tokensStatus(
    @CurrentPrincipal() caller: Principal,
    @Param('id') id: string,
    @Query() query: CredentialOwnerQuery,
    @Req() request: Request,
  ) {
    return this.credentials.tokensStatus(caller, this.#place(request), id, query.user_id);
  }

  @Get('user-env-vars/status')
  @RouteDoc('Which variables of users the servers have, and which of them the caller has set')
  async listVariables(
    @CurrentPrincipal() caller: Principal,
    @Query() query: CredentialOwnerQuery,
    @Req() request: Request,
  ) {
    return this.variables.list(caller, this.#place(request), query.user_id);
  }

  @Get('server/:id/user-env-vars')
  @RouteDoc('Which variables of users a server has, and which of them the caller has set')
  async getVariables(
    @CurrentPrincipal() caller: Principal,
    @Param('id') id: string,
    @Query() query: CredentialOwnerQuery,
    @Req() request: Request,
  ) {
    return this.variables.get(caller, this.#place(request), id, query.user_id);
  }

  @Post('server/:id/user-env-vars')
  @RouteDoc('Keeps values of the caller for variables; an empty one takes it back')
  @HttpCode(200)
  async saveVariables(
    @CurrentPrincipal() caller: Principal,
    @Param('id') id: string,
    @Body() body: UserVariablesDefinition,
    @Req() request: Request,
  ) {
    return this.variables.save(caller, this.#place(request), id, requireField(body.values, 'values'));
  }

  @Delete('server/:id/user-env-vars')
  @RouteDoc('Drops the values of the caller')
  async dropVariables(
    @CurrentPrincipal() caller: Principal,
    @Param('id') id: string,
    @Query() query: CredentialOwnerQuery,
    @Req() request: Request,
  ) {
    return this.variables.drop(caller, this.#place(request), id, query.user_id);
  }

  #place(request: Request): CallerPlace {
    return { external: this.address.isExternal(request) };
  }
}
