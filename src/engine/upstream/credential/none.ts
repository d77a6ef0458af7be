import { withoutScheme } from './without-scheme.js';
import type { CredentialHeader } from './credential-format.js';

/**
 * A server without `auth_type` has no credential of its own; this is for the one a client offers to every server
 * (`x-mcp-auth`, contract §8). A value that names its scheme goes as it is, a bare one as a bearer token.
 */
export function formatNone(value: string): CredentialHeader {
  return [
    'authorization',
    withoutScheme(value, 'bearer') === value && !value.includes(' ') ? `Bearer ${value}` : value,
  ];
}
