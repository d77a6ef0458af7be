import { isRecord } from '../../../core/definition/field-checks.js';
import { hashKey } from '../../../platform/crypto/hash-key.js';

/** Members whose values are secrets wherever people put them, such as in `metadata` or `secret_manager_settings`. */
const SECRET_NAME = /secret|passw|token|api_?key|authorization|credential|private_?key/i;
const FINGERPRINT_LENGTH = 12;

/** An object as the audit keeps it: plain JSON, with fingerprints instead of what looks like a secret by its name. */
export function auditValue(value: object): object {
  return withoutSecrets(JSON.parse(JSON.stringify(value)), false) as object;
}

/** Tells whether two secrets are the same, and nothing else of them. */
export function fingerprint(secret: string): string {
  return `sha256:${hashKey(secret).slice(0, FINGERPRINT_LENGTH)}`;
}

function withoutSecrets(value: unknown, secret: boolean): unknown {
  if (typeof value === 'string') return secret ? fingerprint(value) : value;
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item, secret));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [name, withoutSecrets(entry, secret || SECRET_NAME.test(name))]),
  );
}
