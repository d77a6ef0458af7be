import { Inject, Injectable } from '@nestjs/common';
import { isRecord } from '../../core/definition/field-checks.js';
import { Secret } from '../../core/model/secret.js';
import { SEALED_COLUMNS } from '../../platform/crypto/sealed-columns.js';
import { Sealer } from '../../platform/crypto/sealer.js';
import { PrismaService } from '../../platform/database/prisma.service.js';
import { SEALING_SECRET } from '../../platform/database/sealing-secret.js';
import { translatePrismaError } from '../../platform/database/translate-prisma-error.js';

/** Which token: one for each definition of a server. */
export interface UpstreamTokenRef {
  /** Of the definition, secrets included. */
  readonly fingerprint: string;
  readonly serverId: string;
}

export interface StoredUpstreamToken {
  readonly accessToken: Secret;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** The rows of `upstream_token`. All methods reject with `database/unavailable`. */
@Injectable()
export class UpstreamTokensStore {
  readonly #sealer: Sealer;

  constructor(
    @Inject(PrismaService) private readonly prisma: PrismaService,
    @Inject(SEALING_SECRET) secret: Secret,
  ) {
    this.#sealer = new Sealer(secret, SEALED_COLUMNS.upstreamToken.purpose);
  }

  /** Undefined: none, an old one, or one that does not open. */
  async find({ fingerprint }: UpstreamTokenRef): Promise<StoredUpstreamToken | undefined> {
    try {
      const row = await this.prisma.upstreamToken.findUnique({ where: { fingerprint } });
      if (row?.sealed === undefined || row.sealed === null) return undefined;
      if (row.expiresAt.getTime() <= Date.now()) return undefined;
      const text = this.#sealer.open(row.sealed, fingerprint);
      const content: unknown = text === undefined ? undefined : JSON.parse(text);
      if (!isRecord(content) || typeof content['accessToken'] !== 'string') return undefined;
      return { accessToken: new Secret(content['accessToken']), expiresAt: row.expiresAt.getTime() };
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  /** Takes the lease by the clock of the database; false: somebody else has it. It ends by itself. */
  async claim({ fingerprint, serverId }: UpstreamTokenRef, owner: string, ms: number): Promise<boolean> {
    const seconds = ms / 1_000;
    try {
      const count = await this.prisma.$executeRaw`
        INSERT INTO upstream_token AS t (fingerprint, server_id, expires_at, lease_owner, lease_until)
        VALUES (${fingerprint}, ${serverId}, now(), ${owner}, now() + make_interval(secs => ${seconds}::double precision))
        ON CONFLICT (fingerprint) DO UPDATE SET lease_owner = excluded.lease_owner, lease_until = excluded.lease_until
        WHERE t.lease_until IS NULL OR t.lease_until < now()`;
      return count === 1;
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  /** What the holder of the lease got for it; ends the lease and the tokens of the server's former definitions. */
  async put({ fingerprint, serverId }: UpstreamTokenRef, token: StoredUpstreamToken): Promise<void> {
    const sealed = this.#sealer.seal(JSON.stringify({ accessToken: token.accessToken.reveal() }), fingerprint);
    const row = { serverId, sealed, expiresAt: new Date(token.expiresAt), leaseOwner: null, leaseUntil: null };
    try {
      await this.prisma.upstreamToken.upsert({ where: { fingerprint }, create: { fingerprint, ...row }, update: row });
      await this.prisma.upstreamToken.deleteMany({
        where: {
          NOT: { fingerprint },
          OR: [{ serverId }, { expiresAt: { lt: new Date() }, leaseUntil: null }],
        },
      });
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  /** The holder of the lease got nothing. */
  async release({ fingerprint }: UpstreamTokenRef, owner: string): Promise<void> {
    try {
      await this.prisma.$executeRaw`
        UPDATE upstream_token SET lease_owner = NULL, lease_until = NULL
        WHERE fingerprint = ${fingerprint} AND lease_owner = ${owner}`;
    } catch (error) {
      throw translatePrismaError(error);
    }
  }
}
