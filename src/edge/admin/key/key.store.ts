import { Injectable } from '@nestjs/common';
import type { KeyListDefinition, KeySortField } from '../../../core/definition/key-list.definition.js';
import type { Secret } from '../../../core/model/secret.js';
import { hashKey } from '../../../platform/crypto/hash-key.js';
import type { Prisma } from '../../../platform/database/generated/client.js';
import { PrismaService } from '../../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../../platform/database/translate-prisma-error.js';
import type { KeyScope } from './key-access.js';
import type { KeyRecord } from './key-record.js';

/** What belongs to a {@link KeyRecord}. */
export const KEY_PARTS = {
  objectPermission: true,
  team: { select: { organizationId: true, memberPermissions: true } },
  user: { select: { id: true, email: true, alias: true, role: true } },
} as const satisfies Prisma.VirtualKeyInclude;

export interface KeyPage {
  readonly keys: readonly KeyRecord[];
  readonly total: number;
}

export interface PageRequest {
  /** From 1. */
  readonly page: number;
  readonly size: number;
}

const COLUMN_OF: Readonly<Record<KeySortField, keyof Prisma.VirtualKeyOrderByWithRelationInput>> = {
  created_at: 'createdAt',
  updated_at: 'updatedAt',
  key_alias: 'alias',
  key_name: 'keyName',
  spend: 'spend',
  max_budget: 'maxBudget',
  expires: 'expiresAt',
  token: 'tokenHash',
  user_id: 'userId',
  team_id: 'teamId',
};
const NULLABLE: ReadonlySet<KeySortField> = new Set(['key_alias', 'max_budget', 'expires', 'user_id', 'team_id']);

const HASH = /^[0-9a-f]{64}$/i;

/** What REST calls a key by: the key, or its hash. Answers the hash. */
export function hashOfNamedKey(named: Secret): string {
  const text = named.reveal();
  return HASH.test(text) ? text.toLowerCase() : hashKey(text);
}

/** Reads keys for the key API. Takes the transaction of a write where what is read must hold until it commits. */
@Injectable()
export class KeyStore {
  readonly #prisma: PrismaService;

  constructor(prisma: PrismaService) {
    this.#prisma = prisma;
  }

  /** The live key with this hash. */
  async find(
    tokenHash: string,
    reader: Pick<Prisma.TransactionClient, 'virtualKey'> = this.#prisma,
  ): Promise<KeyRecord | null> {
    return read(() => reader.virtualKey.findFirst({ where: { tokenHash, deletedAt: null }, include: KEY_PARTS }));
  }

  async findById(id: string): Promise<KeyRecord | null> {
    return read(() => this.#prisma.virtualKey.findFirst({ where: { id, deletedAt: null }, include: KEY_PARTS }));
  }

  async findMany(hashes: readonly string[]): Promise<readonly KeyRecord[]> {
    return read(() =>
      this.#prisma.virtualKey.findMany({
        where: { tokenHash: { in: [...hashes] }, deletedAt: null },
        include: KEY_PARTS,
      }),
    );
  }

  async list(query: KeyListDefinition, scope: KeyScope | undefined, { page, size }: PageRequest): Promise<KeyPage> {
    const where: Prisma.VirtualKeyWhereInput = {
      AND: [
        { deletedAt: query.status === 'deleted' ? { not: null } : null },
        ...(scope === undefined ? [] : [withinScope(scope)]),
        ...(query.user_id === undefined ? [] : [{ userId: query.user_id }]),
        ...(query.team_id === undefined ? [] : [{ teamId: query.team_id }]),
        ...(query.organization_id === undefined ? [] : [inOrganization(query.organization_id)]),
        ...(query.key_hash === undefined ? [] : [{ tokenHash: hashOfNamedKey(query.key_hash) }]),
        ...(query.key_alias === undefined ? [] : [{ alias: query.key_alias }]),
      ],
    };
    const sortBy = query.sort_by ?? 'created_at';
    const sort = query.sort_order ?? 'desc';
    const orderBy: Prisma.VirtualKeyOrderByWithRelationInput[] = [
      { [COLUMN_OF[sortBy]]: NULLABLE.has(sortBy) ? { sort, nulls: 'last' } : sort },
      // Without a last word on ties, pages would overlap.
      { id: sort },
    ];
    return read(async () => {
      const total = await this.#prisma.virtualKey.count({ where });
      const keys = await this.#prisma.virtualKey.findMany({
        where,
        orderBy,
        skip: (page - 1) * size,
        take: size,
        include: KEY_PARTS,
      });
      return { keys, total };
    });
  }

  async aliases(
    search: string | undefined,
    scope: KeyScope | undefined,
    { page, size }: PageRequest,
  ): Promise<{ readonly aliases: readonly string[]; readonly total: number }> {
    const where: Prisma.VirtualKeyWhereInput = {
      AND: [
        { deletedAt: null, alias: { not: null } },
        ...(scope === undefined ? [] : [withinScope(scope)]),
        ...(search === undefined ? [] : [{ alias: { contains: escapeLike(search), mode: 'insensitive' as const } }]),
      ],
    };
    return read(async () => {
      const total = await this.#prisma.virtualKey.count({ where });
      const rows = await this.#prisma.virtualKey.findMany({
        where,
        orderBy: [{ alias: 'asc' }, { id: 'asc' }],
        skip: (page - 1) * size,
        take: size,
        select: { alias: true },
      });
      return { aliases: rows.flatMap(({ alias }) => (alias === null ? [] : [alias])), total };
    });
  }
}

function withinScope({ keyId, userId, teamIds, organizationIds, createdBy }: KeyScope): Prisma.VirtualKeyWhereInput {
  return {
    OR: [
      ...(keyId === undefined ? [] : [{ id: keyId }]),
      ...(userId === undefined ? [] : [{ userId }]),
      { teamId: { in: [...teamIds] } },
      { teamId: null, organizationId: { in: [...organizationIds] } },
      ...(createdBy === undefined
        ? []
        : [{ createdBy: createdBy.userId, OR: [{ teamId: null }, { teamId: { in: [...createdBy.teamIds] } }] }]),
    ],
  };
}

/** Keys of the organization, and of its teams. */
function inOrganization(organizationId: string): Prisma.VirtualKeyWhereInput {
  return { OR: [{ organizationId }, { team: { organizationId } }] };
}

/** `contains` is LIKE underneath: its wildcards are meant as themselves. */
function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, (sign) => `\\${sign}`);
}

async function read<T>(query: () => Promise<T>): Promise<T> {
  try {
    return await query();
  } catch (error) {
    throw translatePrismaError(error);
  }
}
