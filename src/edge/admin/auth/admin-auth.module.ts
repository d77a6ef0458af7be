import { Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import { PublicAddress } from '../../../platform/http/public-address.js';
import { IdentityModule } from '../../../state/identity/identity.module.js';
import { CallerIdentification } from './caller-identification.js';
import { PrincipalGuard } from './principal.guard.js';
import { RenderErrorFilter } from './render-error.filter.js';
import { validationPipe } from './validation.pipe.js';

/**
 * Who enters the control plane, and how it says no. Guard, pipe and filter are global: they serve every controller, and
 * no MCP traffic, because that never reaches one.
 */
@Module({
  imports: [IdentityModule],
  providers: [
    PublicAddress,
    CallerIdentification,
    { provide: APP_GUARD, useClass: PrincipalGuard },
    { provide: APP_FILTER, useClass: RenderErrorFilter },
    { provide: APP_PIPE, useFactory: validationPipe },
  ],
  exports: [CallerIdentification, PublicAddress],
})
export class AdminAuthModule {}
