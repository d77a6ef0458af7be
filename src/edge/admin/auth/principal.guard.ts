import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Role } from '../../../core/model/principal.js';
import { opensRoute } from '../../../state/identity/route-access.js';
import { OPENAI_ERRORS } from './error-shape.decorator.js';
import { PUBLIC_ROUTE } from './public.decorator.js';
import { markOpenAiErrors, markPublic, principalOf, refusalOf } from './request-identity.js';
import { REQUIRED_ROLES } from './require-role.decorator.js';

/**
 * Global: every controller route demands a principal unless it is `@Public()`, whose key opens such routes, and the role it
 * names.
 */
@Injectable()
export class PrincipalGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<Request>();
    const targets = [context.getHandler(), context.getClass()];
    // First, so that refusals of this guard are told in it too.
    if (this.reflector.getAllAndOverride<boolean | undefined>(OPENAI_ERRORS, targets) === true)
      markOpenAiErrors(request);
    const isPublic = this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC_ROUTE, targets) === true;
    if (isPublic) markPublic(request);
    const refusal = refusalOf(request);
    if (refusal !== undefined) throw refusal;
    if (!isPublic) requireRoute(request);
    const roles = this.reflector.getAllAndOverride<readonly Role[] | undefined>(REQUIRED_ROLES, targets);
    const role = principalOf(request)?.role;
    if (roles !== undefined && (role === undefined || !roles.includes(role))) {
      throw new GatewayError('auth/forbidden', { detail: `this needs the role ${roles.join(' or ')}` });
    }
    return true;
  }
}

/** Whatever the type of a key: who may do what there is for the handlers to say (reference §3). */
const OPEN_TO_EVERY_KEY = ['/v1/mcp/', '/mcp-rest/'];
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** `key_type` and `allowed_routes`: a GET reads (`info`), anything else manages. */
function requireRoute(request: Request): void {
  const principal = principalOf(request);
  if (principal?.routes === undefined) return;
  const { path } = request;
  if (opensRoute(principal, READING.has(request.method) ? 'info' : 'management', path)) return;
  const namesPaths = principal.routes.paths.length > 0;
  if (!namesPaths && OPEN_TO_EVERY_KEY.some((prefix) => path.startsWith(prefix))) return;
  throw new GatewayError('auth/forbidden', { detail: `this key is not allowed to call ${request.method} ${path}` });
}
