import { Injectable } from '@nestjs/common';
import { hashKey } from '../../../platform/crypto/hash-key.js';
import { PrismaService } from '../../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../../platform/database/translate-prisma-error.js';

/** What a key is called. The ledger has its row's id, the incumbent's API its hash. */
export interface KeyName {
  readonly hash: string;
  readonly alias: string | null;
  readonly teamId: string | null;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** No row has this id. */
const NOBODY = '';

/** Names keys of the ledger, deleted ones too. */
@Injectable()
export class KeyNames {
  constructor(private readonly prisma: PrismaService) {}

  async of(ids: readonly string[]): Promise<ReadonlyMap<string, KeyName>> {
    const unique = [...new Set(ids)].filter((id) => UUID.test(id));
    if (unique.length === 0) return new Map();
    try {
      const rows = await this.prisma.virtualKey.findMany({
        where: { id: { in: unique } },
        select: { id: true, tokenHash: true, alias: true, teamId: true },
      });
      return new Map(rows.map(({ id, tokenHash, alias, teamId }) => [id, { hash: tokenHash, alias, teamId }]));
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  /** Row id of a key named by itself or its hash; an id that nobody has when there is none. */
  async idOf(named: string): Promise<string> {
    const tokenHash = named.startsWith('sk-') ? hashKey(named) : named;
    try {
      const row = await this.prisma.virtualKey.findUnique({ where: { tokenHash }, select: { id: true } });
      return row?.id ?? NOBODY;
    } catch (error) {
      throw translatePrismaError(error);
    }
  }
}
