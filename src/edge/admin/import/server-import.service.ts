import { isDeepStrictEqual } from 'node:util';
import { Injectable } from '@nestjs/common';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import { isRecord } from '../../../core/definition/field-checks.js';
import { joinSecrets, type ServerFields } from '../../../core/definition/server-secrets.js';
import type { Prisma } from '../../../platform/database/generated/client.js';
import { RegistryService } from '../../../state/registry/registry.service.js';
import { ServerSealer } from '../../../state/registry/server-sealer.js';
import { ValidationFailed } from '../auth/validation.pipe.js';
import { draftServer, type ServerDraft } from '../server/draft-server.js';
import type { ImportItem } from './import-report.js';
import type { ImportBatch } from './import-rows.store.js';
import type { MappedServer } from './map-server.js';

/** A server of the incumbent becomes one of ours: validated by the same rules as one that comes by REST, sealed anew. */
@Injectable()
export class ServerImport {
  constructor(
    private readonly sealer: ServerSealer,
    private readonly registry: RegistryService,
  ) {}

  /** What stands between a server's name and its tools. */
  get separator(): string {
    return this.registry.current.separator;
  }

  async import(batch: ImportBatch, server: MappedServer): Promise<ImportItem> {
    const draft = this.#draft(server);
    const label = String(server.body['server_name']);
    if ('reason' in draft) return { kind: 'mcp_server', label, action: 'skip', reason: draft.reason };
    const { id, name, alias } = draft;
    const current = await batch.tx.mcpServer.findUnique({ where: { id } });
    const clash = await this.#clash(batch, draft);
    if (clash !== undefined) return { kind: 'mcp_server', label, action: 'skip', reason: clash };
    const wanted = { name, alias: alias ?? null, approvalStatus: server.approvalStatus, fields: draft.fields };
    const before = current === null ? undefined : this.#stored(current);
    const changes =
      before === undefined
        ? []
        : (Object.keys(wanted) as (keyof typeof wanted)[]).filter(
            (key) => !isDeepStrictEqual(wanted[key], before[key]),
          );
    const { warnings } = server;
    if (before !== undefined && changes.length === 0) {
      return { kind: 'mcp_server', label, action: 'unchanged', warnings };
    }
    const item: ImportItem =
      before === undefined
        ? { kind: 'mcp_server', label, action: 'create', warnings }
        : { kind: 'mcp_server', label, action: 'update', changes, warnings };
    if (batch.unit === undefined) return item;
    const data = {
      name,
      nameKey: name.toLowerCase(),
      alias: alias ?? null,
      aliasKey: alias?.toLowerCase() ?? null,
      definition: draft.shown as Prisma.InputJsonObject,
      secrets: this.sealer.seal(id, draft.secrets),
      approvalStatus: server.approvalStatus,
      submittedBy: server.submittedBy,
      submittedAt: server.submittedAt,
      reviewNotes: server.reviewNotes,
    };
    await batch.tx.mcpServer.upsert({
      where: { id },
      create: { id, createdBy: server.createdBy, ...data },
      update: { ...data, revision: { increment: 1 } },
    });
    batch.unit.changed('registry', id);
    batch.unit.audit({
      action: before === undefined ? 'created' : 'updated',
      objectKind: 'mcp_server',
      objectId: id,
      after: { server_name: name, alias: alias ?? null, ...draft.shown },
    });
    return item;
  }

  #draft(server: MappedServer): ServerDraft | { readonly reason: string } {
    const { server_id: _id, credentials, ...written } = server.body;
    try {
      const fields = { ...written, ...(isRecord(credentials) ? credentials : {}) };
      return draftServer(server.id, fields, this.separator);
    } catch (error) {
      if (error instanceof GatewayError) return { reason: error.publicMessage };
      if (error instanceof ValidationFailed) {
        return { reason: error.problems.map(({ loc, msg }) => `${loc.slice(1).join('.')} ${msg}`).join('; ') };
      }
      throw error;
    }
  }

  /** Whose name or alias this is already: another row's, or a server's of the file. */
  async #clash(batch: ImportBatch, { id, name, alias }: ServerDraft): Promise<string | undefined> {
    const keys = [name, alias].flatMap((handle) => (handle === undefined ? [] : [handle.toLowerCase()]));
    const other = await batch.tx.mcpServer.findFirst({
      where: { id: { not: id }, OR: [{ nameKey: { in: keys } }, { aliasKey: { in: keys } }] },
    });
    if (other !== null) return `server "${other.name}" here has its name or alias`;
    const owned = keys.map((key) => this.registry.current.byHandle.get(key)).find((entry) => entry?.origin === 'file');
    return owned === undefined ? undefined : `server "${owned.name}" of the configuration file has its name or alias`;
  }

  #stored(row: {
    readonly id: string;
    readonly name: string;
    readonly alias: string | null;
    readonly approvalStatus: string;
    readonly definition: unknown;
    readonly secrets: string | null;
  }): { name: string; alias: string | null; approvalStatus: string; fields: ServerFields } {
    const { name, alias, approvalStatus } = row;
    const secrets = this.sealer.open(row.id, row.secrets) ?? {};
    return {
      name,
      alias,
      approvalStatus,
      fields: joinSecrets(isRecord(row.definition) ? row.definition : {}, secrets),
    };
  }
}
