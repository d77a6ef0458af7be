import { Injectable } from '@nestjs/common';
import type { Principal } from '../../../core/model/principal.js';
import type { Prisma } from '../../../platform/database/generated/client.js';
import { PrismaService } from '../../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../../platform/database/translate-prisma-error.js';

/** Where a caller belongs. Deleted teams count nowhere. */
export interface MembershipSets {
  /** Teams the caller administers: as team admin, or because they administer the team's organization. */
  readonly teamAdminOf: ReadonlySet<string>;
  /** Teams the caller is in, in whatever role; all of `teamAdminOf` are among them. */
  readonly teamMemberOf: ReadonlySet<string>;
  readonly orgAdminOf: ReadonlySet<string>;
  /** Organizations the caller is in, in whatever role; all of `orgAdminOf` are among them. */
  readonly orgMemberOf: ReadonlySet<string>;
}

/** Nobody's memberships. */
export const NO_MEMBERSHIPS: MembershipSets = Object.freeze({
  teamAdminOf: new Set<string>(),
  teamMemberOf: new Set<string>(),
  orgAdminOf: new Set<string>(),
  orgMemberOf: new Set<string>(),
});

/** What is read: the client, or the transaction of a write. */
type Reader = Pick<Prisma.TransactionClient, 'teamMember' | 'organizationMember' | 'team'>;

/**
 * The memberships of whoever stands behind a caller: those of the user of the credential, and the organization a token says
 * its bearer administers. A credential without a user (the master key, a service account) has none; what a proxy admin may do does not come from here. Read fresh each time.
 */
@Injectable()
export class Memberships {
  readonly #prisma: PrismaService;

  constructor(prisma: PrismaService) {
    this.#prisma = prisma;
  }

  /**
   * @param reader the transaction, when what is found must hold until it commits.
   * @throws GatewayError `database/unavailable`.
   */
  async of(principal: Principal, reader: Reader = this.#prisma): Promise<MembershipSets> {
    const { userId, role, organizationId } = principal;
    // What an identity provider says of the caller, without a row of ours.
    const claimed = role === 'org_admin' && organizationId !== undefined ? [organizationId] : [];
    return userId === undefined && claimed.length === 0 ? NO_MEMBERSHIPS : this.#read(userId, claimed, reader);
  }

  async #read(userId: string | undefined, claimed: readonly string[], reader: Reader): Promise<MembershipSets> {
    try {
      const teams =
        userId === undefined
          ? []
          : await reader.teamMember.findMany({
              where: { userId, team: { deletedAt: null } },
              select: { teamId: true, role: true },
            });
      const organizations =
        userId === undefined
          ? []
          : await reader.organizationMember.findMany({
              where: { userId },
              select: { organizationId: true, role: true },
            });
      const orgAdminOf = new Set([
        ...organizations.filter(({ role }) => role === 'org_admin').map(({ organizationId }) => organizationId),
        ...claimed,
      ]);
      const governed =
        orgAdminOf.size === 0
          ? []
          : await reader.team.findMany({
              where: { organizationId: { in: [...orgAdminOf] }, deletedAt: null },
              select: { id: true },
            });
      const teamAdminOf = new Set([
        ...teams.filter(({ role }) => role === 'admin').map(({ teamId }) => teamId),
        ...governed.map(({ id }) => id),
      ]);
      return {
        teamAdminOf,
        teamMemberOf: new Set([...teams.map(({ teamId }) => teamId), ...teamAdminOf]),
        orgAdminOf,
        orgMemberOf: new Set([...organizations.map(({ organizationId }) => organizationId), ...orgAdminOf]),
      };
    } catch (error) {
      throw translatePrismaError(error);
    }
  }
}
