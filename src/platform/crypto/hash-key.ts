import { hash } from 'node:crypto';

/**
 * SHA-256 of a gateway key in lower-case hex: the only form in which keys are stored and looked up. No salt, because
 * the lookup goes by this value and keys are random (see `generateKey`); measured at under 1 µs.
 */
export function hashKey(key: string): string {
  return hash('sha256', key, 'hex');
}
