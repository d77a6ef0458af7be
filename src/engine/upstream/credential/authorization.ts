import type { CredentialHeader } from './credential-format.js';

/** `auth_type: authorization`: the whole header value, verbatim (reference §1.2). */
export function formatAuthorization(value: string): CredentialHeader {
  return ['authorization', value];
}
