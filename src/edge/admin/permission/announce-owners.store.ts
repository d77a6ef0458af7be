import type { ControlUnit } from '../../../platform/database/control-writer.js';

/** Whoever has one of these permissions is another caller from now on: replicas hear of it. Answers how many there are. */
export async function announceOwners(
  { tx, changed }: ControlUnit,
  rows: readonly { readonly id: string }[],
): Promise<number> {
  if (rows.length === 0) return 0;
  const owners = await tx.objectPermission.findMany({
    where: { id: { in: rows.map(({ id }) => id) } },
    select: {
      key: { select: { id: true } },
      team: { select: { id: true } },
      organization: { select: { id: true } },
      user: { select: { id: true } },
      endUser: { select: { id: true } },
    },
  });
  for (const { key, team, organization, user, endUser } of owners) {
    if (key !== null) changed('key', key.id);
    if (team !== null) changed('team', team.id);
    if (organization !== null) changed('organization', organization.id);
    if (user !== null) changed('user', user.id);
    if (endUser !== null) changed('end_user', endUser.id);
  }
  return rows.length;
}
