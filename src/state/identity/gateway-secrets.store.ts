import { Inject, Injectable } from '@nestjs/common';
import { Secret } from '../../core/model/secret.js';
import type { SecuritySettings } from '../../platform/config/settings.js';
import { SECURITY_SETTINGS } from '../../platform/config/tokens.js';
import { generateKey } from '../../platform/crypto/generate-key.js';
import { hashKey } from '../../platform/crypto/hash-key.js';
import { PrismaService } from '../../platform/database/prisma.service.js';
import { findSealingSecret } from '../../platform/database/sealing-secret.js';
import { settleSetting } from '../../platform/database/settle-setting.js';

const FIRST_RUN_MASTER_KEY = 'first_run_master_key_sha256';

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
  sealingSecret(): Promise<Secret> {
    return findSealingSecret(this.#prisma, this.#security);
  }

  /**
   * The master key for when none is configured. Of replicas that start at once on an empty database one makes it and
   * gets it in `created`.
   *
   * @throws GatewayError `database/unavailable`.
   */
  async firstRunMasterKeyHash(): Promise<FirstRunMasterKey> {
    const candidate = generateKey();
    const { value: hash, isNew } = await settleSetting(this.#prisma, FIRST_RUN_MASTER_KEY, hashKey(candidate.reveal()));
    return isNew ? { hash, created: candidate } : { hash };
  }
}
