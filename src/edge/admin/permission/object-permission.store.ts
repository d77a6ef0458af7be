import { randomUUID } from 'node:crypto';
import type { ObjectPermission } from '../../../core/model/permission.js';
import type { ControlUnit } from '../../../platform/database/control-writer.js';
import { Prisma } from '../../../platform/database/generated/client.js';
import { readPermission } from '../../../state/identity/read-permission.js';

type Transaction = ControlUnit['tx'];

/** A permission as it is kept: what concerns MCP servers, and what was given beside it. */
export interface KeptPermission {
  readonly grants: ObjectPermission;
  readonly other: Readonly<Record<string, unknown>>;
}

export async function readKept(tx: Transaction, id: string | null): Promise<KeptPermission> {
  const row = id === null ? null : await tx.objectPermission.findUnique({ where: { id } });
  if (row === null) return { grants: {}, other: {} };
  return { grants: grantsOf(row), other: row.other as Record<string, unknown> };
}

/** Answers the row's id; makes the row when there is none. */
export async function savePermission(
  tx: Transaction,
  id: string | null,
  { grants, other }: KeptPermission,
): Promise<string> {
  const data = {
    mcpServers: column(grants.servers),
    mcpAccessGroups: column(grants.accessGroups),
    mcpToolsets: column(grants.toolsets),
    mcpToolPermissions: column(grants.toolPermissions),
    other: other as Prisma.InputJsonObject,
  };
  const rowId = id ?? randomUUID();
  await tx.objectPermission.upsert({ where: { id: rowId }, create: { id: rowId, ...data }, update: data });
  return rowId;
}

/** Id and name (lower-cased) to id, of the toolsets these words name. */
export async function findToolsetIds(tx: Transaction, named: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (named.length === 0) return new Map();
  const rows = await tx.toolset.findMany({
    where: { OR: [{ id: { in: [...named] } }, { name: { in: [...named], mode: 'insensitive' } }] },
    select: { id: true, name: true },
  });
  return new Map([
    ...rows.map(({ id, name }) => [name.toLowerCase(), id] as const),
    ...rows.map(({ id }) => [id.toLowerCase(), id] as const),
  ]);
}

/** What a team grants, its unified access groups included; undefined when there is no such team. */
export async function readTeamGrants(tx: Transaction, teamId: string): Promise<ObjectPermission | undefined> {
  const team = await tx.team.findUnique({ where: { id: teamId }, include: { objectPermission: true } });
  if (team === null) return undefined;
  const groups = await tx.accessGroup.findMany({ where: { id: { in: team.accessGroupIds } }, select: { name: true } });
  const own = { ids: team.accessGroupIds, names: groups.map(({ name }) => name) };
  return readPermission(recordOf(team.objectPermission), own) ?? {};
}

/** What an organization grants; undefined when there is no such organization. */
export async function readOrganizationGrants(tx: Transaction, id: string): Promise<ObjectPermission | undefined> {
  const organization = await tx.organization.findUnique({ where: { id }, include: { objectPermission: true } });
  if (organization === null) return undefined;
  return grantsOf(organization.objectPermission);
}

interface GrantColumns {
  readonly mcpServers: unknown;
  readonly mcpAccessGroups: unknown;
  readonly mcpToolsets: unknown;
  readonly mcpToolPermissions: unknown;
}

function recordOf(row: GrantColumns | null) {
  if (row === null) return null;
  const { mcpServers: servers, mcpAccessGroups: groups, mcpToolsets: toolsets, mcpToolPermissions: tools } = row;
  return { servers, groups, toolsets, tools };
}

function grantsOf(row: GrantColumns | null): ObjectPermission {
  return readPermission(recordOf(row)) ?? {};
}

function column(value: ObjectPermission[keyof ObjectPermission]): Prisma.InputJsonValue | typeof Prisma.DbNull {
  return value ?? Prisma.DbNull;
}
