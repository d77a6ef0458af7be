import { Injectable } from '@nestjs/common';
import { ORGANIZATION_LIST_MAX, type OrganizationListQuery } from '../../../core/definition/organization.definition.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import type { Prisma } from '../../../platform/database/generated/client.js';
import { PrismaService } from '../../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../../platform/database/translate-prisma-error.js';
import { Memberships, type MembershipSets } from '../membership/memberships.service.js';
import { seesEverything, standingInOrganization } from './organization-rules.js';
import { presentOrganization, presentOrganizationMember, presentOrganizationTeam } from './organization.presenter.js';

/** Members and teams shown with one organization; `/v2/team/list` and `/user/list` page through all. */
const PARTS_MAX = 1_000;
/** Organizations of one deprecated POST. */
const NAMED_MAX = 100;

/** Reads organizations, for whoever may see them. */
@Injectable()
export class OrganizationReader {
  constructor(
    private readonly prisma: PrismaService,
    private readonly memberships: Memberships,
  ) {}

  async list(principal: Principal, query: OrganizationListQuery) {
    const size = query.page_size ?? ORGANIZATION_LIST_MAX;
    return this.#read(principal, {
      where: {
        ...(query.org_id === undefined ? {} : { id: query.org_id }),
        ...(query.org_alias === undefined ? {} : { alias: { contains: query.org_alias, mode: 'insensitive' } }),
      },
      skip: ((query.page ?? 1) - 1) * size,
      take: size,
    });
  }

  /** @throws GatewayError `owner/not_found`; to those who may not see all, `owner/forbidden` either way. */
  async info(principal: Principal, id: string) {
    const [organization] = await this.#read(principal, { where: { id }, skip: 0, take: 1 });
    if (organization !== undefined) return organization;
    throw principal.role === 'proxy_admin' || principal.role === 'proxy_admin_viewer'
      ? new GatewayError('owner/not_found', { detail: `Organization not found for organization_id=${id}` })
      : new GatewayError('owner/forbidden', { detail: `User not authorized to access organization_id=${id}` });
  }

  /** Those of the named organizations that the caller may see. */
  async named(principal: Principal, ids: readonly string[]) {
    if (ids.length === 0 || ids.length > NAMED_MAX) {
      throw new GatewayError('owner/refused', { detail: `Specify a list of 1 to ${NAMED_MAX} organization ids` });
    }
    return this.#read(principal, { where: { id: { in: [...ids] } }, skip: 0, take: NAMED_MAX });
  }

  async #read(
    principal: Principal,
    { where, skip, take }: { where: Prisma.OrganizationWhereInput; skip: number; take: number },
  ) {
    try {
      const memberships = await this.memberships.of(principal);
      const rows = await this.prisma.organization.findMany({
        where: { AND: [where, visibleTo(principal, memberships)] },
        include: { objectPermission: true },
        orderBy: [{ createdAt: 'desc' }, { id: 'asc' }],
        skip,
        take,
      });
      return await Promise.all(
        rows.map(async (row) => ({
          ...presentOrganization(row),
          ...(await this.#parts(principal, memberships, row.id)),
        })),
      );
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  async #parts(principal: Principal, memberships: MembershipSets, organizationId: string) {
    const all = seesEverything(standingInOrganization(principal, memberships, organizationId));
    const members = await this.prisma.organizationMember.findMany({
      where: { organizationId, ...(all ? {} : { userId: principal.userId ?? '' }) },
      include: { user: { select: { email: true, alias: true } } },
      orderBy: [{ createdAt: 'asc' }, { userId: 'asc' }],
      take: PARTS_MAX,
    });
    const teams = await this.prisma.team.findMany({
      where: { organizationId, deletedAt: null, ...(all ? {} : { id: { in: [...memberships.teamMemberOf] } }) },
      select: { id: true, alias: true, organizationId: true, blocked: true },
      orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
      take: PARTS_MAX,
    });
    return { members: members.map(presentOrganizationMember), teams: teams.map(presentOrganizationTeam) };
  }
}

function visibleTo(
  { role, organizationId }: Principal,
  { orgMemberOf }: MembershipSets,
): Prisma.OrganizationWhereInput {
  if (role === 'proxy_admin' || role === 'proxy_admin_viewer') return {};
  return { id: { in: [...orgMemberOf, ...(organizationId === undefined ? [] : [organizationId])] } };
}
