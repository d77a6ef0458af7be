import { randomBytes } from 'node:crypto';
import { Secret } from '../../core/model/secret.js';
import type { SecuritySettings } from '../config/settings.js';
import type { PrismaService } from './prisma.service.js';
import { settleSetting } from './settle-setting.js';

/** Injection token of the `Secret` that sealing keys are derived from, the same for all replicas of an installation. */
export const SEALING_SECRET = Symbol('SealingSecret');

const SETTING = 'sealing_secret';
const BYTES = 32;

/**
 * What sealing keys are derived from: `LITELLM_SALT_KEY`, else a random secret made on first use and kept in the database.
 *
 * @throws GatewayError `database/unavailable`.
 */
export async function findSealingSecret(prisma: PrismaService, security: SecuritySettings): Promise<Secret> {
  if (security.saltKey !== undefined) return security.saltKey;
  const { value } = await settleSetting(prisma, SETTING, randomBytes(BYTES).toString('base64url'));
  return new Secret(value);
}
