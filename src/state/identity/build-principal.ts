import type { Principal, Role } from '../../core/model/principal.js';
import type { EndUserRecord, KeyRecord } from './principal.store.js';
import { makeGrants, readPermission } from './read-permission.js';
import type { RefusalReason } from './refusal.js';
import { readRouteAccess } from './route-access.js';

/** What the rows behind a credential amount to. */
export type Verdict =
  | { readonly kind: 'principal'; readonly principal: Principal }
  | { readonly kind: 'refused'; readonly reason: RefusalReason };

const ROLES: ReadonlySet<string> = new Set<Role>([
  'proxy_admin',
  'proxy_admin_viewer',
  'internal_user',
  'internal_user_viewer',
]);

/** Whom a virtual key stands for. `now` is milliseconds since the epoch. */
export function keyPrincipal(key: KeyRecord, now: number): Verdict {
  const reason = refusalOf(key, now);
  if (reason !== undefined) return { kind: 'refused', reason };
  const { team, organization, user } = key;
  const ends = [key.expiresAt, key.retiredAt].filter((moment) => moment !== null);
  const routes = readRouteAccess(key.keyType, key.allowedRoutes);
  const principal: Principal = {
    kind: 'virtual_key',
    id: `key:${key.id}`,
    role: readRole(user?.role),
    grants: makeGrants([
      ['key', readPermission(key.permission, { ids: key.accessGroupIds, names: key.accessGroups })],
      [
        'team',
        team === null
          ? undefined
          : readPermission(team.permission, { ids: team.accessGroupIds, names: team.accessGroups }),
      ],
      ['organization', readPermission(organization?.permission ?? null)],
      ['user', readPermission(user?.permission ?? null)],
    ]),
    keyId: key.id,
    keyHash: key.tokenHash,
    ...(routes === undefined ? {} : { routes }),
    ...(user === null ? {} : { userId: user.id }),
    ...(typeof user?.email === 'string' ? { email: user.email } : {}),
    ...(team === null ? {} : { teamId: team.id }),
    ...(organization === null ? {} : { organizationId: organization.id }),
    ...(ends.length === 0 ? {} : { expiresAt: Math.min(...ends) }),
  };
  return { kind: 'principal', principal: Object.freeze(principal) };
}

/** The same caller on behalf of an end user, who narrows only. One nobody knows says nothing. */
export function withEndUser(base: Principal, endUserId: string, endUser: EndUserRecord | undefined): Verdict {
  if (endUser?.blocked === true) return { kind: 'refused', reason: 'end_user_blocked' };
  const levels = base.grants.levels.map(({ level, permission }) => [level, permission] as const);
  const principal: Principal = {
    ...base,
    id: `${base.id}|end_user:${endUserId}`,
    grants: makeGrants([...levels, ['end_user', readPermission(endUser?.permission ?? null)]]),
    endUserId,
  };
  return { kind: 'principal', principal: Object.freeze(principal) };
}

/** `kind:id` of every row behind a key: a change of one of them changes what it is worth. */
export function keySubjects(key: KeyRecord): readonly string[] {
  const { team, organization, user } = key;
  const subjects = [`key:${key.id}`];
  if (team !== null) subjects.push(`team:${team.id}`);
  if (organization !== null) subjects.push(`organization:${organization.id}`);
  if (user !== null) subjects.push(`user:${user.id}`);
  for (const id of key.accessGroupIds) subjects.push(`registry:${id}`);
  for (const id of team?.accessGroupIds ?? []) subjects.push(`registry:${id}`);
  return subjects;
}

/** A role nobody knows is the least of them. */
export function readRole(role: string | undefined): Role {
  if (role === undefined) return 'internal_user';
  return ROLES.has(role) ? (role as Role) : 'internal_user_viewer';
}

function refusalOf(key: KeyRecord, now: number): RefusalReason | undefined {
  if (key.deleted) return 'key_deleted';
  if (key.blocked) return 'key_blocked';
  if (key.expiresAt !== null && key.expiresAt <= now) return 'key_expired';
  if (key.retiredAt !== null && key.retiredAt <= now) return 'key_expired';
  if (key.team?.deleted === true) return 'team_deleted';
  if (key.team?.blocked === true) return 'team_blocked';
  return undefined;
}
