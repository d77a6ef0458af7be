import { Injectable } from '@nestjs/common';
import type { ControlUnit } from '../../../platform/database/control-writer.js';
import { refusalToOwn, type KeyCaller, type KeyRoute } from './key-access.js';
import type { KeyOwners, KeyTeam } from './key-record.js';
import { refused } from './key-rules.js';

/** Sees to it that a key's user, team and organization exist, fit each other, and are the caller's to name. */
@Injectable()
export class KeyOwnersService {
  /**
   * Inside a write. A user nobody knows is made an internal user when an admin, or that user, names them, as the incumbent
   * does.
   *
   * @throws GatewayError `key/refused`, `key/forbidden`, `key/not_permitted_in_team`.
   */
  async settle(unit: ControlUnit, caller: KeyCaller, owners: KeyOwners, route: KeyRoute): Promise<void> {
    const { userId, teamId, organizationId } = owners;
    const team = teamId === null ? null : await findTeam(unit, teamId);
    const refusal = refusalToOwn(caller, { ...owners, team }, route);
    if (refusal !== undefined) throw refusal;
    if (teamId !== null && team === null) throw refused('team_id', `Team not found, team_id=${teamId}`);
    if (organizationId !== null) await this.#checkOrganization(unit, organizationId, teamId, team);
    if (userId !== null) await this.#ensureUser(unit, caller, userId);
  }

  async #checkOrganization(
    { tx }: ControlUnit,
    organizationId: string,
    teamId: string | null,
    team: KeyTeam | null,
  ): Promise<void> {
    const organization = await tx.organization.findUnique({ where: { id: organizationId }, select: { id: true } });
    if (organization === null) {
      throw refused('organization_id', `Organization not found, organization_id=${organizationId}`);
    }
    if (team !== null && team.organizationId !== null && team.organizationId !== organizationId) {
      throw refused('organization_id', `Team=${teamId ?? ''} does not belong to organization=${organizationId}`);
    }
  }

  async #ensureUser(unit: ControlUnit, { principal }: KeyCaller, userId: string): Promise<void> {
    if ((await unit.tx.userAccount.findUnique({ where: { id: userId }, select: { id: true } })) !== null) return;
    if (principal.role !== 'proxy_admin' && principal.userId !== userId) {
      throw refused('user_id', `User not found, user_id=${userId}`);
    }
    const createdBy = principal.userId ?? principal.id;
    const role = 'internal_user';
    await unit.tx.userAccount.create({ data: { id: userId, role, createdBy, updatedBy: createdBy } });
    unit.changed('user', userId);
    unit.audit({
      action: 'created',
      objectKind: 'user',
      objectId: userId,
      after: { user_id: userId, user_role: role },
    });
  }
}

function findTeam({ tx }: ControlUnit, id: string): Promise<KeyTeam | null> {
  return tx.team.findFirst({
    where: { id, deletedAt: null },
    select: { organizationId: true, memberPermissions: true },
  });
}
