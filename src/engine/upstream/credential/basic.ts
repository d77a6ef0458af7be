import { withoutScheme } from './without-scheme.js';
import type { CredentialHeader } from './credential-format.js';

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** `auth_type: basic`: takes `user:password` or its base64 form and sends the base64 form once (contract §2). */
export function formatBasic(value: string): CredentialHeader {
  const credential = withoutScheme(value, 'basic');
  return ['authorization', `Basic ${isEncoded(credential) ? credential : Buffer.from(credential).toString('base64')}`];
}

/** Encoded is what decodes to something with a colon and encodes back to itself; a colon is not in the alphabet. */
function isEncoded(credential: string): boolean {
  if (!BASE64.test(credential)) return false;
  const decoded = Buffer.from(credential, 'base64');
  return decoded.includes(0x3a) && decoded.toString('base64').replace(/=+$/, '') === credential.replace(/=+$/, '');
}
