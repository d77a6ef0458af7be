import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';
import { PublicAddress } from '../../platform/http/public-address.js';
import { AttemptLimiter } from './attempt-limiter.js';
import { OAuthRefusal } from './oauth-refusal.js';

/** Pages ask the database about cookies and handles that anybody can make up: no address may do so without end. */
@Injectable()
export class BrowserPaceGuard implements CanActivate {
  readonly #requests = new AttemptLimiter({ perAddress: 600, total: 30_000, windowMs: 60_000 });

  constructor(@Inject(PublicAddress) private readonly address: PublicAddress) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<Request>();
    const seconds = this.#requests.tooMany(this.address.clientAddress(request));
    if (seconds === undefined) return true;
    throw new OAuthRefusal('slow_down', 'too many requests', 429, { retryAfterSeconds: seconds });
  }
}
