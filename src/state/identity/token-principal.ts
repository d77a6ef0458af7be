import type { ObjectPermission } from '../../core/model/permission.js';
import type { Principal } from '../../core/model/principal.js';
import { readRole, type Verdict } from './build-principal.js';
import type { OwnerRecord, TeamRecord, UserRecord } from './principal.store.js';
import { makeGrants, readPermission } from './read-permission.js';
import type { TokenClaims } from './token-claims.js';

/** The rows a token names. */
export interface TokenOwners {
  /** Those of its teams that there are, in the token's order. */
  readonly teams: readonly TeamRecord[];
  /** Of the token, else of its team. */
  readonly organization: OwnerRecord | undefined;
  readonly user: UserRecord | undefined;
}

/**
 * Which of the named teams count: those that are neither blocked nor deleted, of the same organization as the first. What
 * several teams grant is added up, and a sum cannot be narrowed by two organizations.
 */
export function activeTeams(claims: TokenClaims, teams: readonly TeamRecord[]): readonly TeamRecord[] {
  const active = teams.filter(({ blocked, deleted }) => !blocked && !deleted);
  const organizationId = claims.organizationId ?? active[0]?.organizationId ?? null;
  return active.filter((team) => team.organizationId === organizationId);
}

/** Whom a verified token stands for. Teams and an organization it names must exist; a user need not. */
export function tokenPrincipal(claims: TokenClaims, owners: TokenOwners): Verdict {
  const { organization, user } = owners;
  if (claims.organizationId !== undefined && organization === undefined) {
    return { kind: 'refused', reason: 'token_organization_unknown' };
  }
  const teams = activeTeams(claims, owners.teams);
  const [team] = teams;
  if (claims.teamIds !== undefined && team === undefined) {
    const known = owners.teams.some(({ deleted }) => !deleted);
    return { kind: 'refused', reason: known ? 'team_blocked' : 'token_team_unknown' };
  }
  const email = claims.email ?? user?.email ?? undefined;
  const principal: Principal = {
    kind: 'jwt',
    id: claims.principalId,
    role: claims.role ?? readRole(user?.role),
    grants: makeGrants([
      ['team', addUp(teams)],
      ['organization', readPermission(organization?.permission ?? null)],
      ['user', readPermission(user?.permission ?? null)],
    ]),
    expiresAt: claims.expiresAt,
    ...(claims.audience === undefined ? {} : { audience: claims.audience }),
    ...(claims.userId === undefined ? {} : { userId: claims.userId }),
    ...(email === undefined ? {} : { email }),
    ...(team === undefined ? {} : { teamId: team.id }),
    ...(organization === undefined ? {} : { organizationId: organization.id }),
  };
  return { kind: 'principal', principal: Object.freeze(principal) };
}

/** What several teams grant together. One that says nothing adds nothing; where two limit tools of a server, both count. */
function addUp(teams: readonly TeamRecord[]): ObjectPermission | undefined {
  const said = teams
    .map((team) => readPermission(team.permission, { ids: team.accessGroupIds, names: team.accessGroups }))
    .filter((permission) => permission !== undefined);
  const [first, ...others] = said;
  if (first === undefined || others.length === 0) return first;
  const plain = said.map(withServersNamed);
  const tools: Record<string, string[]> = {};
  for (const { toolPermissions = {} } of plain) {
    for (const [server, names] of Object.entries(toolPermissions)) (tools[server] ??= []).push(...names);
  }
  return {
    servers: plain.flatMap(({ servers = [] }) => servers),
    accessGroups: plain.flatMap(({ accessGroups = [] }) => accessGroups),
    toolsets: plain.flatMap(({ toolsets = [] }) => toolsets),
    toolPermissions: tools,
  };
}

/** Entries that are the grant by themselves would be mere limits beside another team's servers. */
function withServersNamed(permission: ObjectPermission): ObjectPermission {
  const { servers, accessGroups, toolsets, toolPermissions } = permission;
  const onlyEntries = servers === undefined && accessGroups === undefined && toolsets === undefined;
  return onlyEntries ? { ...permission, servers: Object.keys(toolPermissions ?? {}) } : permission;
}
