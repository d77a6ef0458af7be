import { Injectable } from '@nestjs/common';
import { hashKey } from '../../../platform/crypto/hash-key.js';
import { PrismaService } from '../../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../../platform/database/translate-prisma-error.js';
import { keyPrincipal, withEndUser, type Verdict } from '../../../state/identity/build-principal.js';
import { PrincipalStore } from '../../../state/identity/principal.store.js';

/** A key that was found, and whom it stands for. */
export interface LookedUpKey {
  readonly hash: string;
  readonly alias: string | null;
  readonly verdict: Verdict;
}

/** Keys as administrators name them. Always read from the database: what is explained is what is stored now. */
@Injectable()
export class KeyLookup {
  constructor(
    private readonly prisma: PrismaService,
    private readonly store: PrincipalStore,
  ) {}

  /** By the key itself, its hash, or its alias. */
  async find(written: string): Promise<LookedUpKey | undefined> {
    const row = await this.#row(written);
    if (row === null) return undefined;
    const key = (await this.store.keysByHash([row.tokenHash])).get(row.tokenHash);
    if (key === undefined) return undefined;
    return { hash: row.tokenHash, alias: row.alias, verdict: keyPrincipal(key, Date.now()) };
  }

  /** The same caller on behalf of an end user. */
  async onBehalf(verdict: Verdict, endUserId: string | undefined): Promise<Verdict> {
    if (endUserId === undefined || verdict.kind === 'refused') return verdict;
    return withEndUser(verdict.principal, endUserId, (await this.store.endUsersById([endUserId])).get(endUserId));
  }

  async #row(written: string): Promise<{ readonly tokenHash: string; readonly alias: string | null } | null> {
    const select = { tokenHash: true, alias: true } as const;
    try {
      const byHash = await this.prisma.virtualKey.findFirst({
        where: { tokenHash: { in: [written, hashKey(written)] }, deletedAt: null },
        select,
      });
      return byHash ?? (await this.prisma.virtualKey.findFirst({ where: { alias: written, deletedAt: null }, select }));
    } catch (error) {
      throw translatePrismaError(error);
    }
  }
}
