import { Inject, Injectable } from '@nestjs/common';
import { declareServer } from '../../core/definition/declare-server.js';
import { isRecord } from '../../core/definition/field-checks.js';
import { formatFieldProblem } from '../../core/definition/field-problem.js';
import { joinSecrets } from '../../core/definition/server-secrets.js';
import type { RegistrySettings } from '../../platform/config/settings.js';
import { REGISTRY_SETTINGS } from '../../platform/config/tokens.js';
import { ChangeFeed } from '../../platform/database/change-feed.js';
import { PrismaService } from '../../platform/database/prisma.service.js';
import { translatePrismaError } from '../../platform/database/translate-prisma-error.js';
import { PUBLIC_SERVERS_SETTING, readPublicList } from './public-list.js';
import { ServerSealer } from './server-sealer.js';
import type { StoredRegistry, StoredServer } from './stored-registry.js';

interface ServerRow {
  readonly id: string;
  readonly name: string;
  readonly alias: string | null;
  readonly definition: unknown;
  readonly secrets: string | null;
  readonly revision: number;
  readonly updatedAt: Date;
}

/**
 * The registry as the database has it. Servers and toolsets are read only where the installation stores them (contract §10);
 * access groups and the public list always, because they also name servers of the file.
 */
@Injectable()
export class RegistrySource {
  /** Rows as they were read last: one that did not change is not opened and validated again. */
  #read = new Map<string, { readonly version: string; readonly server: StoredServer }>();

  constructor(
    private readonly prisma: PrismaService,
    private readonly sealer: ServerSealer,
    private readonly feed: ChangeFeed,
    @Inject(REGISTRY_SETTINGS) private readonly settings: RegistrySettings,
  ) {}

  /** Called when rows may have changed; rejecting means: call again. The answer ends it. */
  onChange(listener: () => Promise<void>): () => void {
    return this.feed.subscribe(async (batch) => {
      if (batch === 'everything' || batch.some(({ kind }) => kind === 'registry' || kind === 'setting')) {
        await listener();
      }
    });
  }

  /**
   * All of it, as it is now. A row that cannot be used comes with its fault; it takes no other down (defect 50).
   *
   * @throws GatewayError `database/unavailable`.
   */
  async load(separator: string): Promise<StoredRegistry> {
    const isStored = this.settings.storageOff === undefined;
    try {
      const [servers, toolsets, groups, list] = await Promise.all([
        isStored ? this.#servers(separator) : [],
        isStored ? this.prisma.toolset.findMany({ orderBy: { id: 'asc' }, include: { tools: true } }) : [],
        this.prisma.accessGroup.findMany({ orderBy: { name: 'asc' }, include: { servers: true } }),
        this.prisma.gatewaySetting.findUnique({ where: { key: PUBLIC_SERVERS_SETTING } }),
      ]);
      return {
        servers,
        toolsets: toolsets.map(({ id, name, description, tools }) => ({
          id,
          name,
          description: description ?? undefined,
          tools: tools.map(({ serverId, toolName }) => ({ serverId, toolName })),
        })),
        groups: groups.map(({ name, servers: members }) => ({
          name,
          serverIds: members.map(({ serverId }) => serverId),
        })),
        publicServers: readPublicList(list?.value),
      };
    } catch (error) {
      throw translatePrismaError(error);
    }
  }

  async #servers(separator: string): Promise<readonly StoredServer[]> {
    const rows = await this.prisma.mcpServer.findMany({
      where: { approvalStatus: 'active' },
      orderBy: { id: 'asc' },
      select: { id: true, name: true, alias: true, definition: true, secrets: true, revision: true, updatedAt: true },
    });
    const read = new Map<string, { version: string; server: StoredServer }>();
    for (const row of rows) {
      // A row that was deleted and made again under its id counts from one again, at another time.
      const version = `${row.revision}@${row.updatedAt.getTime()}`;
      const known = this.#read.get(row.id);
      read.set(row.id, known?.version === version ? known : { version, server: this.#use(row, separator) });
    }
    this.#read = read;
    return [...read.values()].map(({ server }) => server);
  }

  #use({ id, name, alias, definition, secrets: sealed }: ServerRow, separator: string): StoredServer {
    const secrets = this.sealer.open(id, sealed);
    if (secrets === undefined) {
      return { id, name, fault: 'its secrets do not open: they were sealed under another LITELLM_SALT_KEY' };
    }
    if (!isRecord(definition)) return { id, name, fault: 'the definition is not an object' };
    const fields = { ...joinSecrets(definition, secrets), id, server_id: id, server_name: name, alias };
    const { declared, problems } = declareServer(fields, separator, 'db');
    const errors = problems.filter(({ severity }) => severity === 'error');
    if (declared === undefined || errors.length > 0) {
      return { id, name, fault: errors.map(formatFieldProblem).join('; ') };
    }
    return { id, name, declared };
  }
}
