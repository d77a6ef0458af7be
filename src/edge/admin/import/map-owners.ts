import type { IncumbentRow } from './incumbent.source.js';
import { dateOf, flagOf, listOf, numberOf, objectOf, remainingColumns, textOf, textsOf } from './read-column.js';

interface Stamps {
  readonly createdAt?: Date;
  readonly createdBy?: string;
  readonly updatedBy?: string;
}

interface Owner extends Stamps {
  readonly id: string;
  /** Of its row in the incumbent's permission table. */
  readonly permissionId: string | undefined;
  readonly maxBudget: number | null;
  readonly spend: number;
  /** Every other column that says something. */
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface MappedOrganization extends Owner {
  readonly alias: string;
  readonly models: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface MappedTeam extends Owner {
  readonly alias: string | null;
  readonly organizationId: string | null;
  readonly blocked: boolean;
  readonly models: readonly string[];
  readonly memberPermissions: readonly string[];
  readonly accessGroupIds: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly members: readonly { readonly userId: string; readonly role: 'admin' | 'user' }[];
}

export interface MappedUser extends Owner {
  readonly alias: string | null;
  readonly email: string | null;
  readonly role: string;
  readonly ssoUserId: string | null;
  readonly models: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface MappedEndUser extends Owner {
  readonly alias: string | null;
  readonly blocked: boolean;
}

export interface MappedKey extends Owner {
  /** SHA-256 of the key: the same in both products, which is why keys go on working. */
  readonly tokenHash: string;
  readonly keyName: string;
  readonly alias: string | null;
  readonly userId: string | null;
  readonly teamId: string | null;
  readonly organizationId: string | null;
  readonly expiresAt: Date | null;
  readonly blocked: boolean;
  readonly keyType: string;
  readonly allowedRoutes: readonly string[];
  readonly accessGroupIds: readonly string[];
  readonly models: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly rotationCount: number;
  readonly lastRotatedAt: Date | null;
}

export interface MappedMembership {
  readonly organizationId: string;
  readonly userId: string;
  readonly role: string;
}

const STAMPS = ['created_at', 'created_by', 'updated_at', 'updated_by', 'object_permission_id', 'max_budget', 'spend'];
const ROLES: ReadonlySet<string> = new Set([
  'proxy_admin',
  'proxy_admin_viewer',
  'internal_user',
  'internal_user_viewer',
]);

function owner(row: IncumbentRow, idColumn: string, taken: readonly string[]): Owner {
  const createdAt = dateOf(row, 'created_at');
  const createdBy = textOf(row, 'created_by');
  const updatedBy = textOf(row, 'updated_by');
  return {
    id: textOf(row, idColumn) ?? '',
    permissionId: textOf(row, 'object_permission_id'),
    maxBudget: numberOf(row, 'max_budget') ?? null,
    spend: numberOf(row, 'spend') ?? 0,
    settings: remainingColumns(row, new Set([...STAMPS, idColumn, ...taken])),
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(createdBy === undefined ? {} : { createdBy }),
    ...(updatedBy === undefined ? {} : { updatedBy }),
  };
}

export function mapOrganization(row: IncumbentRow): MappedOrganization {
  const common = owner(row, 'organization_id', ['organization_alias', 'models', 'metadata']);
  return {
    ...common,
    alias: textOf(row, 'organization_alias') ?? common.id,
    models: textsOf(row, 'models'),
    metadata: objectOf(row, 'metadata'),
  };
}

export function mapTeam(row: IncumbentRow): MappedTeam {
  return {
    ...owner(row, 'team_id', [
      'team_alias',
      'organization_id',
      'blocked',
      'models',
      'team_member_permissions',
      'access_group_ids',
      'metadata',
      'members_with_roles',
      'members',
      'admins',
    ]),
    alias: textOf(row, 'team_alias') ?? null,
    organizationId: textOf(row, 'organization_id') ?? null,
    blocked: flagOf(row, 'blocked'),
    models: textsOf(row, 'models'),
    memberPermissions: textsOf(row, 'team_member_permissions'),
    accessGroupIds: textsOf(row, 'access_group_ids'),
    metadata: objectOf(row, 'metadata'),
    members: teamMembers(row),
  };
}

/** `members_with_roles` is the truth; the deprecated lists count for whoever it does not name. */
function teamMembers(row: IncumbentRow): MappedTeam['members'] {
  const roles = new Map<string, 'admin' | 'user'>();
  for (const userId of textsOf(row, 'members')) roles.set(userId, 'user');
  for (const userId of textsOf(row, 'admins')) roles.set(userId, 'admin');
  for (const entry of listOf(row, 'members_with_roles')) {
    if (typeof entry !== 'object' || entry === null) continue;
    const { user_id: userId, role } = entry as { readonly user_id?: unknown; readonly role?: unknown };
    if (typeof userId === 'string' && userId !== '') roles.set(userId, role === 'admin' ? 'admin' : 'user');
  }
  return [...roles].map(([userId, role]) => ({ userId, role }));
}

export function mapUser(row: IncumbentRow): MappedUser {
  const role = textOf(row, 'user_role');
  return {
    ...owner(row, 'user_id', [
      'user_alias',
      'user_email',
      'user_role',
      'sso_user_id',
      'models',
      'metadata',
      // A hash for a login page that is not ours, and a list that memberships hold.
      'password',
      'teams',
    ]),
    alias: textOf(row, 'user_alias') ?? null,
    // Addresses are kept in lower case: that is how they are looked for.
    email: textOf(row, 'user_email')?.toLowerCase() ?? null,
    role: role !== undefined && ROLES.has(role) ? role : 'internal_user',
    ssoUserId: textOf(row, 'sso_user_id') ?? null,
    models: textsOf(row, 'models'),
    metadata: objectOf(row, 'metadata'),
  };
}

export function mapEndUser(row: IncumbentRow): MappedEndUser {
  return {
    ...owner(row, 'user_id', ['alias', 'blocked']),
    alias: textOf(row, 'alias') ?? null,
    blocked: flagOf(row, 'blocked'),
  };
}

export function mapKey(row: IncumbentRow): MappedKey {
  const tokenHash = textOf(row, 'token') ?? '';
  const routes = textsOf(row, 'allowed_routes');
  return {
    ...owner(row, 'token', [
      'key_name',
      'key_alias',
      'user_id',
      'team_id',
      'organization_id',
      'expires',
      'blocked',
      'allowed_routes',
      'access_group_ids',
      'models',
      'metadata',
      'rotation_count',
      'last_rotation_at',
    ]),
    tokenHash,
    keyName: textOf(row, 'key_name') ?? `sk-...${tokenHash.slice(-4)}`,
    alias: textOf(row, 'key_alias') ?? null,
    userId: textOf(row, 'user_id') ?? null,
    teamId: textOf(row, 'team_id') ?? null,
    organizationId: textOf(row, 'organization_id') ?? null,
    expiresAt: dateOf(row, 'expires') ?? null,
    blocked: flagOf(row, 'blocked'),
    keyType: keyTypeOf(routes),
    allowedRoutes: routes,
    accessGroupIds: textsOf(row, 'access_group_ids'),
    models: textsOf(row, 'models'),
    metadata: objectOf(row, 'metadata'),
    rotationCount: numberOf(row, 'rotation_count') ?? 0,
    lastRotatedAt: dateOf(row, 'last_rotation_at') ?? null,
  };
}

/** The incumbent turns a key's type into one route group and forgets the type (reference §3.6). */
function keyTypeOf(routes: readonly string[]): string {
  if (routes.length !== 1) return 'default';
  switch (routes[0]) {
    case 'llm_api_routes':
      return 'llm_api';
    case 'management_routes':
      return 'management';
    case 'info_routes':
      return 'read_only';
    default:
      return 'default';
  }
}

/** Undefined for a membership that names nobody. */
export function mapMembership(row: IncumbentRow): MappedMembership | undefined {
  const organizationId = textOf(row, 'organization_id');
  const userId = textOf(row, 'user_id');
  if (organizationId === undefined || userId === undefined) return undefined;
  return { organizationId, userId, role: textOf(row, 'user_role') ?? 'internal_user' };
}
