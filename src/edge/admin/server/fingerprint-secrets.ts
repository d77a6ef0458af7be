import { replaceSecrets, type ServerFields } from '../../../core/definition/server-secrets.js';
import { hashKey } from '../../../platform/crypto/hash-key.js';

/** How the audit shows a server: what changed can be seen, secrets only as that they changed (contract §10, defect 55). */
export function fingerprintSecrets(fields: ServerFields): Record<string, unknown> {
  return replaceSecrets(fields, (secret) => `sha256:${hashKey(secret).slice(0, 12)}`);
}
