import { Inject, Injectable } from '@nestjs/common';
import { type CallerPlace, resolveView } from '../../../core/access/resolve-view.js';
import { SCOPE_ALL } from '../../../core/access/request-scope.js';
import { shownDefinition } from '../../../core/definition/server-secrets.js';
import { isRecord } from '../../../core/definition/field-checks.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import type { RegistrySnapshot } from '../../../core/model/registry-snapshot.js';
import type { ServerEntry } from '../../../core/model/server-entry.js';
import type { RegistrySettings } from '../../../platform/config/settings.js';
import { REGISTRY_SETTINGS } from '../../../platform/config/tokens.js';
import type { McpServer } from '../../../platform/database/generated/client.js';
import { PrismaService } from '../../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../../platform/database/translate-prisma-error.js';
import { RegistryService } from '../../../state/registry/registry.service.js';
import { isExposed, isHandle, readsAll } from './server-access.js';
import { ServerHealthChecks } from './server-health-checks.js';
import { presentServer, type PresentedServer, type ShownServer } from './server.presenter.js';
import { TeamServers } from './team-servers.service.js';

/** A row without its secrets. */
export type ServerRow = Omit<McpServer, 'secrets'>;

const WITHOUT_SECRETS = { secrets: true } as const;

/** What callers may read of servers: the same view that decides what they may call (contract §9). */
@Injectable()
export class ServerReading {
  constructor(
    private readonly prisma: PrismaService,
    private readonly registry: RegistryService,
    private readonly health: ServerHealthChecks,
    private readonly teams: TeamServers,
    @Inject(REGISTRY_SETTINGS) private readonly settings: RegistrySettings,
  ) {}

  /** Served servers the caller may see, in order of prefix; administrators also read stored ones that were set aside. */
  async list(caller: Principal, place: CallerPlace, teamId?: string): Promise<readonly PresentedServer[]> {
    const snapshot = this.registry.current;
    let entries = this.visible(caller, place);
    if (teamId !== undefined) {
      const ofTeam = await this.teams.idsOf(caller, teamId, snapshot);
      entries = entries.filter(({ id }) => ofTeam.has(id));
    }
    const rows = await this.#rows(entries, readsAll(caller) && teamId === undefined);
    const served = entries.map((entry) => this.#presentEntry(entry, rows.get(entry.id), caller));
    const servedIds = new Set(entries.map(({ id }) => id));
    const others = [...rows.values()].filter(({ id }) => !servedIds.has(id));
    return [...served, ...others.map((row) => this.presentRow(row, caller))];
  }

  /** What was set aside, with the reasons. For administrators; nobody else has any. */
  async listRejected(caller: Principal): Promise<readonly object[]> {
    if (!readsAll(caller)) return [];
    const { rejected } = this.registry.current;
    const rows = await this.#rows([], true);
    return rejected.map(({ id, name, origin, reason }) => {
      const row = id === undefined ? undefined : rows.get(id);
      if (row !== undefined) return this.presentRow(row, caller);
      return {
        server_id: id ?? null,
        server_name: name,
        origin: origin === 'file' ? 'config' : 'db',
        rejected_reason: reason,
      };
    });
  }

  /** By id, name or alias. Absent and denied read the same. */
  async get(caller: Principal, place: CallerPlace, handle: string): Promise<PresentedServer> {
    const entry = this.registry.current.byHandle.get(handle.toLowerCase());
    if (entry !== undefined && this.visible(caller, place).includes(entry)) {
      const rows = await this.#rows([entry], false);
      return this.#presentEntry(entry, rows.get(entry.id), caller);
    }
    const row = readsAll(caller) ? await this.#find(handle) : undefined;
    if (row === undefined) throw notFound(handle);
    return this.presentRow(row, caller);
  }

  /** The servers this caller may read of, before any filter of the request. */
  visible(caller: Principal, place: CallerPlace): readonly ServerEntry[] {
    const snapshot = this.registry.current;
    if (readsAll(caller)) return snapshot.servers;
    if (this.settings.viewAll) return snapshot.servers.filter((entry) => isExposed(snapshot, entry, place));
    return grantedTo(snapshot, caller, place);
  }

  presentRow(row: ServerRow, caller: Principal): PresentedServer {
    const { current } = this.registry;
    const entry = current.byId.get(row.id);
    const rejected = current.rejected.find(({ id }) => id === row.id)?.reason;
    return presentServer(
      {
        id: row.id,
        name: row.name,
        alias: row.alias ?? undefined,
        origin: 'db',
        fields: isRecord(row.definition) ? row.definition : {},
        entry,
        record: row,
        isPublic: current.publicServers.has(row.id),
        rejectedReason: rejected,
        health: entry === undefined ? undefined : this.health.known(entry),
      },
      readsAll(caller) ? 'administrator' : 'caller',
    );
  }

  #presentEntry(entry: ServerEntry, row: ServerRow | undefined, caller: Principal): PresentedServer {
    if (row !== undefined) return this.presentRow(row, caller);
    const definition = this.registry.definitionOf(entry);
    const shown: ShownServer = {
      id: entry.id,
      name: entry.name,
      alias: entry.alias,
      origin: entry.origin,
      fields: definition === undefined ? {} : shownDefinition(definition),
      entry,
      record: undefined,
      isPublic: this.registry.current.publicServers.has(entry.id),
      rejectedReason: undefined,
      health: this.health.known(entry),
    };
    return presentServer(shown, readsAll(caller) ? 'administrator' : 'caller');
  }

  /** Active rows by id: those behind the entries, or all. None where nothing stored is loaded. */
  async #rows(entries: readonly ServerEntry[], all: boolean): Promise<ReadonlyMap<string, ServerRow>> {
    const ids = entries.filter(({ origin }) => origin === 'db').map(({ id }) => id);
    if (this.settings.storageOff !== undefined || (!all && ids.length === 0)) return new Map();
    try {
      const rows = await this.prisma.mcpServer.findMany({
        where: { approvalStatus: 'active', ...(all ? {} : { id: { in: ids } }) },
        omit: WITHOUT_SECRETS,
        orderBy: { name: 'asc' },
      });
      return new Map(rows.map((row) => [row.id, row]));
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  async #find(handle: string): Promise<ServerRow | undefined> {
    if (this.settings.storageOff !== undefined || !isHandle(handle)) return undefined;
    const key = handle.toLowerCase();
    try {
      const rows = await this.prisma.mcpServer.findMany({
        where: { OR: [{ id: handle }, { nameKey: key }, { aliasKey: key }] },
        omit: WITHOUT_SECRETS,
      });
      return rows.find(({ id }) => id === handle) ?? rows[0];
    } catch (error) {
      throw translatePrismaError(error);
    }
  }
}

/** The servers a caller may use. */
function grantedTo(snapshot: RegistrySnapshot, caller: Principal, place: CallerPlace): readonly ServerEntry[] {
  const decision = resolveView(snapshot, caller, SCOPE_ALL, place);
  return decision.kind === 'view' ? decision.view.servers.map(({ entry }) => entry) : [];
}

function notFound(handle: string): GatewayError {
  return new GatewayError('server/not_found', { detail: `MCP Server with id ${handle} not found` });
}
