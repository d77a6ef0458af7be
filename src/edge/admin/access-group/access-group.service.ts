import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { AccessGroupDefinition } from '../../../core/definition/access-group.definition.js';
import { isRecord } from '../../../core/definition/field-checks.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import { ControlWriter, type ControlUnit } from '../../../platform/database/control-writer.js';
import type { Prisma } from '../../../platform/database/generated/client.js';
import { PrismaService } from '../../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../../platform/database/translate-prisma-error.js';
import { RegistryService } from '../../../state/registry/registry.service.js';
import { requireField } from '../auth/require-field.js';
import { refuseTakenName } from '../permission/refuse-taken-name.store.js';
import { renameAccessGroup, strikeAccessGroup } from '../permission/strike-grants.store.js';
import { writerName } from '../server/server-access.js';
import { presentAccessGroup, type AccessGroupRow, type PresentedAccessGroup } from './access-group.presenter.js';
import { assignKeys, assignTeams, readAssignments, releaseAll } from './group-assignments.store.js';

/** Members of a body that have columns of their own, or are told by others' rows. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  'access_group_id',
  'access_group_name',
  'description',
  'access_mcp_server_ids',
  'assigned_team_ids',
  'assigned_key_ids',
  'created_at',
  'created_by',
  'updated_at',
  'updated_by',
]);

const WITH_SERVERS = { servers: true } as const;
const NOBODY = { teamIds: [], keyHashes: [] } as const;

/** Unified access groups (reference §3.2): named sets of servers, for grants and for `access_group_ids` of teams and keys. */
@Injectable()
export class AccessGroupService {
  constructor(
    private readonly writer: ControlWriter,
    private readonly prisma: PrismaService,
    private readonly registry: RegistryService,
  ) {}

