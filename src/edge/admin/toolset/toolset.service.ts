import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { resolveView, type CallerPlace } from '../../../core/access/resolve-view.js';
import { isRecord } from '../../../core/definition/field-checks.js';
import type { ToolsetDefinition, ToolsetToolDefinition } from '../../../core/definition/toolset.definition.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import { ALL_SERVERS } from '../../../core/model/permission.js';
import type { Principal } from '../../../core/model/principal.js';
import type { RegistrySettings } from '../../../platform/config/settings.js';
import { REGISTRY_SETTINGS } from '../../../platform/config/tokens.js';
import { ControlWriter, type ControlUnit } from '../../../platform/database/control-writer.js';
import { PrismaService } from '../../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../../platform/database/translate-prisma-error.js';
import { RegistryService } from '../../../state/registry/registry.service.js';
import { requireField } from '../auth/require-field.js';
import { refuseTakenName } from '../permission/refuse-taken-name.store.js';
import { withoutPrefix } from '../permission/resolve-grants.js';
import { strikeToolsets } from '../permission/strike-grants.store.js';
import { demandStorage, readsAll, writerName } from '../server/server-access.js';
import { presentToolset, type PresentedToolset, type ToolsetRow } from './toolset.presenter.js';

/** A tool of a toolset as it is stored. */
interface ToolsetPair {
  readonly serverId: string;
  readonly toolName: string;
}

const WITH_TOOLS = { tools: { orderBy: { position: 'asc' } } } as const;

/** Toolsets (reference §3.4). Proxy admins write them; whoever is granted one reads of it what they may call. */
@Injectable()
export class ToolsetService {
  constructor(
    private readonly writer: ControlWriter,
    private readonly prisma: PrismaService,
    private readonly registry: RegistryService,
    @Inject(REGISTRY_SETTINGS) private readonly settings: RegistrySettings,
  ) {}

  /** In order of name. */
  async list(caller: Principal, place: CallerPlace): Promise<readonly PresentedToolset[]> {
    const rows = await this.#read(() =>
      this.prisma.toolset.findMany({ orderBy: [{ name: 'asc' }, { id: 'asc' }], include: WITH_TOOLS }),
    );
    return rows.flatMap((row) => this.#shown(caller, place, row) ?? []);
  }

  /** By id or name. One that is not the caller's reads like one that is not there. */
  async get(caller: Principal, place: CallerPlace, handle: string): Promise<PresentedToolset> {
    const rows = await this.#read(() => this.prisma.toolset.findMany({ where: byHandle(handle), include: WITH_TOOLS }));
    const row = named(rows, handle);
    const shown = row && this.#shown(caller, place, row);
    if (shown === undefined) throw notFound(handle);
    return shown;
  }

  async create(actor: Principal, body: ToolsetDefinition): Promise<PresentedToolset> {
    demandStorage(this.settings.storageOff);
    const name = requireField(body.toolset_name, 'toolset_name');
    return this.writer.write(actor, async (unit) => {
      await refuseTakenName(unit, this.registry.current, { kind: 'toolset', name });
      const id = randomUUID();
      const pairs = await this.#pairs(unit, body.tools ?? []);
      const row = await unit.tx.toolset.create({
        data: {
          id,
          name,
          description: body.description ?? null,
          tools: { create: pairs.map((pair, position) => ({ ...pair, position })) },
          createdBy: writerName(actor),
          updatedBy: writerName(actor),
        },
        include: WITH_TOOLS,
      });
      return this.#told(unit, 'created', undefined, row);
    });
  }

  /** Changes what the body names and nothing else; null clears the description. */
  async update(actor: Principal, body: ToolsetDefinition, raw: unknown): Promise<PresentedToolset> {
    demandStorage(this.settings.storageOff);
    const handle = requireField(body.toolset_id, 'toolset_id');
    const clearsDescription = isRecord(raw) && raw['description'] === null;
    return this.writer.write(actor, async (unit) => {
      const before = await findToolset(unit, handle);
      const { id } = before;
      const name = body.toolset_name ?? before.name;
      if (name !== before.name) await refuseTakenName(unit, this.registry.current, { kind: 'toolset', id, name });
      if (body.tools !== undefined) {
        const pairs = await this.#pairs(unit, body.tools);
        await unit.tx.toolsetTool.deleteMany({ where: { toolsetId: id } });
        await unit.tx.toolsetTool.createMany({
          data: pairs.map((pair, position) => ({ ...pair, position, toolsetId: id })),
        });
      }
      const row = await unit.tx.toolset.update({
        where: { id },
        data: {
          name,
          ...(clearsDescription ? { description: null } : {}),
          ...(body.description === undefined ? {} : { description: body.description }),
          revision: { increment: 1 },
          updatedBy: writerName(actor),
        },
        include: WITH_TOOLS,
      });
      return this.#told(unit, 'updated', before, row);
    });
  }

