import type { Request } from 'express';
import { Strategy } from 'passport-strategy';
import type { AuthenticationResult, Authenticator } from '../../../state/identity/authenticator.js';
import { refusalError } from '../../../state/identity/refusal.js';

/**
 * Passport's face of the one authenticator, for keys and for tokens of identity providers: both come in the carriers of
 * contract §8, and what a credential is, is for the authenticator to say. Knows nothing of its own. Passport runs it
 * on an object that only inherits from this one, so it has no `#private` members.
 */
export class GatewayKeyStrategy extends Strategy {
  constructor(private readonly authenticator: Authenticator) {
    super();
  }

  override authenticate(request: Request): void {
    const answered = this.authenticator.authenticate(request.headers);
    if (answered instanceof Promise) {
      answered.then(
        (result) => this.decide(result),
        (error: unknown) => this.error(error as Error),
      );
    } else this.decide(answered);
  }

  private decide(result: AuthenticationResult): void {
    if (result.kind === 'principal') return this.success(result.principal);
    const error = refusalError(result.reason);
    // Why a credential was refused is no business of the caller's; anything else was not about the credential.
    if (error.code === 'auth/required') this.fail(401);
    else this.error(error);
  }
}
