import { withoutScheme } from './without-scheme.js';
import type { CredentialHeader } from './credential-format.js';

/** `auth_type: token` (contract §2). */
export function formatToken(value: string): CredentialHeader {
  return ['authorization', `token ${withoutScheme(value, 'token')}`];
}
