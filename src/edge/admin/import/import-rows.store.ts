import { isDeepStrictEqual } from 'node:util';
import type { ChangeKind } from '../../../platform/database/control-change.js';
import type { ControlUnit } from '../../../platform/database/control-writer.js';
import { Prisma } from '../../../platform/database/generated/client.js';
import { PUBLIC_SERVERS_SETTING, readPublicList } from '../../../state/registry/public-list.js';
import type { ImportedKind, ImportItem } from './import-report.js';
import type { IncumbentRow } from './incumbent.source.js';
import type {
  MappedEndUser,
  MappedKey,
  MappedMembership,
  MappedOrganization,
  MappedTeam,
  MappedUser,
} from './map-owners.js';
import { idleToolEntries, type MappedPermission, type Permissions } from './map-permission.js';
import { objectOf, textsOf } from './read-column.js';
import type { MappedAccessGroup, MappedToolset } from './map-sets.js';

/** Reads and, unless it is a dry run, writes. */
type Tx = Prisma.TransactionClient;

/** What one batch of rows works with. Without a unit nothing is written. */
export interface ImportBatch {
  readonly tx: Tx;
  readonly unit: ControlUnit | undefined;
  readonly permissions: Permissions;
  /** Ids that exist here, or will when this run has written them. */
  readonly known: KnownIds;
}

export interface KnownIds {
  readonly users: Set<string>;
  readonly teams: Set<string>;
  readonly organizations: Set<string>;
}

type Columns = Readonly<Record<string, unknown>>;

export async function importUser(batch: ImportBatch, user: MappedUser): Promise<ImportItem> {
  const columns = {
    email: user.email,
    alias: user.alias,
    role: user.role,
    ssoUserId: user.ssoUserId,
    models: user.models,
    metadata: user.metadata,
    settings: user.settings,
    maxBudget: user.maxBudget,
    spend: user.spend,
  };
  batch.known.users.add(user.id);
  const current = await batch.tx.userAccount.findUnique({
    where: { id: user.id },
    include: { objectPermission: true },
  });
  return settle(batch, {
    kind: 'user',
    change: 'user',
    id: user.id,
    label: user.email ?? user.id,
    columns,
    current,
    permissionId: user.permissionId,
    write: (data) =>
      current === null
        ? batch.tx.userAccount.create({
            data: { id: user.id, ...stamps(user), ...data },
          })
        : batch.tx.userAccount.update({ where: { id: user.id }, data: data }),
  });
}

export async function importOrganization(
  batch: ImportBatch,
  organization: MappedOrganization,
  members: readonly MappedMembership[],
): Promise<ImportItem> {
  const { id } = organization;
  const columns = {
    alias: organization.alias,
    models: organization.models,
    metadata: organization.metadata,
    settings: organization.settings,
    maxBudget: organization.maxBudget,
    spend: organization.spend,
  };
  batch.known.organizations.add(id);
  const current = await batch.tx.organization.findUnique({
    where: { id },
    include: { objectPermission: true, members: true },
  });
  const wanted = members.filter(({ userId }) => batch.known.users.has(userId));
  const before = new Map((current?.members ?? []).map(({ userId, role }) => [userId, role]));
  const item = await settle(batch, {
    kind: 'organization',
    change: 'organization',
    id,
    label: organization.alias,
    columns,
    current,
    permissionId: organization.permissionId,
    moreChanges: wanted.some(({ userId, role }) => before.get(userId) !== role) ? ['members'] : [],
    write: (data) =>
      current === null
        ? batch.tx.organization.create({
            data: { id, ...stamps(organization), ...data } as Prisma.OrganizationUncheckedCreateInput,
          })
        : batch.tx.organization.update({ where: { id }, data: data }),
  });
  if (batch.unit !== undefined) {
    for (const { userId, role } of wanted) {
      if (before.get(userId) === role) continue;
      await batch.tx.organizationMember.upsert({
        where: { organizationId_userId: { organizationId: id, userId } },
        create: { organizationId: id, userId, role },
        update: { role },
      });
      batch.unit.changed('user', userId);
    }
  }
  return withWarnings(item, missing('member', members.length - wanted.length));
}

