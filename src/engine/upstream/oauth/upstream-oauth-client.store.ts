import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { Secret } from '../../../core/model/secret.js';
import { SEALED_COLUMNS } from '../../../platform/crypto/sealed-columns.js';
import { Sealer } from '../../../platform/crypto/sealer.js';
import { PrismaService } from '../../../platform/database/prisma.service.js';
import { SEALING_SECRET } from '../../../platform/database/sealing-secret.js';
import { translatePrismaError } from '../../../platform/database/translate-prisma-error.js';
import { SignInProblem } from './sign-in-problem.js';

/** What a registration is for. */
export interface RegistrationKey {
  readonly serverId: string;
  readonly issuer: string;
  readonly redirectUri: string;
}

/** What the authorization server gave; kept sealed. */
export interface Registration {
  readonly clientId: string;
  readonly clientSecret?: string | undefined;
  readonly authMethod: 'client_secret_post' | 'client_secret_basic' | 'none';
}

export interface StoredRegistration extends Registration {
  readonly id: string;
}

/** Bases under which clients know one gateway are few; a Host header can be anything. */
const PER_SERVER_MAX = 32;
const LOCK_WAIT_MS = 15_000;
/** The request for the registration runs within. */
const TRANSACTION_MS = 30_000;

/** Clients that the gateway registered itself as (RFC 7591): one for each server, issuer and redirect, for all replicas. */
@Injectable()
export class UpstreamOAuthClientStore {
  readonly #sealer: Sealer;

  constructor(
    private readonly prisma: PrismaService,
    @Inject(SEALING_SECRET) secret: Secret,
  ) {
    this.#sealer = new Sealer(secret, SEALED_COLUMNS.upstreamOAuthClient.purpose);
  }

  async find(key: RegistrationKey): Promise<StoredRegistration | undefined> {
    return this.#opened(() => this.prisma.upstreamOAuthClient.findUnique({ where: whole(key) }));
  }

  async findById(id: string): Promise<StoredRegistration | undefined> {
    return this.#opened(() => this.prisma.upstreamOAuthClient.findUnique({ where: { id } }));
  }

  /**
   * The stored one, else what `register` gives, stored; nobody else registers for the same meanwhile.
   *
   * @throws SignInProblem when the server has too many, `database/unavailable`, and what `register` throws.
   */
  async findOrAdd(
    key: RegistrationKey,
    register: () => Promise<Registration & { readonly expiresAt: Date | undefined }>,
  ): Promise<StoredRegistration> {
    const known = await this.find(key);
    if (known !== undefined) return known;
    // A refusal or a failure of the other side must not be taken for one of the database.
    let failure: { readonly of: unknown } | undefined;
    const asked = async (): ReturnType<typeof register> => {
      try {
        return await register();
      } catch (error) {
        failure = { of: error };
        throw error;
      }
    };
    try {
      return await this.prisma.$transaction(
        async (tx) => {
          const lock = `upstream_oauth_client ${JSON.stringify(key)}`;
          await tx.$queryRaw`SELECT 1 FROM (SELECT pg_advisory_xact_lock(hashtextextended(${lock}, 0))) AS held`;
          const row = await tx.upstreamOAuthClient.findUnique({ where: whole(key) });
          const present = row === null ? undefined : this.#open(row);
          if (present !== undefined) return present;
          if (row !== null) await tx.upstreamOAuthClient.delete({ where: { id: row.id } });
          const { serverId } = key;
          if ((await tx.upstreamOAuthClient.count({ where: { serverId } })) >= PER_SERVER_MAX) {
            throw new SignInProblem('is registered under too many addresses of this gateway: set PROXY_BASE_URL');
          }
          const { expiresAt, ...registration } = await asked();
          const id = randomUUID();
          const sealed = this.#sealer.seal(JSON.stringify(registration), id);
          await tx.upstreamOAuthClient.create({ data: { id, ...key, sealed, expiresAt: expiresAt ?? null } });
          return { id, ...registration };
        },
        { maxWait: LOCK_WAIT_MS, timeout: TRANSACTION_MS },
      );
    } catch (error) {
      throw failure === undefined ? translatePrismaError(error) : failure.of;
    }
  }

  /** The authorization server does not know it any more. */
  async remove(id: string): Promise<void> {
    await this.#do(() => this.prisma.upstreamOAuthClient.deleteMany({ where: { id } }));
  }

  async #opened(query: () => Promise<Row | null>): Promise<StoredRegistration | undefined> {
    const row = await this.#do(query);
    return row === null ? undefined : this.#open(row);
  }

  /** Undefined when it has ended or cannot be opened: then it is as good as none. */
  #open({ id, sealed, expiresAt }: Row): StoredRegistration | undefined {
    if (expiresAt !== null && expiresAt <= new Date()) return undefined;
    const text = this.#sealer.open(sealed, id);
    return text === undefined ? undefined : { id, ...(JSON.parse(text) as Registration) };
  }

  async #do<T>(query: () => Promise<T>): Promise<T> {
    try {
      return await query();
    } catch (error) {
      throw translatePrismaError(error);
    }
  }
}

interface Row {
  readonly id: string;
  readonly sealed: string;
  readonly expiresAt: Date | null;
}

function whole({ serverId, issuer, redirectUri }: RegistrationKey) {
  return { serverId_issuer_redirectUri: { serverId, issuer, redirectUri } };
}
