import { randomUUID } from 'node:crypto';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import { hashKey } from '../../../platform/crypto/hash-key.js';
import type { ControlUnit } from '../../../platform/database/control-writer.js';
import { Prisma } from '../../../platform/database/generated/client.js';
import type { GroupAssignments } from './access-group.presenter.js';

type Reader = Pick<Prisma.TransactionClient, 'team' | 'virtualKey'>;

/** Who has these groups through `access_group_ids`, by group. */
export async function readAssignments(
  reader: Reader,
  groupIds: readonly string[],
): Promise<ReadonlyMap<string, GroupAssignments>> {
  const where = { deletedAt: null, accessGroupIds: { hasSome: [...groupIds] } };
  const [teams, keys] = await Promise.all([
    reader.team.findMany({ where, select: { id: true, accessGroupIds: true } }),
    reader.virtualKey.findMany({ where, select: { tokenHash: true, accessGroupIds: true } }),
  ]);
  return new Map(
    groupIds.map((groupId) => [
      groupId,
      {
        teamIds: teams.filter(({ accessGroupIds }) => accessGroupIds.includes(groupId)).map(({ id }) => id),
        keyHashes: keys
          .filter(({ accessGroupIds }) => accessGroupIds.includes(groupId))
          .map(({ tokenHash }) => tokenHash),
      },
    ]),
  );
}

/** Makes exactly these teams have the group. Throws `set/refused` naming those that are not there. */
export async function assignTeams(unit: ControlUnit, groupId: string, wanted: readonly string[]): Promise<void> {
  const { tx } = unit;
  const found = await tx.team.findMany({
    where: { id: { in: [...wanted] }, deletedAt: null },
    select: { id: true, accessGroupIds: true },
  });
  refuseMissing(
    'Teams',
    wanted,
    found.map(({ id }) => id),
  );
  const before = await tx.team.findMany({
    where: { deletedAt: null, accessGroupIds: { has: groupId } },
    select: { id: true },
  });
  await releaseTeams(
    unit,
    groupId,
    before.map(({ id }) => id).filter((id) => !wanted.includes(id)),
  );
  for (const { id, accessGroupIds } of found) {
    if (accessGroupIds.includes(groupId)) continue;
    await tx.team.update({ where: { id }, data: { accessGroupIds: { push: groupId } } });
    unit.changed('team', id);
  }
}

/** Makes exactly these keys, by hash or as they are, have the group. */
export async function assignKeys(unit: ControlUnit, groupId: string, written: readonly string[]): Promise<void> {
  const { tx } = unit;
  const wanted = written.map((key) => (key.startsWith('sk-') ? hashKey(key) : key));
  const found = await tx.virtualKey.findMany({
    where: { tokenHash: { in: wanted }, deletedAt: null },
    select: { id: true, tokenHash: true, accessGroupIds: true },
  });
  refuseMissing(
    'Keys',
    wanted,
    found.map(({ tokenHash }) => tokenHash),
  );
  const kept = new Set(found.map(({ id }) => id));
  const before = await tx.virtualKey.findMany({
    where: { deletedAt: null, accessGroupIds: { has: groupId } },
    select: { id: true },
  });
  await releaseKeys(
    unit,
    groupId,
    before.map(({ id }) => id).filter((id) => !kept.has(id)),
  );
  for (const { id, accessGroupIds } of found) {
    if (accessGroupIds.includes(groupId)) continue;
    await tx.virtualKey.update({ where: { id }, data: { accessGroupIds: { push: groupId } } });
    unit.changed('key', id);
  }
}

/** The group goes away: from every team and key, deleted ones too. */
export async function releaseAll(unit: ControlUnit, groupId: string): Promise<number> {
  const where = { accessGroupIds: { has: groupId } };
  const teams = await unit.tx.team.findMany({ where, select: { id: true } });
  const keys = await unit.tx.virtualKey.findMany({ where, select: { id: true } });
  await releaseTeams(
    unit,
    groupId,
    teams.map(({ id }) => id),
  );
  await releaseKeys(
    unit,
    groupId,
    keys.map(({ id }) => id),
  );
  return teams.length + keys.length;
}

async function releaseTeams(unit: ControlUnit, groupId: string, ids: readonly string[]): Promise<void> {
  const { tx } = unit;
  const teams = await tx.team.findMany({ where: { id: { in: [...ids] } }, include: { objectPermission: true } });
  for (const { id, accessGroupIds, objectPermissionId, objectPermission } of teams) {
    const rest = accessGroupIds.filter((each) => each !== groupId);
    const keepsSaying = rest.length > 0 || (objectPermission?.mcpAccessGroups ?? null) !== null;
    const permissionId = keepsSaying ? objectPermissionId : await sayNoGroups(unit, objectPermissionId);
    await tx.team.update({ where: { id }, data: { accessGroupIds: rest, objectPermissionId: permissionId } });
    unit.changed('team', id);
  }
}

async function releaseKeys(unit: ControlUnit, groupId: string, ids: readonly string[]): Promise<void> {
  const { tx } = unit;
  const keys = await tx.virtualKey.findMany({ where: { id: { in: [...ids] } }, include: { objectPermission: true } });
  for (const { id, accessGroupIds, objectPermissionId, objectPermission } of keys) {
    const rest = accessGroupIds.filter((each) => each !== groupId);
    const keepsSaying = rest.length > 0 || (objectPermission?.mcpAccessGroups ?? null) !== null;
    const permissionId = keepsSaying ? objectPermissionId : await sayNoGroups(unit, objectPermissionId);
    await tx.virtualKey.update({ where: { id }, data: { accessGroupIds: rest, objectPermissionId: permissionId } });
    unit.changed('key', id);
  }
}

/**
 * An owner who loses the last of its groups must not come to say nothing, which would lift a restriction (contract §9): it
 * says that it has no group.
 */
async function sayNoGroups({ tx }: ControlUnit, permissionId: string | null): Promise<string> {
  const id = permissionId ?? randomUUID();
  const data = { mcpAccessGroups: [] };
  const create = {
    id,
    ...data,
    mcpServers: Prisma.DbNull,
    mcpToolsets: Prisma.DbNull,
    mcpToolPermissions: Prisma.DbNull,
  };
  await tx.objectPermission.upsert({ where: { id }, create, update: data });
  return id;
}

function refuseMissing(what: string, wanted: readonly string[], found: readonly string[]): void {
  const missing = wanted.filter((each) => !found.includes(each));
  if (missing.length > 0) throw new GatewayError('set/refused', { detail: `${what} not found: ${missing.join(', ')}` });
}