export async function importTeam(batch: ImportBatch, team: MappedTeam): Promise<ImportItem> {
  const { id } = team;
  const warnings: string[] = [];
  const organizationKnown = team.organizationId === null || batch.known.organizations.has(team.organizationId);
  if (!organizationKnown) {
    return {
      kind: 'team',
      label: team.alias ?? id,
      action: 'skip',
      reason: `its organization ${team.organizationId} is not there`,
    };
  }
  const columns = {
    alias: team.alias,
    organizationId: team.organizationId,
    blocked: team.blocked,
    models: team.models,
    memberPermissions: team.memberPermissions,
    accessGroupIds: team.accessGroupIds,
    metadata: team.metadata,
    settings: team.settings,
    maxBudget: team.maxBudget,
    spend: team.spend,
  };
  const current = await batch.tx.team.findUnique({ where: { id }, include: { objectPermission: true, members: true } });
  if (current?.deletedAt !== undefined && current.deletedAt !== null) {
    return { kind: 'team', label: team.alias ?? id, action: 'skip', reason: 'it was deleted here' };
  }
  batch.known.teams.add(id);
  const wanted = team.members.filter(({ userId }) => batch.known.users.has(userId));
  const before = new Map((current?.members ?? []).map(({ userId, role }) => [userId, role]));
  const item = await settle(batch, {
    kind: 'team',
    change: 'team',
    id,
    label: team.alias ?? id,
    columns,
    current,
    permissionId: team.permissionId,
    moreChanges: wanted.some(({ userId, role }) => before.get(userId) !== role) ? ['members'] : [],
    write: (data) =>
      current === null
        ? batch.tx.team.create({ data: { id, ...stamps(team), ...data } })
        : batch.tx.team.update({ where: { id }, data: data }),
  });
  if (batch.unit !== undefined) {
    for (const { userId, role } of wanted) {
      if (before.get(userId) === role) continue;
      await batch.tx.teamMember.upsert({
        where: { teamId_userId: { teamId: id, userId } },
        create: { teamId: id, userId, role },
        update: { role },
      });
    }
  }
  return withWarnings(item, [...warnings, ...missing('member', team.members.length - wanted.length)]);
}

export async function importEndUser(batch: ImportBatch, endUser: MappedEndUser): Promise<ImportItem> {
  const { id } = endUser;
  const columns = {
    alias: endUser.alias,
    blocked: endUser.blocked,
    settings: endUser.settings,
    maxBudget: endUser.maxBudget,
    spend: endUser.spend,
  };
  const current = await batch.tx.endUser.findUnique({ where: { id }, include: { objectPermission: true } });
  return settle(batch, {
    kind: 'customer',
    change: 'end_user',
    id,
    label: endUser.alias ?? id,
    columns,
    current,
    permissionId: endUser.permissionId,
    write: (data) =>
      current === null
        ? batch.tx.endUser.create({ data: { id, ...data } })
        : batch.tx.endUser.update({ where: { id }, data: data }),
  });
}

/** A team of the incumbent's own web page: its keys are sessions of that page. */
const DASHBOARD_TEAM = 'litellm-dashboard';

export async function importKey(batch: ImportBatch, key: MappedKey): Promise<ImportItem> {
  const label = `${key.keyName}${key.alias === null ? '' : ` (${key.alias})`}`;
  const skip = (reason: string): ImportItem => ({ kind: 'key', label, action: 'skip', reason });
  if (!/^[0-9a-f]{64}$/.test(key.tokenHash)) return skip('its token is not a SHA-256');
  if (key.teamId === DASHBOARD_TEAM) return skip('it is a session of the web page');
  if (key.teamId !== null && !batch.known.teams.has(key.teamId)) return skip(`its team ${key.teamId} is not there`);
  if (key.organizationId !== null && !batch.known.organizations.has(key.organizationId)) {
    return skip(`its organization ${key.organizationId} is not there`);
  }
  if (key.userId !== null && !batch.known.users.has(key.userId)) {
    if (batch.unit !== undefined) await batch.tx.userAccount.create({ data: { id: key.userId } });
    batch.known.users.add(key.userId);
  }
  const columns = {
    keyName: key.keyName,
    alias: key.alias,
    userId: key.userId,
    teamId: key.teamId,
    organizationId: key.organizationId,
    expiresAt: key.expiresAt,
    blocked: key.blocked,
    keyType: key.keyType,
    allowedRoutes: key.allowedRoutes,
    accessGroupIds: key.accessGroupIds,
    models: key.models,
    metadata: key.metadata,
    settings: key.settings,
    maxBudget: key.maxBudget,
    spend: key.spend,
    rotationCount: key.rotationCount,
    lastRotatedAt: key.lastRotatedAt,
  };
  const { tokenHash } = key;
  const current = await batch.tx.virtualKey.findUnique({ where: { tokenHash }, include: { objectPermission: true } });
  if (current?.deletedAt !== undefined && current.deletedAt !== null) return skip('it was deleted here');
  return settle(batch, {
    kind: 'key',
    change: 'key',
    id: current?.id,
    label,
    columns,
    current,
    permissionId: key.permissionId,
    write: (data) =>
      current === null
        ? batch.tx.virtualKey.create({
            data: { tokenHash, ...stamps(key), ...data } as Prisma.VirtualKeyUncheckedCreateInput,
          })
        : batch.tx.virtualKey.update({ where: { tokenHash }, data: data }),
  });
}

