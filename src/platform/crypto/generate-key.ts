import { randomBytes } from 'node:crypto';
import { Secret } from '../../core/model/secret.js';

/** What every key of ours begins with, so that secret scanners and our own leak guards know one when they see it. */
export const KEY_PREFIX = 'sk-';

/** Bytes of randomness in a key: out of reach of guessing. */
const KEY_BYTES = 16;

/** A new gateway key: `sk-` and 128 random bits in base64url. */
export function generateKey(): Secret {
  return new Secret(KEY_PREFIX + randomBytes(KEY_BYTES).toString('base64url'));
}
