import { Injectable } from '@nestjs/common';
import { resolveView } from '../../../core/access/resolve-view.js';
import { SCOPE_ALL } from '../../../core/access/request-scope.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { ObjectPermission } from '../../../core/model/permission.js';
import type { Principal } from '../../../core/model/principal.js';
import type { RegistrySnapshot } from '../../../core/model/registry-snapshot.js';
import { PrismaService } from '../../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../../platform/database/translate-prisma-error.js';
import { makeGrants, readPermission } from '../../../state/identity/read-permission.js';
import { Memberships } from '../membership/memberships.service.js';
import { readsAll } from './server-access.js';

/** Which servers a team has, for those who may know it: administrators, and whoever is of the team. */
@Injectable()
export class TeamServers {
  constructor(
    private readonly prisma: PrismaService,
    private readonly memberships: Memberships,
  ) {}

  /** Throws `auth/forbidden` alike for a team one is not of and for one that does not exist. */
  async idsOf(caller: Principal, teamId: string, snapshot: RegistrySnapshot): Promise<ReadonlySet<string>> {
    if (!readsAll(caller) && caller.teamId !== teamId) {
      const { teamMemberOf } = await this.memberships.of(caller);
      if (!teamMemberOf.has(teamId)) throw new GatewayError('auth/forbidden', { detail: `team ${teamId}` });
    }
    const permission = await this.#permission(teamId);
    const team: Principal = {
      kind: 'virtual_key',
      id: `team:${teamId}`,
      role: 'internal_user',
      grants: makeGrants([['team', permission]]),
    };
    const decision = resolveView(snapshot, team, SCOPE_ALL);
    return new Set(decision.kind === 'view' ? decision.view.servers.map(({ entry }) => entry.id) : []);
  }

  async #permission(teamId: string): Promise<ObjectPermission | undefined> {
    try {
      const team = await this.prisma.team.findFirst({
        where: { id: teamId, deletedAt: null },
        select: { accessGroupIds: true, objectPermission: true },
      });
      if (team === null) return undefined;
      const { accessGroupIds: ids, objectPermission: row } = team;
      const groups = ids.length === 0 ? [] : await this.prisma.accessGroup.findMany({ where: { id: { in: ids } } });
      const record = row && {
        servers: row.mcpServers,
        groups: row.mcpAccessGroups,
        toolsets: row.mcpToolsets,
        tools: row.mcpToolPermissions,
      };
      return readPermission(record, { ids, names: groups.map(({ name }) => name) });
    } catch (error) {
      throw translatePrismaError(error);
    }
  }
}
