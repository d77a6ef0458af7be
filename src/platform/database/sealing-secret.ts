import { randomBytes } from 'node:crypto';
import { SealingSecret } from '../../core/model/sealing-secret.js';
import { Secret } from '../../core/model/secret.js';
import type { SecuritySettings } from '../config/settings.js';
import type { PrismaService } from './prisma.service.js';
import { settleSetting } from './settle-setting.js';
import { translatePrismaError } from './translate-prisma-error.js';

/** Injection token of the `SealingSecret` that sealing keys are derived from, the same for all replicas of an installation. */
export const SEALING_SECRET = Symbol('SealingSecret');

const SETTING = 'sealing_secret';
const BYTES = 32;

/**
 * What sealing keys are derived from: `LITELLM_SALT_KEY`, else a random secret made on first use and kept in the database;
 * never the master key (defect 34). Beside it, to open what they sealed: `LITELLM_SALT_KEY_PREVIOUS`,
 * `LITELLM_SALT_KEY_NEXT`, and the database's own secret of an installation that was given a salt later.
 *
 * @throws GatewayError `database/unavailable`.
 */
export async function findSealingSecret(prisma: PrismaService, security: SecuritySettings): Promise<SealingSecret> {
  const { saltKey, otherSaltKeys } = security;
  if (saltKey === undefined) {
    const { value } = await settleSetting(prisma, SETTING, randomBytes(BYTES).toString('base64url'));
    return new SealingSecret(value, otherSaltKeys);
  }
  const stored = await storedSecret(prisma);
  return new SealingSecret(saltKey.reveal(), stored === undefined ? otherSaltKeys : [...otherSaltKeys, stored]);
}

/** Removes the database's own secret, which then opens nothing any more. Answers whether there was one. */
export async function dropStoredSecret(prisma: PrismaService): Promise<boolean> {
  try {
    const { count } = await prisma.gatewaySetting.deleteMany({ where: { key: SETTING } });
    return count > 0;
  } catch (error) {
    throw translatePrismaError(error);
  }
}

async function storedSecret(prisma: PrismaService): Promise<Secret | undefined> {
  try {
    const row = await prisma.gatewaySetting.findUnique({ where: { key: SETTING } });
    return row === null ? undefined : new Secret(row.value);
  } catch (error) {
    throw translatePrismaError(error);
  }
}
