import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { isRecord } from '../../../core/definition/field-checks.js';
import { problemAt } from '../../../core/definition/field-problem.js';
import { readServerBody } from '../../../core/definition/server-body.js';
import { effectiveTransport } from '../../../core/definition/server-rules.js';
import { HIDDEN, joinSecrets, type ServerFields } from '../../../core/definition/server-secrets.js';
import { stdioRefusal } from '../../../core/definition/stdio-admission.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import type { RegistrySettings, StdioSettings } from '../../../platform/config/settings.js';
import { REGISTRY_SETTINGS, STDIO_SETTINGS } from '../../../platform/config/tokens.js';
import { ControlWriter, type ControlUnit } from '../../../platform/database/control-writer.js';
import type { McpServer, Prisma } from '../../../platform/database/generated/client.js';
import { removeCredentialsOfServer } from '../../../state/credential/server-credentials.store.js';
import { RegistryService } from '../../../state/registry/registry.service.js';
import { ServerSealer } from '../../../state/registry/server-sealer.js';
import { ValidationFailed } from '../auth/validation.pipe.js';
import { draftServer, type ServerDraft } from './draft-server.js';
import { fingerprintSecrets } from './fingerprint-secrets.js';
import { mergeServer } from './merge-server.js';
import { demandProxyAdmin, demandStorage, isHandle, writerName } from './server-access.js';
import { ServerGrants } from './server-grants.store.js';

/** How a new row comes to be. */
export interface Submission {
  readonly approvalStatus: 'pending_review';
  readonly submittedBy: string;
  readonly submittedAt: Date;
  readonly submittedTeam: string;
}

const CREATE_WORDS =
  'User does not have permission to create mcp servers. You can only create mcp servers if you are a PROXY_ADMIN.';
const UPDATE_WORDS = 'Call not allowed to update MCP server. User is not a proxy admin. route=PUT /v1/mcp/server';
const DELETE_WORDS = 'Call not allowed to delete MCP server. User is not a proxy admin. route=DELETE /v1/mcp/server';

/** Creates, changes and deletes stored servers: each in one transaction with its audit and its notice (contract §10). */
@Injectable()
export class ServerWriting {
  constructor(
    private readonly writer: ControlWriter,
    private readonly registry: RegistryService,
    private readonly sealer: ServerSealer,
    private readonly grants: ServerGrants,
    @Inject(REGISTRY_SETTINGS) private readonly settings: RegistrySettings,
    @Inject(STDIO_SETTINGS) private readonly stdio: StdioSettings,
  ) {}

  async create(actor: Principal, body: unknown): Promise<McpServer> {
    demandProxyAdmin(actor, CREATE_WORDS);
    demandStorage(this.settings.storageOff);
    return this.add(actor, this.draft(body));
  }

  /** A body as a server that may be stored: named, validated, admitted. Throws ValidationFailed, `server/refused`, `auth/forbidden`. */
  draft(body: unknown): ServerDraft {
    const { fields, problems } = readServerBody(body);
    if (problems.length > 0) throw new ValidationFailed(problems);
    const { fields: written, problems: misplaced } = mergeServer({}, fields);
    if (misplaced.length > 0) throw new ValidationFailed(misplaced);
    const given = written['server_id'];
    if (given !== undefined && typeof given !== 'string') {
      throw new ValidationFailed([problemAt(['server_id'], 'must be a string')]);
    }
    const draft = draftServer(
      given === undefined || given === '' ? randomUUID() : given,
      // A server is known by its name where it has no alias (reference §1.3).
      { ...written, alias: written['alias'] ?? written['server_name'] },
      this.registry.current.separator,
    );
    this.#admit(draft);
    return draft;
  }

  async add(actor: Principal, draft: ServerDraft, submission?: Submission): Promise<McpServer> {
    return this.writer.write(actor, async (unit) => {
      await this.#refuseTaken(unit, draft);
      const row = await unit.tx.mcpServer.create({
        data: {
          ...this.#columns(draft),
          ...submission,
          id: draft.id,
          createdBy: writerName(actor),
          updatedBy: writerName(actor),
        },
      });
      unit.changed('registry', row.id);
      unit.audit({
        action: submission === undefined ? 'created' : 'submitted',
        objectKind: 'mcp_server',
        objectId: row.id,
        after: audited(draft),
      });
      return row;
    });
  }

