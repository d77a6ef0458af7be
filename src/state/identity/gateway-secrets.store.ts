import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Secret } from '../../core/model/secret.js';
import type { SecuritySettings } from '../../platform/config/settings.js';
import { SECURITY_SETTINGS } from '../../platform/config/tokens.js';
import { generateKey } from '../../platform/crypto/generate-key.js';
import { hashKey } from '../../platform/crypto/hash-key.js';
import { PrismaService } from '../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../platform/database/translate-prisma-error.js';

const SEALING_SECRET_KEY = 'sealing_secret';
const FIRST_RUN_MASTER_KEY = 'first_run_master_key_sha256';
const SEALING_SECRET_BYTES = 32;

/** The master key of an installation that was given none. */
export interface FirstRunMasterKey {
  /** SHA-256 in hex, see `hashKey`. */
  readonly hash: string;
  /** The key itself, on the one run that made it. It cannot be had again: only the hash is stored. */
  readonly created?: Secret;
}

/** Secrets an installation makes for itself when it is configured without, the same for all its replicas. */
@Injectable()
export class GatewaySecretsStore {
  readonly #prisma: PrismaService;
  readonly #security: SecuritySettings;

  constructor(prisma: PrismaService, @Inject(SECURITY_SETTINGS) security: SecuritySettings) {
    this.#prisma = prisma;
    this.#security = security;
  }

  /**
   * What sealing keys are derived from: `LITELLM_SALT_KEY`, else a random secret made on first use and kept in the
   * database.
   *
   * @throws GatewayError `database/unavailable`.
   */
  async sealingSecret(): Promise<Secret> {
    if (this.#security.saltKey !== undefined) return this.#security.saltKey;
    const { value } = await this.#settle(SEALING_SECRET_KEY, randomBytes(SEALING_SECRET_BYTES).toString('base64url'));
    return new Secret(value);
  }

  /**
   * The master key for when none is configured. Of replicas that start at once on an empty database one makes it and
   * gets it in `created`.
   *
   * @throws GatewayError `database/unavailable`.
   */
  async firstRunMasterKeyHash(): Promise<FirstRunMasterKey> {
    const candidate = generateKey();
    const { value: hash, isNew } = await this.#settle(FIRST_RUN_MASTER_KEY, hashKey(candidate.reveal()));
    return isNew ? { hash, created: candidate } : { hash };
  }

  /** The value stored under a key: ours if nobody was first. */
  async #settle(key: string, candidate: string): Promise<{ value: string; isNew: boolean }> {
    try {
      const stored = await this.#prisma.gatewaySetting.findUnique({ where: { key } });
      if (stored !== null) return { value: stored.value, isNew: false };
      const { count } = await this.#prisma.gatewaySetting.createMany({
        data: [{ key, value: candidate }],
        skipDuplicates: true,
      });
      const { value } = await this.#prisma.gatewaySetting.findUniqueOrThrow({ where: { key } });
      return { value, isNew: count === 1 };
    } catch (error) {
      throw translatePrismaError(error);
    }
  }
}
