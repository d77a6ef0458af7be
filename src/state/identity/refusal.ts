import { GatewayError } from '../../core/errors/gateway-error.js';

/** Why nobody is let in. For our log: what the caller reads does not tell these apart, but for a blocked end user. */
export type RefusalReason =
  | 'no_credential'
  | 'malformed_key'
  | 'unknown_key'
  | 'key_blocked'
  | 'key_deleted'
  | 'key_expired'
  | 'team_blocked'
  | 'team_deleted'
  | 'end_user_blocked'
  | 'malformed_end_user'
  | 'token_invalid'
  | 'token_expired'
  | 'token_issuer_unknown'
  | 'token_team_unknown'
  | 'token_user_unknown'
  | 'token_organization_unknown'
  /** A good token of an OAuth client, at an endpoint it is not for. */
  | 'token_audience'
  /** The grant behind a token is over or was taken back. */
  | 'grant_revoked'
  /** The credential could not be checked for longer than `limits.stale_seconds`. */
  | 'unverified';

/** What the caller reads: one answer for all credentials that are not good (contract §8). */
export function refusalError(reason: RefusalReason): GatewayError {
  switch (reason) {
    case 'end_user_blocked':
      return new GatewayError('auth/forbidden', { detail: 'this end user is blocked' });
    case 'malformed_end_user':
      return new GatewayError('auth/forbidden', { detail: 'x-litellm-end-user-id is not a usable id' });
    case 'unverified':
      return new GatewayError('database/unavailable');
    default:
      return new GatewayError('auth/required');
  }
}
