import { Injectable } from '@nestjs/common';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import type { Prisma } from '../../../platform/database/generated/client.js';
import { Memberships, type MembershipSets } from '../membership/memberships.service.js';
import { mayInTeam, standingIn, type TeamAction, type TeamStanding } from './team-rules.js';
import type { TeamRow } from './team.presenter.js';

/** What a team is read with. */
export const TEAM_PARTS = {
  objectPermission: true,
  members: { include: { user: { select: { email: true } } }, orderBy: [{ createdAt: 'asc' }, { userId: 'asc' }] },
} as const satisfies Prisma.TeamInclude;

/** A team, and what the caller is to it. */
export interface ReachedTeam {
  readonly team: TeamRow;
  readonly standing: TeamStanding;
  readonly memberships: MembershipSets;
}

/** Finds a team for somebody who wants to do something with it. */
@Injectable()
export class TeamAccess {
  constructor(private readonly memberships: Memberships) {}

  /**
   * @throws GatewayError `owner/not_found` (to proxy admins and viewers), `owner/forbidden`: to everybody else a team that
   * does not exist reads like one that is not theirs.
   */
  async reach(
    principal: Principal,
    teamId: string,
    action: TeamAction,
    tx: Prisma.TransactionClient,
  ): Promise<ReachedTeam> {
    const team = await tx.team.findFirst({ where: { id: teamId, deletedAt: null }, include: TEAM_PARTS });
    if (team === null) throw missingTeam(principal, teamId);
    const memberships = await this.memberships.of(principal, tx);
    const standing = standingIn(principal, memberships, team);
    if (standing === 'stranger') throw missingTeam(principal, teamId);
    if (!mayInTeam(standing, action)) {
      throw new GatewayError('owner/forbidden', {
        detail: `Call not allowed. User is not a proxy admin, org admin or team admin with that right. action=${action}, team_id=${teamId}, role=${principal.role}`,
      });
    }
    return { team, standing, memberships };
  }
}

function missingTeam({ role }: Principal, teamId: string): GatewayError {
  return role === 'proxy_admin' || role === 'proxy_admin_viewer'
    ? new GatewayError('owner/not_found', { detail: `Team not found, passed team id = ${teamId}` })
    : new GatewayError('owner/forbidden', { detail: `User not authorized to access this team. team_id=${teamId}` });
}
