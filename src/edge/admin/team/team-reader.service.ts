import { Injectable } from '@nestjs/common';
import { pageOf } from '../../../core/definition/page-query.definition.js';
import { TEAM_LIST_MAX, type TeamListQuery, type TeamPageQuery } from '../../../core/definition/team.definition.js';
import { TEAM_MEMBER_PERMISSIONS } from '../../../core/definition/team-member-permissions.js';
import type { Principal } from '../../../core/model/principal.js';
import type { Prisma } from '../../../platform/database/generated/client.js';
import { PrismaService } from '../../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../../platform/database/translate-prisma-error.js';
import { Memberships } from '../membership/memberships.service.js';
import { OWNED_KEY_COLUMNS, OWNED_KEYS_MAX, presentOwnedKey } from '../membership/owned-key.js';
import { TEAM_PARTS, TeamAccess } from './team-access.service.js';
import type { TeamStanding } from './team-rules.js';
import { presentTeam, presentTeamMembership } from './team.presenter.js';

const PAGE_SIZE_DEFAULT = 10;
/** No key has this id. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

/** Reads teams, for whoever may see them. */
@Injectable()
export class TeamReader {
  constructor(
    private readonly prisma: PrismaService,
    private readonly access: TeamAccess,
    private readonly memberships: Memberships,
  ) {}

  async info(principal: Principal, teamId: string) {
    return this.#reading(async () => {
      const { team, standing } = await this.access.reach(principal, teamId, 'read', this.prisma);
      // Keys of others are for those who administer the team, or see everything.
      const own = seesAllKeys(standing, principal)
        ? {}
        : {
            OR: [
              { id: principal.keyId ?? NOBODY },
              ...(principal.userId === undefined ? [] : [{ userId: principal.userId }]),
            ],
          };
      const keys = await this.prisma.virtualKey.findMany({
        where: { teamId, deletedAt: null, ...own },
        select: OWNED_KEY_COLUMNS,
        orderBy: { createdAt: 'desc' },
        take: OWNED_KEYS_MAX,
      });
      return {
        team_id: teamId,
        team_info: presentTeam(team),
        keys: keys.map(presentOwnedKey),
        team_memberships: team.members.map(presentTeamMembership),
      };
    });
  }

  /** `GET /team/list`: an array, newest first. */
  async list(principal: Principal, query: TeamListQuery) {
    return this.#reading(async () => {
      const size = query.page_size ?? TEAM_LIST_MAX;
      const rows = await this.prisma.team.findMany({
        where: { AND: [await this.#visible(principal), filterOf(query), { deletedAt: null }] },
        include: { ...TEAM_PARTS, _count: { select: { keys: { where: { deletedAt: null } } } } },
        orderBy: [{ createdAt: 'desc' }, { id: 'asc' }],
        skip: ((query.page ?? 1) - 1) * size,
        take: size,
      });
      return rows.map((row) => ({
        ...presentTeam(row),
        keys_count: row._count.keys,
        team_memberships: row.members.map(presentTeamMembership),
      }));
    });
  }

  /** `GET /v2/team/list`. */
  async page(principal: Principal, query: TeamPageQuery) {
    return this.#reading(async () => {
      const { page, size, skip } = pageOf(query, PAGE_SIZE_DEFAULT);
      const where: Prisma.TeamWhereInput = {
        AND: [
          await this.#visible(principal),
          filterOf(query),
          { deletedAt: query.status === 'deleted' ? { not: null } : null },
        ],
      };
      const order = query.sort_order ?? 'desc';
      const column = ({ team_id: 'id', team_alias: 'alias', created_at: 'createdAt' } as const)[
        query.sort_by ?? 'created_at'
      ];
      const [total, rows] = await this.prisma.$transaction([
        this.prisma.team.count({ where }),
        this.prisma.team.findMany({
          where,
          include: { ...TEAM_PARTS, _count: { select: { keys: { where: { deletedAt: null } } } } },
          orderBy: [{ [column]: order }, { id: 'asc' }],
          skip,
          take: size,
        }),
      ]);
      return {
        teams: rows.map((row) => ({
          ...presentTeam(row),
          members_count: row.members.length,
          keys_count: row._count.keys,
        })),
        total,
        page,
        page_size: size,
        total_pages: Math.ceil(total / size),
      };
    });
  }

  async memberPermissions(principal: Principal, teamId: string) {
    return this.#reading(async () => {
      const { team } = await this.access.reach(principal, teamId, 'read', this.prisma);
      return {
        team_id: teamId,
        team_member_permissions: team.memberPermissions,
        all_available_permissions: TEAM_MEMBER_PERMISSIONS,
      };
    });
  }

  /** What the caller may see of all teams. Deleted ones have no members left: only those who see all see them. */
  async #visible(principal: Principal): Promise<Prisma.TeamWhereInput> {
    if (principal.role === 'proxy_admin' || principal.role === 'proxy_admin_viewer') return {};
    const { teamMemberOf } = await this.memberships.of(principal);
    const own = principal.teamId === undefined ? [] : [principal.teamId];
    return { id: { in: [...new Set([...teamMemberOf, ...own])] } };
  }

  async #reading<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw translatePrismaError(error);
    }
  }
}

function seesAllKeys(standing: TeamStanding, { role }: Principal): boolean {
  return role === 'proxy_admin_viewer' || (standing !== 'member' && standing !== 'reader');
}

function filterOf(query: TeamListQuery & Partial<TeamPageQuery>): Prisma.TeamWhereInput {
  return {
    ...(query.team_id === undefined ? {} : { id: query.team_id }),
    ...(query.team_alias === undefined ? {} : { alias: { contains: query.team_alias, mode: 'insensitive' } }),
    ...(query.organization_id === undefined ? {} : { organizationId: query.organization_id }),
    ...(query.user_id === undefined ? {} : { members: { some: { userId: query.user_id } } }),
  };
}
