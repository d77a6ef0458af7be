import { randomBytes, randomUUID } from 'node:crypto';
import pg from 'pg';
import type { ObjectPermission } from '../../src/core/model/permission.js';
import { hashKey } from '../../src/platform/crypto/hash-key.js';
import { CHANGE_CHANNEL, type ChangeKind } from '../../src/platform/database/control-change.js';

/** Rows as the control plane writes them, for tests that do not want to go through its REST. */
export interface KeyRow {
  /** Default: a random one. */
  readonly key?: string;
  readonly alias?: string;
  readonly userId?: string;
  readonly teamId?: string;
  readonly organizationId?: string;
  readonly permission?: ObjectPermission;
  readonly expiresAt?: Date;
  readonly blocked?: boolean;
  readonly deletedAt?: Date;
  readonly keyType?: 'default' | 'llm_api' | 'management' | 'read_only';
  readonly allowedRoutes?: readonly string[];
  readonly accessGroupIds?: readonly string[];
}

export interface InsertedKey {
  /** What the client sends. */
  readonly key: string;
  /** Row id. */
  readonly id: string;
  /** SHA-256 of the key, in hex. */
  readonly hash: string;
}

export interface TeamRow {
  readonly id?: string;
  readonly alias?: string;
  readonly organizationId?: string;
  readonly permission?: ObjectPermission;
  readonly blocked?: boolean;
  readonly deletedAt?: Date;
  readonly accessGroupIds?: readonly string[];
}

export interface OrganizationRow {
  readonly id?: string;
  readonly alias?: string;
  readonly permission?: ObjectPermission;
}

export interface UserRow {
  readonly id?: string;
  readonly email?: string;
  readonly role?: 'proxy_admin' | 'proxy_admin_viewer' | 'internal_user' | 'internal_user_viewer';
  readonly ssoUserId?: string;
  readonly permission?: ObjectPermission;
}

export interface EndUserRow {
  readonly id?: string;
  readonly blocked?: boolean;
  readonly permission?: ObjectPermission;
}

/** A virtual key. */
export async function insertKey(databaseUrl: string, row: KeyRow = {}): Promise<InsertedKey> {
  const key = row.key ?? `sk-${randomBytes(16).toString('base64url')}`;
  const inserted = { key, id: randomUUID(), hash: hashKey(key) };
  await withClient(databaseUrl, async (client) => {
    await insertRow(client, 'virtual_key', {
      id: inserted.id,
      token_hash: inserted.hash,
      key_name: `sk-...${key.slice(-4)}`,
      alias: row.alias,
      user_id: row.userId,
      team_id: row.teamId,
      organization_id: row.organizationId,
      object_permission_id: await insertPermission(client, row.permission),
      expires_at: row.expiresAt,
      blocked: row.blocked,
      deleted_at: row.deletedAt,
      key_type: row.keyType,
      allowed_routes: row.allowedRoutes,
      access_group_ids: row.accessGroupIds,
    });
    await announce(client, 'key', inserted.id);
  });
  return inserted;
}

/** Answers its id. */
export function insertTeam(databaseUrl: string, row: TeamRow = {}): Promise<string> {
  return insertOwner(databaseUrl, 'team', 'team', row.id, row.permission, {
    alias: row.alias,
    organization_id: row.organizationId,
    blocked: row.blocked,
    deleted_at: row.deletedAt,
    access_group_ids: row.accessGroupIds,
  });
}

/** Answers its id. */
export function insertOrganization(databaseUrl: string, row: OrganizationRow = {}): Promise<string> {
  return insertOwner(databaseUrl, 'organization', 'organization', row.id, row.permission, {
    alias: row.alias ?? 'org',
  });
}

/** Answers its id. */
export function insertUser(databaseUrl: string, row: UserRow = {}): Promise<string> {
  return insertOwner(databaseUrl, 'user_account', 'user', row.id, row.permission, {
    email: row.email,
    role: row.role,
    sso_user_id: row.ssoUserId,
  });
}

/** Answers its id. */
export function insertEndUser(databaseUrl: string, row: EndUserRow = {}): Promise<string> {
  return insertOwner(databaseUrl, 'end_user', 'end_user', row.id, row.permission, { blocked: row.blocked });
}

/**
 * Runs SQL and tells all replicas that a row changed, in one transaction, as `ControlWriter` does:
 * `changeRow(url, 'key', id, 'UPDATE virtual_key SET blocked = true WHERE id = $1', [id])`.
 */
export async function changeRow(
  databaseUrl: string,
  kind: ChangeKind,
  subjectId: string,
  sql: string,
  values: readonly unknown[] = [],
): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    await client.query(sql, [...values]);
    await announce(client, kind, subjectId);
  });
}

/** Replaces what an owner is granted: `changePermission(url, 'team', id, { servers: [] })`. */
export async function changePermission(
  databaseUrl: string,
  kind: 'key' | 'team' | 'organization' | 'user' | 'end_user',
  id: string,
  permission: ObjectPermission,
): Promise<void> {
  const table = {
    key: 'virtual_key',
    team: 'team',
    organization: 'organization',
    user: 'user_account',
    end_user: 'end_user',
  }[kind];
  await withClient(databaseUrl, async (client) => {
    const permissionId = await insertPermission(client, permission);
    await client.query(`UPDATE ${table} SET object_permission_id = $1 WHERE id::text = $2`, [permissionId, id]);
    await announce(client, kind, id);
  });
}

async function insertOwner(
  databaseUrl: string,
  table: string,
  kind: ChangeKind,
  id: string = randomUUID(),
  permission: ObjectPermission | undefined,
  columns: Record<string, unknown>,
): Promise<string> {
  await withClient(databaseUrl, async (client) => {
    const object_permission_id = await insertPermission(client, permission);
    await insertRow(client, table, { id, object_permission_id, ...columns });
    await announce(client, kind, id);
  });
  return id;
}

async function insertPermission(
  client: pg.Client,
  permission: ObjectPermission | undefined,
): Promise<string | undefined> {
  if (permission === undefined) return undefined;
  const id = randomUUID();
  const json = (value: unknown): string | undefined => (value === undefined ? undefined : JSON.stringify(value));
  await insertRow(client, 'object_permission', {
    id,
    mcp_servers: json(permission.servers),
    mcp_access_groups: json(permission.accessGroups),
    mcp_toolsets: json(permission.toolsets),
    mcp_tool_permissions: json(permission.toolPermissions),
  });
  return id;
}

/** What is undefined stays at its default. */
async function insertRow(client: pg.Client, table: string, columns: Record<string, unknown>): Promise<void> {
  const given = Object.entries(columns).filter(([, value]) => value !== undefined);
  const names = given.map(([name]) => name).join(', ');
  const places = given.map((_unused, index) => `$${index + 1}`).join(', ');
  const values = given.map(([, value]) => value);
  await client.query(`INSERT INTO ${table} (${names}) VALUES (${places})`, values);
}

async function announce(client: pg.Client, kind: ChangeKind, subjectId: string): Promise<void> {
  // The lock of `ControlWriter`: revisions become visible in their order.
  await client.query('SELECT pg_advisory_xact_lock(72707370::bigint)');
  const row = 'INSERT INTO control_change (kind, subject_id, replica) VALUES ($1, $2, $3)';
  await client.query(row, [kind, subjectId, 'test']);
  await client.query(`SELECT pg_notify('${CHANGE_CHANNEL}', '')`);
}

async function withClient(databaseUrl: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query('BEGIN');
    await work(client);
    await client.query('COMMIT');
  } finally {
    await client.end();
  }
}
