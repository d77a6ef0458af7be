import type { Request } from 'express';
import { Strategy } from 'passport-strategy';
import type { Authenticator } from '../../../state/identity/authenticator.js';

/**
 * Passport's face of the one authenticator: reads the carriers of contract §8. Knows nothing of its own. Passport runs it
 * on an object that only inherits from this one, so it has no `#private` members.
 */
export class GatewayKeyStrategy extends Strategy {
  constructor(private readonly authenticator: Authenticator) {
    super();
  }

  override authenticate(request: Request): void {
    const result = this.authenticator.authenticate(request.headers);
    if (result.kind === 'principal') this.success(result.principal);
    // Why it was refused is no business of the caller's.
    else this.fail(401);
  }
}
