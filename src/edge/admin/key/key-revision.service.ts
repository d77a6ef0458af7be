import { Injectable } from '@nestjs/common';
import { ObjectPermissionWriter } from '../permission/object-permission.writer.js';
import { isRecord } from '../../../core/definition/field-checks.js';
import type { Secret } from '../../../core/model/secret.js';
import { hashKey } from '../../../platform/crypto/hash-key.js';
import type { ControlUnit } from '../../../platform/database/control-writer.js';
import type { Prisma } from '../../../platform/database/generated/client.js';
import { holdsAlready, refusalToWrite, type KeyCaller, type KeyRoute } from './key-access.js';
import { keyChanges, type KeyBody, type KeyChanges } from './key-changes.js';
import { KeyOwnersService } from './key-owners.service.js';
import type { KeyOwners, KeyRecord } from './key-record.js';
import { bodyRefusal, refused } from './key-rules.js';
import { KEY_PARTS } from './key.store.js';

/** What a write does to a key's row. */
export type KeyRowChange = Prisma.VirtualKeyUncheckedUpdateInput;

const GRANT_FIELDS: ReadonlySet<string> = new Set([
  'mcp_servers',
  'mcp_access_groups',
  'mcp_toolsets',
  'mcp_tool_permissions',
]);

/** What making, changing and regenerating keys have in common. Everything here runs inside a write. */
@Injectable()
export class KeyRevisionService {
  constructor(
    private readonly owners: KeyOwnersService,
    private readonly permissions: ObjectPermissionWriter,
  ) {}

  /** Writes the row of a new key. */
  async create(
    unit: ControlUnit,
    caller: KeyCaller,
    body: KeyBody,
    wanted: KeyOwners & { readonly plain: Secret },
    route: KeyRoute,
  ): Promise<KeyRecord> {
    const { tx } = unit;
    const { principal } = caller;
    const { plain, userId, teamId, organizationId } = wanted;
    const owners = { userId, teamId, organizationId };
    refuse(bodyRefusal(body, principal));
    await this.owners.settle(unit, caller, owners, route);
    const tokenHash = await freshHash(unit, plain);
    const changes = keyChanges(body, { settings: {} }, new Date());
    await checkChanges(unit, changes, undefined);
    const objectPermissionId = await this.permissions.apply(unit, {
      actor: principal,
      currentId: null,
      given: body.written['object_permission'],
      ceiling: { teamId, organizationId },
      creating: true,
    });
    const createdBy = principal.userId ?? principal.id;
    return tx.virtualKey.create({
      data: {
        ...columnsOf(changes),
        ...owners,
        objectPermissionId,
        tokenHash,
        keyName: keyName(plain),
        createdBy,
        updatedBy: createdBy,
      },
      include: KEY_PARTS,
    });
  }

  /** Judges a change and answers what to write; the caller may write to the key already. */
  async revise(
    unit: ControlUnit,
    caller: KeyCaller,
    key: KeyRecord,
    body: KeyBody,
    route: KeyRoute,
  ): Promise<KeyRowChange> {
    const { principal } = caller;
    refuse(bodyRefusal(body, principal));
    const changes = keyChanges(body, { settings: key.settings as Record<string, unknown> }, new Date());
    if (key.blocked && changes.columns.blocked === false) refuse(refusalToWrite(caller, key, '/key/unblock'));
    await checkChanges(unit, changes, key.id);
    const owners = nextOwners(key, body);
    const moves =
      owners.userId !== key.userId || owners.teamId !== key.teamId || owners.organizationId !== key.organizationId;
    if (moves) await this.owners.settle(unit, caller, owners, owners.teamId === key.teamId ? route : '/key/generate');
    // Who moves a key out of a ceiling, or gets its secret, grants anew what it grants already.
    const regrants = moves || (route === '/key/regenerate' && !holdsAlready(caller, key));
    if (regrants && principal.role !== 'proxy_admin') await this.#checkGrantAnew(unit, caller, key, owners, body);
    const objectPermissionId = await this.permissions.apply(unit, {
      actor: principal,
      currentId: key.objectPermissionId,
      given: body.written['object_permission'],
      ceiling: owners,
    });
    return {
      ...columnsOf(changes),
      ...owners,
      objectPermissionId,
      updatedBy: principal.userId ?? principal.id,
    };
  }

