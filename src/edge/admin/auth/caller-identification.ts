import { Injectable, Inject } from '@nestjs/common';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import passport from 'passport';
import type { Principal } from '../../../core/model/principal.js';
import { Authenticator } from '../../../state/identity/authenticator.js';
import { GatewayKeyStrategy } from './gateway-key.strategy.js';
import { rememberFailure, rememberPrincipal } from './request-identity.js';

const STRATEGY = 'gateway-key';

/**
 * First Express middleware of the control plane: finds out who is calling before anything of the request is read, so
 * that strangers cannot make us parse their bodies. It lets everybody pass; `PrincipalGuard` decides who enters.
 */
@Injectable()
export class CallerIdentification {
  // An instance of our own: the package's default one is shared by every gateway in the process.
  readonly #passport = new passport.Passport();

  constructor(@Inject(Authenticator) authenticator: Authenticator) {
    this.#passport.use(STRATEGY, new GatewayKeyStrategy(authenticator));
  }

  readonly middleware = (request: Request, response: Response, next: NextFunction): void => {
    const decided = (error: unknown, principal: Principal | false | null | undefined): void => {
      if (error !== null && error !== undefined) rememberFailure(request, error);
      else if (principal !== false && principal !== null && principal !== undefined)
        rememberPrincipal(request, principal);
      next();
    };
    const handler = this.#passport.authenticate(STRATEGY, { session: false }, decided) as RequestHandler;
    void handler(request, response, next);
  };
}