  /** Takes it out of every grant too (contract §10). */
  async delete(actor: Principal, handle: string): Promise<PresentedToolset> {
    demandStorage(this.settings.storageOff);
    return this.writer.write(actor, async (unit) => {
      const row = await findToolset(unit, handle);
      await unit.tx.toolset.delete({ where: { id: row.id } });
      const grants = await strikeToolsets(unit, [...new Set([row.id, row.name, row.name.toLowerCase()])]);
      unit.changed('registry', row.id);
      const before = { ...presentToolset(row), grants_changed: grants };
      unit.audit({ action: 'deleted', objectKind: 'toolset', objectId: row.id, before });
      return presentToolset(row);
    });
  }

  #told(unit: ControlUnit, action: string, before: ToolsetRow | undefined, after: ToolsetRow): PresentedToolset {
    unit.changed('registry', after.id);
    unit.audit({
      action,
      objectKind: 'toolset',
      objectId: after.id,
      before: before && presentToolset(before),
      after: presentToolset(after),
    });
    return presentToolset(after);
  }

  /** Entries as they are stored; throws `set/refused` naming servers nobody has. */
  async #pairs({ tx }: ControlUnit, tools: readonly ToolsetToolDefinition[]): Promise<readonly ToolsetPair[]> {
    const { byHandle: servers, separator } = this.registry.current;
    const pairs = new Map<string, ToolsetPair>();
    const unknown = new Set<string>();
    for (const { server_id: handle, tool_name: tool } of tools) {
      const server = servers.get(handle.toLowerCase());
      if (server === undefined) unknown.add(handle);
      const serverId = server?.id ?? handle;
      const toolName = withoutPrefix(tool, new Set([server?.prefix ?? handle, server?.name ?? handle]), separator);
      pairs.set(JSON.stringify([serverId, toolName]), { serverId, toolName });
    }
    if (unknown.size > 0) {
      // One that is stored, but set aside, is a server too.
      const stored = await tx.mcpServer.findMany({ where: { id: { in: [...unknown] } }, select: { id: true } });
      for (const { id } of stored) unknown.delete(id);
    }
    if (unknown.size > 0) {
      throw new GatewayError('set/refused', { detail: `MCP servers not found: ${[...unknown].join(', ')}` });
    }
    return [...pairs.values()];
  }

  /** Undefined: the caller does not hold it, or nothing of it is theirs to call. */
  #shown(caller: Principal, place: CallerPlace, row: ToolsetRow): PresentedToolset | undefined {
    if (readsAll(caller)) return presentToolset(row);
    const words = new Set([row.id, row.name.toLowerCase()]);
    const isGranted = caller.grants.levels.some(
      ({ level, permission: { servers, toolsets } }) =>
        level !== 'end_user' &&
        (servers?.includes(ALL_SERVERS) === true ||
          toolsets?.some((word) => words.has(word) || words.has(word.toLowerCase())) === true),
    );
    if (!isGranted) return undefined;
    const decision = resolveView(this.registry.current, caller, { kind: 'toolset', name: row.id }, place);
    if (decision.kind === 'unknown') return undefined;
    const { byServerId } = decision.view;
    return presentToolset(row, (serverId, tool) => byServerId.get(serverId)?.allowsTool(tool) === true);
  }

  async #read<T>(query: () => Promise<T>): Promise<T> {
    try {
      return await query();
    } catch (error) {
      throw translatePrismaError(error);
    }
  }
}

async function findToolset({ tx }: ControlUnit, handle: string): Promise<ToolsetRow> {
  const row = named(await tx.toolset.findMany({ where: byHandle(handle), include: WITH_TOOLS }), handle);
  if (row === undefined) throw notFound(handle);
  return row;
}

/** The database takes `_` in a name for any character: the one that is really meant. */
function named(rows: readonly ToolsetRow[], handle: string): ToolsetRow | undefined {
  return rows.find(({ id }) => id === handle) ?? rows.find(({ name }) => name.toLowerCase() === handle.toLowerCase());
}

function byHandle(handle: string) {
  return { OR: [{ id: handle }, { name: { equals: handle, mode: 'insensitive' as const } }] };
}

function notFound(handle: string): GatewayError {
  return new GatewayError('set/not_found', { detail: `Toolset with id ${handle} not found` });
}
