import pg from 'pg';
import type { Secret } from '../../../core/model/secret.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import { connectionOptions } from '../../../platform/database/connection-options.js';

/** A row of the incumbent as JSON: columns come and go between its versions, so nothing of it is taken for granted. */
export type IncumbentRow = Readonly<Record<string, unknown>>;

/** The tables that are read (reference §10), with the column that names a row. */
export const INCUMBENT_TABLES = {
  LiteLLM_MCPServerTable: 'server_id',
  LiteLLM_ObjectPermissionTable: 'object_permission_id',
  LiteLLM_MCPToolsetTable: 'toolset_id',
  LiteLLM_AccessGroupTable: 'access_group_id',
  LiteLLM_OrganizationTable: 'organization_id',
  LiteLLM_OrganizationMembership: 'organization_id',
  LiteLLM_UserTable: 'user_id',
  LiteLLM_TeamTable: 'team_id',
  LiteLLM_TeamMembership: 'team_id',
  LiteLLM_EndUserTable: 'user_id',
  LiteLLM_BudgetTable: 'budget_id',
  LiteLLM_VerificationToken: 'token',
  LiteLLM_Config: 'param_name',
} as const;

export type IncumbentTable = keyof typeof INCUMBENT_TABLES;

const PAGE_ROWS = 1_000;

/** Reads the incumbent's Postgres and nothing else: the session is read-only. */
export class IncumbentDatabase {
  readonly #client: pg.Client;
  readonly #tables: ReadonlySet<string>;

  private constructor(client: pg.Client, tables: ReadonlySet<string>) {
    this.#client = client;
    this.#tables = tables;
  }

  /**
   * @throws GatewayError `config/invalid` naming what to do when the database cannot be reached or has none of the
   *   incumbent's tables.
   */
  static async open(url: Secret): Promise<IncumbentDatabase> {
    const options = connectionOptions(url);
    const client = new pg.Client(options.client);
    client.on('error', () => undefined); // A connection that breaks fails the query that runs on it.
    try {
      await client.connect();
      await client.query('SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY');
      const { rows } = await client.query<{ name: string }>(
        `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ANY (current_schemas(false))`,
      );
      const tables = new Set(rows.map(({ name }) => name));
      if (!tables.has('LiteLLM_VerificationToken') && !tables.has('LiteLLM_MCPServerTable')) {
        throw new GatewayError('config/invalid', {
          detail: `${options.address} has no LiteLLM tables: give the database LiteLLM itself uses (its DATABASE_URL, with ?schema= if it has one)`,
        });
      }
      return new IncumbentDatabase(client, tables);
    } catch (error) {
      await client.end().catch(() => undefined);
      if (error instanceof GatewayError) throw error;
      throw new GatewayError('config/invalid', {
        cause: error,
        detail: `${options.address} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      });
    }
  }

  /** The rows of a table in pages, in the order of their names; none when this version of the incumbent lacks the table. */
  async *pages(table: IncumbentTable): AsyncGenerator<readonly IncumbentRow[]> {
    if (!this.#tables.has(table)) return;
    const order = INCUMBENT_TABLES[table];
    const name = `gatehouse_import_${table.toLowerCase()}`;
    await this.#client.query('BEGIN');
    try {
      await this.#client.query(
        `DECLARE ${name} CURSOR FOR SELECT to_jsonb(t) AS row FROM "${table}" t ORDER BY t."${order}"`,
      );
      for (;;) {
        const { rows } = await this.#client.query<{ row: IncumbentRow }>(`FETCH ${PAGE_ROWS} FROM ${name}`);
        if (rows.length === 0) return;
        yield rows.map(({ row }) => row);
      }
    } finally {
      await this.#client.query('ROLLBACK');
    }
  }

  /** A whole table. Not for keys: there may be a million. */
  async all(table: IncumbentTable): Promise<readonly IncumbentRow[]> {
    const rows: IncumbentRow[] = [];
    for await (const page of this.pages(table)) rows.push(...page);
    return rows;
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => undefined);
  }
}
