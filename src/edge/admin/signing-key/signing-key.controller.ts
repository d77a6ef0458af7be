import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import { SigningKeyRotateDefinition } from '../../../core/definition/signing-key-rotate.definition.js';
import type { Principal } from '../../../core/model/principal.js';
import { SigningKeys } from '../../../state/signing/signing-keys.js';
import { CurrentPrincipal } from '../auth/current-principal.decorator.js';
import { RequireRole } from '../auth/require-role.decorator.js';
import { RouteDoc } from '../auth/route-doc.decorator.js';
import { presentSigningKeys } from './signing-key.presenter.js';

/** The keys that sign who calls. */
@Controller('/v1/oauth/signing-keys')
export class SigningKeyController {
  constructor(private readonly keys: SigningKeys) {}

  @Get()
  @RequireRole('proxy_admin', 'proxy_admin_viewer')
  @RouteDoc('The keys that sign the identity header, newest first')
  async list() {
    return presentSigningKeys(await this.keys.status());
  }

  @Post('rotate')
  @HttpCode(200)
  @RequireRole('proxy_admin')
  @RouteDoc('Makes the next signing key; the present one is shown until its last token has ended')
  async rotate(@CurrentPrincipal() caller: Principal, @Body() body: SigningKeyRotateDefinition) {
    await this.keys.rotate(caller, body.immediately === true);
    return presentSigningKeys(await this.keys.status());
  }
}