  /** Changes what the body names; null clears; `***` keeps (defect 24). */
  async update(actor: Principal, handle: string | undefined, body: unknown): Promise<McpServer> {
    demandProxyAdmin(actor, UPDATE_WORDS);
    const { fields: patch, problems } = readServerBody(body);
    const named = handle ?? patch['server_id'];
    if (typeof named !== 'string' || named === '') {
      throw new ValidationFailed([problemAt(['server_id'], 'is required: the server to change')]);
    }
    this.refuseFileOwned(named);
    demandStorage(this.settings.storageOff);
    if (problems.length > 0) throw new ValidationFailed(problems);
    return this.writer.write(actor, async (unit) => {
      const row = await findRow(unit, named);
      const before = this.#storedFields(row);
      const { server_id: _id, ...changes } = patch;
      const merged = mergeServer(before, changes);
      if (merged.problems.length > 0) throw new ValidationFailed(merged.problems);
      if (merged.toReenter.length > 0) {
        throw new GatewayError('server/refused', {
          detail: `The server's address changes: enter its credential again (${merged.toReenter.join(', ')}), or clear it with null, so that it does not go to another address unnoticed`,
        });
      }
      if (merged.fields['server_name'] === undefined) {
        throw new GatewayError('server/refused', { detail: 'Server name must not be empty' });
      }
      const draft = draftServer(row.id, merged.fields, this.registry.current.separator);
      this.#admit(draft);
      await this.#refuseTaken(unit, draft, row.id);
      const updated = await unit.tx.mcpServer.update({
        where: { id: row.id },
        data: { ...this.#columns(draft), revision: { increment: 1 }, updatedBy: writerName(actor) },
      });
      unit.changed('registry', row.id);
      unit.audit({
        action: 'updated',
        objectKind: 'mcp_server',
        objectId: row.id,
        before: fingerprintSecrets(before),
        after: audited(draft),
      });
      return updated;
    });
  }

  async remove(actor: Principal, handle: string): Promise<void> {
    demandProxyAdmin(actor, DELETE_WORDS);
    this.refuseFileOwned(handle);
    demandStorage(this.settings.storageOff);
    await this.writer.write(actor, async (unit) => {
      const row = await findRow(unit, handle);
      await unit.tx.mcpServer.delete({ where: { id: row.id } });
      await removeCredentialsOfServer(unit, row.id);
      const grants = await this.grants.remove(unit, row);
      unit.changed('registry', row.id);
      unit.audit({
        action: 'deleted',
        objectKind: 'mcp_server',
        objectId: row.id,
        before: { ...fingerprintSecrets(this.#storedFields(row)), grants_changed: grants },
      });
    });
  }

  /** Throws `server/file_owned` when the file says what this server is. */
  refuseFileOwned(handle: string): void {
    const entry = this.registry.current.byHandle.get(handle.toLowerCase());
    if (entry?.origin !== 'file') return;
    throw new GatewayError('server/file_owned', { detail: `change "${entry.name}" there` });
  }

  /** What the row holds, secrets opened; secrets that do not open any more are left out, so that they can be entered anew. */
  #storedFields(row: McpServer): ServerFields {
    const definition = isRecord(row.definition) ? row.definition : {};
    const secrets = this.sealer.open(row.id, row.secrets);
    const fields = secrets === undefined ? withoutHidden(definition) : joinSecrets(definition, secrets);
    return { ...fields, server_name: row.name, ...(row.alias === null ? {} : { alias: row.alias }) };
  }

  #columns(draft: ServerDraft) {
    return {
      name: draft.name,
      nameKey: draft.name.toLowerCase(),
      alias: draft.alias ?? null,
      aliasKey: draft.alias?.toLowerCase() ?? null,
      definition: draft.shown as Prisma.InputJsonObject,
      secrets: this.sealer.seal(draft.id, draft.secrets),
    };
  }

  /** Throws `auth/forbidden` for a process that may not be started here. */
  #admit({ declared: { definition } }: ServerDraft): void {
    if (effectiveTransport(definition) !== 'stdio') return;
    const { command = '', env = {} } = definition;
    const variables = Array.isArray(env) ? Object.fromEntries(env.map(({ name, value }) => [name, value])) : env;
    const refusal = stdioRefusal({ origin: 'db', endpoint: { kind: 'stdio', command, env: variables } }, this.stdio);
    if (refusal !== undefined) throw new GatewayError('auth/forbidden', { detail: refusal });
  }

  /** Ids, names and aliases are one space, in file and database, whatever the approval (contract §4). */
  async #refuseTaken({ tx }: ControlUnit, { id, name, alias }: ServerDraft, self?: string): Promise<void> {
    const { byHandle, rejected } = this.registry.current;
    const handles = { id, name, ...(alias === undefined ? {} : { alias }) };
    const keys = Object.values(handles).map((handle) => handle.toLowerCase());
    const rows = await tx.mcpServer.findMany({
      where: {
        ...(self === undefined ? {} : { id: { not: self } }),
        OR: [
          { id: { in: [...new Set([...Object.values(handles), ...keys])] } },
          { nameKey: { in: keys } },
          { aliasKey: { in: keys } },
        ],
      },
      select: { id: true, nameKey: true, aliasKey: true },
    });
    const inFile = new Set(rejected.filter(({ origin }) => origin === 'file').map((entry) => entry.name.toLowerCase()));
    for (const [kind, handle] of Object.entries(handles)) {
      const key = handle.toLowerCase();
      const isTaken =
        byHandle.get(key)?.origin === 'file' ||
        inFile.has(key) ||
        rows.some((row) => row.id.toLowerCase() === key || row.nameKey === key || row.aliasKey === key);
      if (!isTaken) continue;
      throw new GatewayError('server/refused', {
        detail: `MCP Server with ${kind} ${handle} already exists. Cannot create another.`,
      });
    }
  }
}

/** By id, name or alias, within the write. */
export async function findRow({ tx }: ControlUnit, handle: string): Promise<McpServer> {
  const key = handle.toLowerCase();
  const where = { OR: [{ id: handle }, { nameKey: key }, { aliasKey: key }] };
  const rows = isHandle(handle) ? await tx.mcpServer.findMany({ where }) : [];
  const row = rows.find(({ id }) => id === handle) ?? rows[0];
  if (row === undefined) {
    throw new GatewayError('server/not_found', { detail: `MCP Server not found, passed server_id=${handle}` });
  }
  return row;
}

function audited({ name, alias, fields }: ServerDraft): Record<string, unknown> {
  return { server_name: name, alias: alias ?? null, ...fingerprintSecrets(fields) };
}

function withoutHidden(shown: ServerFields): ServerFields {
  return Object.fromEntries(Object.entries(shown).filter(([, value]) => !JSON.stringify(value).includes(HIDDEN)));
}