export async function importToolset(batch: ImportBatch, toolset: MappedToolset): Promise<ImportItem> {
  const { id, name, description } = toolset;
  const current = await batch.tx.toolset.findUnique({
    where: { id },
    include: { tools: { orderBy: { position: 'asc' } } },
  });
  const taken = await batch.tx.toolset.findUnique({ where: { name } });
  if (taken !== null && taken.id !== id) {
    return { kind: 'toolset', label: name, action: 'skip', reason: 'another toolset here has its name' };
  }
  const tools = toolset.tools.map((tool, position) => ({ ...tool, position }));
  const before = current?.tools.map(({ serverId, toolName, position }) => ({ serverId, toolName, position })) ?? [];
  const changes = [
    ...differing({ name, description }, current),
    ...(current !== null && !isDeepStrictEqual(before, tools) ? ['tools'] : []),
  ];
  const item = settled('toolset', name, current === null, changes);
  if (batch.unit === undefined || item.action === 'unchanged') return item;
  await batch.tx.toolset.upsert({
    where: { id },
    create: { id, name, description, createdBy: toolset.createdBy },
    update: { name, description, revision: { increment: 1 } },
  });
  await batch.tx.toolsetTool.deleteMany({ where: { toolsetId: id } });
  await batch.tx.toolsetTool.createMany({
    data: tools.map((tool) => ({ toolsetId: id, ...tool })),
    skipDuplicates: true,
  });
  tell(batch.unit, item, 'registry', id, { name, tools: toolset.tools });
  return item;
}

export async function importAccessGroup(batch: ImportBatch, group: MappedAccessGroup): Promise<ImportItem> {
  const { id, name, description, other } = group;
  const current = await batch.tx.accessGroup.findUnique({ where: { id }, include: { servers: true } });
  const taken = await batch.tx.accessGroup.findUnique({ where: { name } });
  if (taken !== null && taken.id !== id) {
    return { kind: 'access_group', label: name, action: 'skip', reason: 'another group here has its name' };
  }
  const before = new Set(current?.servers.map(({ serverId }) => serverId));
  const changes = [
    ...differing({ name, description, other }, current),
    ...(current !== null && !isDeepStrictEqual(before, new Set(group.serverIds)) ? ['servers'] : []),
  ];
  const item = settled('access_group', name, current === null, changes);
  if (batch.unit === undefined || item.action === 'unchanged') return item;
  const data = { name, description, other: other as Prisma.InputJsonObject };
  await batch.tx.accessGroup.upsert({
    where: { id },
    create: { id, createdBy: group.createdBy, ...data },
    update: data,
  });
  await batch.tx.accessGroupServer.deleteMany({ where: { groupId: id } });
  await batch.tx.accessGroupServer.createMany({ data: group.serverIds.map((serverId) => ({ groupId: id, serverId })) });
  tell(batch.unit, item, 'registry', id, { name, servers: group.serverIds });
  return item;
}

/** The list of public servers, when the incumbent keeps one (`LiteLLM_Config`, `litellm_settings`). */
export async function importSettings(batch: ImportBatch, row: IncumbentRow): Promise<ImportItem | undefined> {
  if (row['param_name'] !== 'litellm_settings') return undefined;
  const ids = textsOf(objectOf(row, 'param_value'), 'public_mcp_servers');
  if (ids.length === 0) return undefined;
  const where = { key: PUBLIC_SERVERS_SETTING };
  const current = await batch.tx.gatewaySetting.findUnique({ where });
  const isSame = current !== null && isDeepStrictEqual(readPublicList(current.value), ids);
  const item = settled('setting', PUBLIC_SERVERS_SETTING, current === null, isSame ? [] : ['servers']);
  if (batch.unit === undefined || item.action === 'unchanged') return item;
  const value = JSON.stringify(ids);
  await batch.tx.gatewaySetting.upsert({ where, create: { ...where, value }, update: { value } });
  tell(batch.unit, item, 'setting', PUBLIC_SERVERS_SETTING, { servers: ids });
  return item;
}

