import { randomBytes } from 'node:crypto';
import { Secret } from '../../core/model/secret.js';

/** What every key of ours begins with, so that secret scanners and our own leak guards know one when they see it. */
export const KEY_PREFIX = 'sk-';

/** Bytes of randomness in a key; 16 would do against guessing. */
const KEY_BYTES = 24;

/** A new gateway key: `sk-` and 192 random bits in base64url. */
export function generateKey(): Secret {
  return new Secret(KEY_PREFIX + randomBytes(KEY_BYTES).toString('base64url'));
}
