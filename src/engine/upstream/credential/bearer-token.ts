import { withoutScheme } from './without-scheme.js';
import type { CredentialHeader } from './credential-format.js';

/** `auth_type: bearer_token` (reference §1.2). */
export function formatBearerToken(value: string): CredentialHeader {
  return ['authorization', `Bearer ${withoutScheme(value, 'bearer')}`];
}
