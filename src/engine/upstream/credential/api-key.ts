import type { CredentialHeader } from './credential-format.js';

/** `auth_type: api_key` (contract §2). */
export function formatApiKey(value: string): CredentialHeader {
  return ['x-api-key', value];
}
