import { createHash } from 'node:crypto';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import type { Secret } from '../../../core/model/secret.js';

const NONCE_BYTES = 24;
const TAG_BYTES = 16;

/**
 * Opens what the incumbent sealed (reference §9.11): NaCl SecretBox under SHA-256 of its salt key, base64 in either
 * alphabet of nonce ‖ ciphertext. Undefined when it does not open: the caller leaves the value out and says so. A sealed
 * text is never taken for the value itself.
 */
export function openSecretBox(sealed: string, saltKey: Secret): string | undefined {
  const bytes = Buffer.from(sealed, 'base64');
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const key = createHash('sha256').update(saltKey.reveal(), 'utf8').digest();
  try {
    const opened = xsalsa20poly1305(key, bytes.subarray(0, NONCE_BYTES)).decrypt(bytes.subarray(NONCE_BYTES));
    return Buffer.from(opened).toString('utf8');
  } catch {
    // Another key, or no sealed text at all. The library has no other way to say so.
    return undefined;
  }
}