  /** In order of name. */
  async list(): Promise<readonly PresentedAccessGroup[]> {
    return this.#read(async () => {
      const rows = await this.prisma.accessGroup.findMany({ orderBy: { name: 'asc' }, include: WITH_SERVERS });
      const assignments = await readAssignments(
        this.prisma,
        rows.map(({ id }) => id),
      );
      return rows.map((row) => presentAccessGroup(row, assignments.get(row.id) ?? NOBODY));
    });
  }

  /** By id or name. */
  async get(handle: string): Promise<PresentedAccessGroup> {
    return this.#read(async () => {
      const row = await find(this.prisma, handle);
      return presentAccessGroup(row, (await readAssignments(this.prisma, [row.id])).get(row.id) ?? NOBODY);
    });
  }

  async create(actor: Principal, body: AccessGroupDefinition, raw: unknown): Promise<PresentedAccessGroup> {
    const name = requireField(body.access_group_name, 'access_group_name');
    return this.writer.write(actor, async (unit) => {
      await refuseTakenName(unit, this.registry.current, { kind: 'access_group', name });
      const id = randomUUID();
      const servers = await this.#servers(unit, body.access_mcp_server_ids ?? []);
      await unit.tx.accessGroup.create({
        data: {
          id,
          name,
          description: body.description ?? null,
          servers: { create: servers.map((serverId) => ({ serverId })) },
          other: otherFields({}, raw),
          createdBy: writerName(actor),
          updatedBy: writerName(actor),
        },
      });
      await this.#assign(unit, id, body);
      return await this.#told(unit, 'created', undefined, id);
    });
  }

  /** Changes what the body names and nothing else; null clears. */
  async update(
    actor: Principal,
    handle: string,
    body: AccessGroupDefinition,
    raw: unknown,
  ): Promise<PresentedAccessGroup> {
    return this.writer.write(actor, async (unit) => {
      const { tx } = unit;
      const row = await find(tx, handle);
      const { id } = row;
      const before = presentAccessGroup(row, (await readAssignments(tx, [id])).get(id) ?? NOBODY);
      const name = body.access_group_name ?? row.name;
      if (name !== row.name) {
        await refuseTakenName(unit, this.registry.current, { kind: 'access_group', id, name });
        await renameAccessGroup(unit, row.name, name, this.#isTag(row.name));
      }
      if (body.access_mcp_server_ids !== undefined) {
        const servers = await this.#servers(unit, body.access_mcp_server_ids);
        await tx.accessGroupServer.deleteMany({ where: { groupId: id } });
        await tx.accessGroupServer.createMany({ data: servers.map((serverId) => ({ groupId: id, serverId })) });
      }
      await tx.accessGroup.update({
        where: { id },
        data: {
          name,
          ...(isRecord(raw) && raw['description'] === null ? { description: null } : {}),
          ...(body.description === undefined ? {} : { description: body.description }),
          other: otherFields(row.other, raw),
          updatedBy: writerName(actor),
        },
      });
      await this.#assign(unit, id, body);
      return await this.#told(unit, 'updated', before, id);
    });
  }

  /** Takes it out of grants and off its teams and keys too. A name that servers carry as a tag stays granted. */
  async delete(actor: Principal, handle: string): Promise<void> {
    await this.writer.write(actor, async (unit) => {
      const row = await find(unit.tx, handle);
      const { id, name } = row;
      const shown = presentAccessGroup(row, (await readAssignments(unit.tx, [id])).get(id) ?? NOBODY);
      const grants = this.#isTag(name) ? 0 : await strikeAccessGroup(unit, name);
      const released = await releaseAll(unit, id);
      await unit.tx.accessGroup.delete({ where: { id } });
      unit.changed('registry', id);
      unit.audit({
        action: 'deleted',
        objectKind: 'access_group',
        objectId: id,
        before: { ...shown, grants_changed: grants + released },
      });
    });
  }

  #isTag(name: string): boolean {
    return this.registry.current.servers.some(({ accessGroups }) => accessGroups.includes(name));
  }

  async #assign(unit: ControlUnit, groupId: string, body: AccessGroupDefinition): Promise<void> {
    if (body.assigned_team_ids !== undefined) await assignTeams(unit, groupId, body.assigned_team_ids);
    if (body.assigned_key_ids !== undefined) await assignKeys(unit, groupId, body.assigned_key_ids);
  }

  async #told(
    unit: ControlUnit,
    action: string,
    before: PresentedAccessGroup | undefined,
    id: string,
  ): Promise<PresentedAccessGroup> {
    const after = presentAccessGroup(await find(unit.tx, id), (await readAssignments(unit.tx, [id])).get(id) ?? NOBODY);
    unit.changed('registry', id);
    unit.audit({ action, objectKind: 'access_group', objectId: id, before, after });
    return after;
  }

  /** As they are stored: by id. Throws `set/refused` naming servers nobody has. */
  async #servers({ tx }: ControlUnit, handles: readonly string[]): Promise<readonly string[]> {
    const { byHandle } = this.registry.current;
    const known = handles.map((handle) => ({ handle, id: byHandle.get(handle.toLowerCase())?.id }));
    const unknown = known.filter(({ id }) => id === undefined).map(({ handle }) => handle);
    // One that is stored, but not served, is a server too.
    const stored = await tx.mcpServer.findMany({ where: { id: { in: unknown } }, select: { id: true } });
    const missing = unknown.filter((handle) => !stored.some(({ id }) => id === handle));
    if (missing.length > 0) {
      throw new GatewayError('set/refused', { detail: `MCP servers not found: ${missing.join(', ')}` });
    }
    return [...new Set(known.map(({ handle, id }) => id ?? handle))];
  }

  async #read<T>(query: () => Promise<T>): Promise<T> {
    try {
      return await query();
    } catch (error) {
      throw translatePrismaError(error);
    }
  }
}

async function find(reader: Pick<Prisma.TransactionClient, 'accessGroup'>, handle: string): Promise<AccessGroupRow> {
  const row =
    (await reader.accessGroup.findUnique({ where: { id: handle }, include: WITH_SERVERS })) ??
    (await reader.accessGroup.findUnique({ where: { name: handle }, include: WITH_SERVERS }));
  if (row === null) throw new GatewayError('set/not_found', { detail: `Access group '${handle}' not found` });
  return row;
}

/** What the body says beside the group's own fields, merged member by member; null removes. */
function otherFields(before: unknown, raw: unknown): Prisma.InputJsonObject {
  const merged = new Map(Object.entries(isRecord(before) ? before : {}));
  for (const [name, value] of Object.entries(isRecord(raw) ? raw : {})) {
    if (OWN_FIELDS.has(name)) continue;
    if (value === null) merged.delete(name);
    else merged.set(name, value);
  }
  return Object.fromEntries(merged) as Prisma.InputJsonObject;
}
