import { Injectable } from '@nestjs/common';
import { NO_GRANTS } from '../../../core/model/permission.js';
import type { Principal } from '../../../core/model/principal.js';
import { ControlWriter } from '../../../platform/database/control-writer.js';
import { PrismaService } from '../../../platform/database/prisma.service.js';
import type { ImportRequest } from './import-arguments.js';
import { ImportReport, type ImportItem } from './import-report.js';
import {
  importAccessGroup,
  importEndUser,
  importKey,
  importOrganization,
  importSettings,
  importTeam,
  importToolset,
  importUser,
  type ImportBatch,
  type KnownIds,
} from './import-rows.store.js';
import { IncumbentDatabase, type IncumbentRow, type IncumbentTable } from './incumbent.source.js';
import { mapEndUser, mapKey, mapMembership, mapOrganization, mapTeam, mapUser } from './map-owners.js';
import { mapPermissions, type Permissions } from './map-permission.js';
import { mapServer } from './map-server.js';
import { mapAccessGroup, mapToolset } from './map-sets.js';
import { openSecretBox } from './open-secret-box.js';
import { ServerImport } from './server-import.service.js';

/** Who the audit names. */
const IMPORTER: Principal = Object.freeze({
  kind: 'master_key',
  id: 'import:litellm',
  role: 'proxy_admin',
  grants: NO_GRANTS,
});

/** Rows in one transaction. Each row is a few statements; the writer allows 30 s. */
const BATCH_ROWS = 200;

type ImportRow = (batch: ImportBatch, row: IncumbentRow) => Promise<ImportItem | undefined>;

/**
 * Reads the incumbent's tables into ours (reference §10.8): parents before children, in batches that are transactions of
 * their own. Idempotent, so a run that broke off is simply repeated.
 */
@Injectable()
export class LitellmImport {
  constructor(
    private readonly prisma: PrismaService,
    private readonly writer: ControlWriter,
    private readonly servers: ServerImport,
  ) {}

  /** @param progress is told a line whenever a table is done. */
  async run(request: ImportRequest, progress: (line: string) => void = () => undefined): Promise<ImportReport> {
    const report = new ImportReport();
    const source = await IncumbentDatabase.open(request.databaseUrl);
    try {
      const permissions = mapPermissions(await source.all('LiteLLM_ObjectPermissionTable'));
      const known = await this.#known();
      const members = (await source.all('LiteLLM_OrganizationMembership')).flatMap((row) => mapMembership(row) ?? []);
      const { saltKey } = request;
      const open = (sealed: string): string | undefined =>
        saltKey === undefined ? undefined : openSecretBox(sealed, saltKey);
      const steps: readonly (readonly [IncumbentTable, ImportRow])[] = [
        ['LiteLLM_UserTable', (batch, row) => importUser(batch, mapUser(row))],
        [
          'LiteLLM_OrganizationTable',
          (batch, row) => {
            const organization = mapOrganization(row);
            const own = members.filter(({ organizationId }) => organizationId === organization.id);
            return importOrganization(batch, organization, own);
          },
        ],
        ['LiteLLM_TeamTable', (batch, row) => importTeam(batch, mapTeam(row))],
        [
          'LiteLLM_MCPServerTable',
          (batch, row) => this.servers.import(batch, mapServer(row, { separator: this.servers.separator, open })),
        ],
        ['LiteLLM_Config', importSettings],
        ['LiteLLM_AccessGroupTable', (batch, row) => importAccessGroup(batch, mapAccessGroup(row))],
        ['LiteLLM_MCPToolsetTable', (batch, row) => importToolset(batch, mapToolset(row))],
        ['LiteLLM_EndUserTable', (batch, row) => importEndUser(batch, mapEndUser(row))],
        ['LiteLLM_VerificationToken', (batch, row) => importKey(batch, mapKey(row))],
      ];
      for (const [table, importRow] of steps) {
        let rows = 0;
        for await (const page of source.pages(table)) {
          for (let start = 0; start < page.length; start += BATCH_ROWS) {
            const batch = page.slice(start, start + BATCH_ROWS);
            for (const item of await this.#batch(request.dryRun, permissions, known, batch, importRow))
              report.add(item);
            rows += batch.length;
          }
        }
        progress(`${table}: ${rows} rows`);
      }
      return report;
    } finally {
      await source.close();
    }
  }

  async #batch(
    dryRun: boolean,
    permissions: Permissions,
    known: KnownIds,
    rows: readonly IncumbentRow[],
    importRow: ImportRow,
  ): Promise<readonly ImportItem[]> {
    const all = async (batch: ImportBatch): Promise<readonly ImportItem[]> => {
      const items: ImportItem[] = [];
      for (const row of rows) {
        const item = await importRow(batch, row);
        if (item !== undefined) items.push(item);
      }
      return items;
    };
    if (dryRun) return all({ tx: this.prisma, unit: undefined, permissions, known });
    return this.writer.write(IMPORTER, (unit) => all({ tx: unit.tx, unit, permissions, known }));
  }

  async #known(): Promise<KnownIds> {
    const [users, teams, organizations] = await Promise.all([
      this.prisma.userAccount.findMany({ select: { id: true } }),
      this.prisma.team.findMany({ select: { id: true }, where: { deletedAt: null } }),
      this.prisma.organization.findMany({ select: { id: true } }),
    ]);
    const ids = (rows: readonly { readonly id: string }[]): Set<string> => new Set(rows.map(({ id }) => id));
    return { users: ids(users), teams: ids(teams), organizations: ids(organizations) };
  }
}