/** A row with a permission behind it: the same steps for all who can have one. */
interface OwnerRow {
  readonly kind: ImportedKind;
  readonly change: ChangeKind;
  /** Of our row; undefined when the database will choose it. */
  readonly id: string | undefined;
  readonly label: string;
  readonly columns: Columns;
  readonly current:
    (Columns & { readonly objectPermissionId: string | null; readonly objectPermission: Columns | null }) | null;
  readonly permissionId: string | undefined;
  readonly moreChanges?: readonly string[];
  readonly write: (data: Columns) => Promise<{ readonly id: string }>;
}

async function settle(batch: ImportBatch, row: OwnerRow): Promise<ImportItem> {
  const permission = row.permissionId === undefined ? undefined : batch.permissions.get(row.permissionId);
  const currentPermission = row.current?.objectPermission ?? null;
  const permissionDiffers =
    permission !== undefined && differing({ ...permission }, currentPermission, true).length > 0;
  const changes = [
    ...differing(row.columns, row.current),
    ...(row.moreChanges ?? []),
    ...(row.current !== null && permissionDiffers ? ['object_permission'] : []),
  ];
  const idle = permission === undefined ? [] : idleToolEntries(permission);
  const warnings =
    idle.length === 0
      ? []
      : [`mcp_tool_permissions for ${idle.join(', ')} grant nothing, because mcp_servers does not name them`];
  const item = withWarnings(settled(row.kind, row.label, row.current === null, changes), warnings);
  if (batch.unit === undefined || item.action === 'unchanged') return item;
  const objectPermissionId =
    permission !== undefined && permissionDiffers
      ? await writePermission(batch.tx, row.current?.objectPermissionId ?? undefined, permission)
      : (row.current?.objectPermissionId ?? null);
  const { id } = await row.write({ ...row.columns, objectPermissionId });
  tell(batch.unit, item, row.change, id, {
    ...row.columns,
    ...(permission === undefined ? {} : { object_permission: permission }),
  });
  return item;
}

async function writePermission(tx: Tx, id: string | undefined, permission: MappedPermission): Promise<string> {
  const json = (value: unknown): Prisma.InputJsonValue | typeof Prisma.DbNull =>
    value === null ? Prisma.DbNull : (value as Prisma.InputJsonValue);
  const data = {
    mcpServers: json(permission.mcpServers),
    mcpAccessGroups: json(permission.mcpAccessGroups),
    mcpToolsets: json(permission.mcpToolsets),
    mcpToolPermissions: json(permission.mcpToolPermissions),
    other: permission.other as Prisma.InputJsonObject,
  };
  if (id === undefined) return (await tx.objectPermission.create({ data })).id;
  await tx.objectPermission.update({ where: { id }, data });
  return id;
}

/** Names of the columns that are not yet as they should be. A row that is not there has none that differ, unless asked. */
function differing(wanted: Columns, current: Columns | null, absentDiffers = false): readonly string[] {
  if (current === null) return absentDiffers ? Object.keys(wanted) : [];
  return Object.keys(wanted).filter((column) => !isDeepStrictEqual(plain(wanted[column]), plain(current[column])));
}

/** As JSON would have it, so that a Date and its text, or two orders of keys, do not count as different. */
function plain(value: unknown): unknown {
  return value === undefined ? null : (JSON.parse(JSON.stringify(value)) as unknown);
}

function settled(kind: ImportedKind, label: string, isNew: boolean, changes: readonly string[]): ImportItem {
  if (isNew) return { kind, label, action: 'create' };
  return changes.length === 0 ? { kind, label, action: 'unchanged' } : { kind, label, action: 'update', changes };
}

function withWarnings(item: ImportItem, warnings: readonly string[]): ImportItem {
  return warnings.length === 0 ? item : { ...item, warnings: [...(item.warnings ?? []), ...warnings] };
}

function missing(what: string, count: number): readonly string[] {
  return count === 0 ? [] : [`${count} ${what}${count === 1 ? '' : 's'} without a user row left out`];
}

function tell(unit: ControlUnit, item: ImportItem, change: ChangeKind, id: string, after: object): void {
  unit.changed(change, id);
  unit.audit({
    action: item.action === 'create' ? 'created' : 'updated',
    objectKind: item.kind,
    objectId: id,
    after: plain(after) as object,
  });
}

function stamps({ createdAt, createdBy }: { readonly createdAt?: Date; readonly createdBy?: string }): Columns {
  return {
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(createdBy === undefined ? {} : { createdBy }),
  };
}
