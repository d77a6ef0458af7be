import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Role } from '../../../core/model/principal.js';
import { OPENAI_ERRORS } from './error-shape.decorator.js';
import { PUBLIC_ROUTE } from './public.decorator.js';
import { markOpenAiErrors, markPublic, principalOf, refusalOf } from './request-identity.js';
import { REQUIRED_ROLES } from './require-role.decorator.js';

/** Global: every controller route demands a principal unless it is `@Public()`, and the role it names. */
@Injectable()
export class PrincipalGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<Request>();
    const targets = [context.getHandler(), context.getClass()];
    // First, so that refusals of this guard are told in it too.
    if (this.reflector.getAllAndOverride<boolean | undefined>(OPENAI_ERRORS, targets) === true)
      markOpenAiErrors(request);
    if (this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC_ROUTE, targets) === true) markPublic(request);
    const refusal = refusalOf(request);
    if (refusal !== undefined) throw refusal;
    const roles = this.reflector.getAllAndOverride<readonly Role[] | undefined>(REQUIRED_ROLES, targets);
    const role = principalOf(request)?.role;
    if (roles !== undefined && (role === undefined || !roles.includes(role))) {
      throw new GatewayError('auth/forbidden', { detail: `this needs the role ${roles.join(' or ')}` });
    }
    return true;
  }
}
