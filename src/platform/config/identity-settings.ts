import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { GeneralSettingsDefinition } from '../../core/definition/general-settings.definition.js';
import { readIdentityDefaults } from '../../core/definition/identity-header.js';
import type { IdentityHeaderDefaults } from '../../core/model/identity-header.js';
import { Secret } from '../../core/model/secret.js';
import type { SettingsReader } from './settings-reader.js';

/** How the gateway tells servers who calls. */
export interface IdentitySettings {
  /** For servers that say nothing of it themselves. */
  readonly defaults: IdentityHeaderDefaults;
  /** `iss` of the tokens; undefined: the address clients use. */
  readonly issuer: string | undefined;
  readonly ttlMs: number;
  /** Keys are replaced after so long; 0: only on demand. */
  readonly rotationMs: number;
  /** `MCP_JWT_SIGNING_KEY`: PKCS #8 or PKCS #1 PEM; undefined: keys are made, and kept in the database. */
  readonly fixedKey: Secret | undefined;
}

const TTL_SECONDS = 300;
const ROTATION_DAYS = 90;
const DAY_MS = 86_400_000;
const RSA_BITS_MIN = 2_048;
const VARIABLE = 'MCP_JWT_SIGNING_KEY';

export function identitySettings(general: GeneralSettingsDefinition, reader: SettingsReader): IdentitySettings {
  const written = readIdentityDefaults(general.identity_header);
  return {
    defaults: written.defaults,
    issuer: written.issuer?.replace(/\/+$/, ''),
    ttlMs: (written.ttlSeconds ?? TTL_SECONDS) * 1_000,
    rotationMs: (written.rotationDays ?? ROTATION_DAYS) * DAY_MS,
    fixedKey: fixedKey(reader.text('MCP_JWT_SIGNING_KEY'), reader),
  };
}

/** A PEM, or `file://` and the path of one. */
function fixedKey(written: string | undefined, reader: SettingsReader): Secret | undefined {
  if (written === undefined) return undefined;
  const pem = written.startsWith('file:') ? readKeyFile(written, reader) : written.replaceAll('\\n', '\n');
  if (pem === undefined) return undefined;
  try {
    const key = createPrivateKey(pem);
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    if (key.asymmetricKeyType === 'rsa' && bits >= RSA_BITS_MIN) return new Secret(pem);
    reader.fail(VARIABLE, `must be an RSA key of ${RSA_BITS_MIN} bits or more`);
  } catch {
    // The reason may quote what was written.
    reader.fail(VARIABLE, 'must be a private key in PEM, without a passphrase, or file:// and the path of one');
  }
  return undefined;
}

function readKeyFile(url: string, reader: SettingsReader): string | undefined {
  try {
    return readFileSync(fileURLToPath(url), 'utf8');
  } catch {
    reader.fail(VARIABLE, 'names a file that cannot be read');
    return undefined;
  }
}