  /** As if the key were made now: what it was granted before does not count as held. */
  async #checkGrantAnew(
    unit: ControlUnit,
    { principal }: KeyCaller,
    key: KeyRecord,
    owners: KeyOwners,
    { written }: KeyBody,
  ): Promise<void> {
    const given = written['object_permission'];
    const merged = { ...grantsOf(this.permissions.present(key.objectPermission)), ...(isRecord(given) ? given : {}) };
    const scratch = await this.permissions.apply(unit, {
      actor: principal,
      currentId: null,
      given: Object.keys(merged).length === 0 ? undefined : merged,
      ceiling: owners,
      creating: true,
    });
    if (scratch !== null) await unit.tx.objectPermission.delete({ where: { id: scratch } });
  }
}

/** `sk-...` and the last four characters. */
export function keyName(plain: Secret): string {
  return `sk-...${plain.reveal().slice(-4)}`;
}

/** The hash of a key nobody has or had: a deleted or retired key does not come back to life. */
export async function freshHash({ tx }: ControlUnit, plain: Secret): Promise<string> {
  const tokenHash = hashKey(plain.reveal());
  const known =
    (await tx.virtualKey.findUnique({ where: { tokenHash }, select: { id: true } })) ??
    (await tx.retiredKey.findUnique({ where: { tokenHash }, select: { keyId: true } }));
  if (known !== null) throw refused('key', 'This key exists, or existed: choose another');
  return tokenHash;
}

function nextOwners(key: KeyOwners, { definition, written }: KeyBody): KeyOwners {
  return {
    userId: Object.hasOwn(written, 'user_id') ? (definition.user_id ?? null) : key.userId,
    teamId: Object.hasOwn(written, 'team_id') ? (definition.team_id ?? null) : key.teamId,
    organizationId: Object.hasOwn(written, 'organization_id')
      ? (definition.organization_id ?? null)
      : key.organizationId,
  };
}

/** The members of a shown permission that say something of servers. */
function grantsOf(shown: object | null): Record<string, unknown> {
  const entries = Object.entries(shown ?? {}) as [string, unknown][];
  return Object.fromEntries(entries.filter(([name, value]) => GRANT_FIELDS.has(name) && value !== null));
}

async function checkChanges({ tx }: ControlUnit, { columns }: KeyChanges, keyId: string | undefined): Promise<void> {
  const { alias, accessGroupIds } = columns;
  if (alias !== undefined && alias !== null) {
    const other = await tx.virtualKey.findFirst({
      where: { alias, deletedAt: null, ...(keyId === undefined ? {} : { id: { not: keyId } }) },
      select: { id: true },
    });
    if (other !== null) {
      throw refused(
        'key_alias',
        `Key with alias '${alias}' already exists. Unique key aliases across all keys are required.`,
      );
    }
  }
  if (accessGroupIds !== undefined && accessGroupIds.length > 0) {
    const found = await tx.accessGroup.findMany({ where: { id: { in: [...accessGroupIds] } }, select: { id: true } });
    const unknown = accessGroupIds.filter((id) => !found.some((group) => group.id === id));
    if (unknown.length > 0) throw refused('access_group_ids', `Access groups not found: ${unknown.join(', ')}`);
  }
}

function columnsOf({ columns, settings }: KeyChanges) {
  const { models, allowedRoutes, accessGroupIds, metadata, ...scalars } = columns;
  return {
    ...scalars,
    ...(models === undefined ? {} : { models: [...models] }),
    ...(allowedRoutes === undefined ? {} : { allowedRoutes: [...allowedRoutes] }),
    ...(accessGroupIds === undefined ? {} : { accessGroupIds: [...accessGroupIds] }),
    ...(metadata === undefined ? {} : { metadata: metadata as Prisma.InputJsonObject }),
    settings: settings as Prisma.InputJsonObject,
  } satisfies Partial<Prisma.VirtualKeyUncheckedUpdateInput>;
}

function refuse(refusal: Error | undefined): void {
  if (refusal !== undefined) throw refusal;
}
