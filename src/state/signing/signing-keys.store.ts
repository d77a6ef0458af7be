import { Inject, Injectable } from '@nestjs/common';
import { isRecord } from '../../core/definition/field-checks.js';
import type { Principal } from '../../core/model/principal.js';
import { Secret } from '../../core/model/secret.js';
import { SEALED_COLUMNS } from '../../platform/crypto/sealed-columns.js';
import { Sealer } from '../../platform/crypto/sealer.js';
import { ControlWriter } from '../../platform/database/control-writer.js';
import { PrismaService } from '../../platform/database/prisma.service.js';
import { SEALING_SECRET } from '../../platform/database/sealing-secret.js';
import { translatePrismaError } from '../../platform/database/translate-prisma-error.js';
import type { NewKey, SigningKey } from './signing-key.js';

/** How the keys stand, to decide what becomes of them. */
export type SuccessionRule = (keys: readonly SigningKey[]) => Succession | undefined;

export interface Succession {
  readonly key: NewKey;
  /** Milliseconds since the epoch. */
  readonly signsFrom: number;
  /** Of those it succeeds: how long they are still shown. */
  readonly formerPublishedUntil: number;
}

/** Keys of the installation, the private halves sealed. */
@Injectable()
export class SigningKeysStore {
  readonly #sealer: Sealer;

  constructor(
    private readonly prisma: PrismaService,
    private readonly writer: ControlWriter,
    @Inject(SEALING_SECRET) secret: Secret,
  ) {
    this.#sealer = new Sealer(secret, SEALED_COLUMNS.signingKey.purpose);
  }

  /** Newest first. A private half that does not open is left out of its key. @throws GatewayError `database/unavailable`. */
  async all(): Promise<readonly SigningKey[]> {
    try {
      const rows = await this.prisma.signingKey.findMany({ orderBy: [{ signsFrom: 'desc' }, { id: 'asc' }] });
      return rows.map((row) => this.#read(row));
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  /**
   * Adds a key if the rule, asked under the lock of all replicas, still wants one; those whose time is over go. Answers
   * whether there is a new one.
   *
   * @throws GatewayError `database/unavailable`.
   */
  succeed(actor: Principal, rule: SuccessionRule): Promise<boolean> {
    return this.writer.write(actor, async ({ tx, changed, audit }) => {
      const rows = await tx.signingKey.findMany({ orderBy: [{ signsFrom: 'desc' }, { id: 'asc' }] });
      const succession = rule(rows.map((row) => this.#read(row)));
      if (succession === undefined) return false;
      const { key, signsFrom, formerPublishedUntil } = succession;
      await tx.signingKey.deleteMany({ where: { publishedUntil: { lt: new Date() } } });
      const until = new Date(formerPublishedUntil);
      await tx.signingKey.updateMany({
        where: { OR: [{ publishedUntil: null }, { publishedUntil: { gt: until } }] },
        data: { publishedUntil: until },
      });
      await tx.signingKey.create({
        data: {
          id: key.id,
          publicKey: { ...key.publicKey },
          privateKey: this.#sealer.seal(key.privateKey.reveal(), key.id),
          signsFrom: new Date(signsFrom),
        },
      });
      changed('signing_key', key.id);
      audit({
        action: rows.length === 0 ? 'created' : 'rotated',
        objectKind: 'signing_key',
        objectId: key.id,
        after: { signs_from: new Date(signsFrom).toISOString() },
      });
      return true;
    });
  }

  #read(row: {
    readonly id: string;
    readonly publicKey: unknown;
    readonly privateKey: string;
    readonly signsFrom: Date;
    readonly publishedUntil: Date | null;
    readonly createdAt: Date;
  }): SigningKey {
    const pem = this.#sealer.open(row.privateKey, row.id);
    return {
      id: row.id,
      publicKey: isRecord(row.publicKey) ? row.publicKey : {},
      privateKey: pem === undefined ? undefined : new Secret(pem),
      signsFrom: row.signsFrom.getTime(),
      publishedUntil: row.publishedUntil?.getTime(),
      createdAt: row.createdAt.getTime(),
    };
  }
}
