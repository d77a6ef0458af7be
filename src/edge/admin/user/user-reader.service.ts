import { Injectable } from '@nestjs/common';
import { pageOf } from '../../../core/definition/page-query.definition.js';
import type { UserFilterQuery, UserPageQuery } from '../../../core/definition/user.definition.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import type { Prisma } from '../../../platform/database/generated/client.js';
import { PrismaService } from '../../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../../platform/database/translate-prisma-error.js';
import { Memberships, type MembershipSets } from '../membership/memberships.service.js';
import { OWNED_KEY_COLUMNS, OWNED_KEYS_MAX, presentOwnedKey } from '../membership/owned-key.js';
import { mayReadUser, seesAllOfUser } from './user-rules.js';
import { presentUser, presentUserWithin } from './user.presenter.js';
import { USER_PARTS } from './user.store.js';

const PAGE_SIZE_DEFAULT = 25;
/** Suggestions while somebody types. */
const SUGGESTIONS_MAX = 50;

const COLUMN_OF = {
  user_id: 'id',
  user_email: 'email',
  user_alias: 'alias',
  user_role: 'role',
  spend: 'spend',
  created_at: 'createdAt',
} as const;

/** Reads users, for whoever may see them. */
@Injectable()
export class UserReader {
  constructor(
    private readonly prisma: PrismaService,
    private readonly memberships: Memberships,
  ) {}

  /** Whom the caller may not see reads like whom nobody knows, unless the caller sees everybody. */
  async info(principal: Principal, userId: string) {
    return this.#reading(async () => {
      const row = await this.prisma.userAccount.findUnique({ where: { id: userId }, include: USER_PARTS });
      const organizationIds = row?.organizations.map(({ organizationId }) => organizationId) ?? [];
      const memberships = await this.memberships.of(principal);
      if (!mayReadUser(principal, memberships, { id: userId, organizationIds })) {
        throw new GatewayError('owner/forbidden', {
          detail: `User not authorized to access this user. user_id=${userId}`,
        });
      }
      if (row === null) {
        throw new GatewayError('owner/not_found', { detail: `User not found, passed user_id=${userId}` });
      }
      const all = seesAllOfUser(principal, userId);
      const { orgAdminOf, teamAdminOf } = memberships;
      const within = { OR: [{ organizationId: { in: [...orgAdminOf] } }, { teamId: { in: [...teamAdminOf] } }] };
      const keys = await this.prisma.virtualKey.findMany({
        where: { userId, deletedAt: null, ...(all ? {} : within) },
        select: OWNED_KEY_COLUMNS,
        orderBy: { createdAt: 'desc' },
        take: OWNED_KEYS_MAX,
      });
      const teams = await this.prisma.team.findMany({
        where: {
          deletedAt: null,
          members: { some: { userId } },
          ...(all ? {} : { id: { in: [...teamAdminOf] } }),
        },
        select: { id: true, alias: true, organizationId: true, blocked: true },
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
      });
      return {
        user_id: userId,
        user_info: all ? presentUser(row) : presentUserWithin(row, memberships),
        keys: keys.map(presentOwnedKey),
        teams: teams.map(({ id, alias, organizationId, blocked }) => ({
          team_id: id,
          team_alias: alias,
          organization_id: organizationId,
          blocked,
        })),
      };
    });
  }

  async page(principal: Principal, query: UserPageQuery) {
    return this.#reading(async () => {
      const { page, size, skip } = pageOf(query, PAGE_SIZE_DEFAULT);
      const memberships = await this.memberships.of(principal);
      const where: Prisma.UserAccountWhereInput = { AND: [visibleTo(principal, memberships), filterOf(query)] };
      const [total, rows] = await this.prisma.$transaction([
        this.prisma.userAccount.count({ where }),
        this.prisma.userAccount.findMany({
          where,
          include: { ...USER_PARTS, _count: { select: { keys: { where: { deletedAt: null } } } } },
          orderBy: [{ [COLUMN_OF[query.sort_by ?? 'created_at']]: query.sort_order ?? 'desc' }, { id: 'asc' }],
          skip,
          take: size,
        }),
      ]);
      return {
        users: rows.map((row) =>
          seesAllOfUser(principal, row.id)
            ? { ...presentUser(row), key_count: row._count.keys }
            : presentUserWithin(row, memberships),
        ),
        total,
        page,
        page_size: size,
        total_pages: Math.ceil(total / size),
      };
    });
  }

  /** Ids and addresses that contain these parts. */
  async suggestions(principal: Principal, { user_id: id, user_email: email }: UserFilterQuery) {
    return this.#reading(async () => {
      const rows = await this.prisma.userAccount.findMany({
        where: {
          AND: [
            visibleTo(principal, await this.memberships.of(principal)),
            id === undefined ? {} : { id: { contains: id, mode: 'insensitive' } },
            email === undefined ? {} : { email: { contains: email, mode: 'insensitive' } },
          ],
        },
        select: { id: true, email: true, alias: true, role: true },
        orderBy: [{ createdAt: 'desc' }, { id: 'asc' }],
        take: SUGGESTIONS_MAX,
      });
      return rows.map((row) => ({
        user_id: row.id,
        user_email: row.email,
        user_alias: row.alias,
        user_role: row.role,
      }));
    });
  }

  async #reading<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw translatePrismaError(error);
    }
  }
}

function visibleTo(principal: Principal, { orgAdminOf }: MembershipSets): Prisma.UserAccountWhereInput {
  if (principal.role === 'proxy_admin' || principal.role === 'proxy_admin_viewer') return {};
  return {
    OR: [
      { id: principal.userId ?? '' },
      ...(orgAdminOf.size === 0 ? [] : [{ organizations: { some: { organizationId: { in: [...orgAdminOf] } } } }]),
    ],
  };
}

function filterOf(query: UserPageQuery): Prisma.UserAccountWhereInput {
  return {
    ...(query.role === undefined ? {} : { role: query.role }),
    ...(query.user_ids === undefined ? {} : { id: { in: query.user_ids } }),
    ...(query.sso_user_ids === undefined ? {} : { ssoUserId: { in: query.sso_user_ids } }),
    ...(query.user_email === undefined ? {} : { email: { contains: query.user_email, mode: 'insensitive' } }),
    ...(query.team === undefined ? {} : { teams: { some: { teamId: query.team } } }),
    ...(query.organization_id === undefined
      ? {}
      : { organizations: { some: { organizationId: query.organization_id } } }),
  };
}
