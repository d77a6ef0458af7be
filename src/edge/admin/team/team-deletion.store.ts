import type { Principal } from '../../../core/model/principal.js';
import type { ControlUnit } from '../../../platform/database/control-writer.js';
import { auditValue } from '../audit/audit-value.js';
import { deleteOwnedKeys } from '../membership/owned-keys.store.js';
import { presentTeam, type TeamRow } from './team.presenter.js';

/** Marks a team deleted and everything of it that lives: for the team's own deletion and its organization's. */
export async function deleteTeam(unit: ControlUnit, actor: Principal, team: TeamRow): Promise<void> {
  const { tx, changed, audit } = unit;
  await deleteOwnedKeys(unit, actor, { teamId: team.id });
  await tx.teamMember.deleteMany({ where: { teamId: team.id } });
  await tx.team.update({
    where: { id: team.id },
    data: { deletedAt: new Date(), deletedBy: actor.userId ?? actor.id },
  });
  changed('team', team.id);
  audit({ action: 'deleted', objectKind: 'team', objectId: team.id, before: auditedTeam(team) });
}

/** A team in the audit; each change of a member has an entry of its own. */
export function auditedTeam(row: TeamRow): object {
  const { members_with_roles: members, ...rest } = presentTeam(row);
  return auditValue({ ...rest, admins: undefined, members: undefined, members_count: members.length });
}
