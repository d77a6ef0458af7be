import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { Principal } from '../../../core/model/principal.js';
import type { MembershipSets } from '../membership/memberships.service.js';
import type { KeyOwners, KeyTeam } from './key-record.js';

/** What may be done to keys, as `team_member_permissions` names it. */
export type KeyRoute =
  | '/key/generate'
  | '/key/service-account/generate'
  | '/key/info'
  | '/key/update'
  | '/key/delete'
  | '/key/regenerate'
  | '/key/reset_spend'
  | '/key/block'
  | '/key/unblock';

/** Who asks. */
export interface KeyCaller {
  readonly principal: Principal;
  readonly memberships: MembershipSets;
}

/** The key that is asked for. */
export interface OwnedKey extends KeyOwners {
  readonly id: string;
  readonly team: KeyTeam | null;
}

/** What members may do to their team's keys while nobody said otherwise (reference §3.6). */
const DEFAULT_MEMBER_PERMISSIONS: readonly string[] = ['/key/info', '/key/health'];

/** Other spellings of a route in `team_member_permissions`. */
const SPELLINGS: Readonly<Partial<Record<KeyRoute, readonly string[]>>> = {
  '/key/regenerate': ['/key/{key_id}/regenerate', '/key/{key}/regenerate'],
  '/key/reset_spend': ['/key/{key_id}/reset_spend', '/key/{key}/reset_spend'],
};

const isViewer = ({ role }: Principal): boolean => role === 'proxy_admin_viewer' || role === 'internal_user_viewer';

/** Whether the caller may see the key: their own, a key of theirs or of what they administer, of their team where it lets them. */
export function mayRead({ principal, memberships }: KeyCaller, key: OwnedKey): boolean {
  if (principal.role === 'proxy_admin' || principal.role === 'proxy_admin_viewer') return true;
  if (principal.keyId === key.id || isOwn(principal, key)) return true;
  if (administers(memberships, key)) return true;
  return key.teamId !== null && memberships.teamMemberOf.has(key.teamId) && permits(key.team, '/key/info');
}

/** Why the caller may not do this to the key; undefined when they may. */
export function refusalToWrite(caller: KeyCaller, key: OwnedKey, route: KeyRoute): GatewayError | undefined {
  const { principal, memberships } = caller;
  if (principal.role === 'proxy_admin') return undefined;
  if (isViewer(principal)) return forbidden(principal, route);
  if (administers(memberships, key)) return undefined;
  if (key.teamId !== null) {
    if (!memberships.teamMemberOf.has(key.teamId)) return forbidden(principal, route);
    return permits(key.team, route) ? undefined : notPermittedInTeam(key.teamId, key.team, route);
  }
  // Whoever had the key blocked did not mean its owner to undo it, nor to wipe out what it spent.
  const ownerMay = route !== '/key/unblock' && route !== '/key/reset_spend';
  return ownerMay && isOwn(principal, key) ? undefined : forbidden(principal, route);
}

/**
 * Why the caller may not be given a new secret of a key they may write to; undefined when they may. Whoever administers a
 * team manages its members' keys, but does not get to act as them.
 */
export function refusalToReissue({ principal }: KeyCaller, key: KeyOwners): GatewayError | undefined {
  const allowed = principal.role === 'proxy_admin' || key.userId === null || isOwn(principal, key);
  return allowed
    ? undefined
    : new GatewayError('key/forbidden', {
        detail: `Only a proxy admin or the key's user can regenerate it. Got user_id=${key.userId}, Your ID=${principal.userId ?? 'None'}`,
      });
}

/**
 * Whether a new secret of this key gives the caller what they have: all of it, the very key, or, for a person without a
 * key between, what is theirs. Else one key could get hold of what another was granted.
 */
export function holdsAlready({ principal, memberships }: KeyCaller, key: OwnedKey): boolean {
  if (principal.role === 'proxy_admin' || principal.keyId === key.id) return true;
  return principal.keyId === undefined && (isOwn(principal, key) || administers(memberships, key));
}

/** A key as it is about to be: made, or moved to other owners. */
export interface WantedOwners extends KeyOwners {
  /** Null: there is no such team, or none is named. */
  readonly team: KeyTeam | null;
}

/**
 * Why the caller may not have a key with these owners; undefined when they may. A key acts for its user everywhere, so
 * nobody but a proxy admin gets one of somebody else's. What does not exist reads like what is not the caller's.
 */
export function refusalToOwn(caller: KeyCaller, wanted: WantedOwners, route: KeyRoute): GatewayError | undefined {
  const { principal } = caller;
  if (principal.role === 'proxy_admin') return undefined;
  if (isViewer(principal)) return forbidden(principal, route);
  return wanted.teamId === null
    ? refusalOfPersonalKey(caller, wanted)
    : refusalOfTeamKey(caller, wanted, wanted.teamId, route);
}

function refusalOfPersonalKey(
  { principal, memberships }: KeyCaller,
  { userId, organizationId }: WantedOwners,
): GatewayError | undefined {
  if (organizationId !== null && !memberships.orgMemberOf.has(organizationId)) {
    return new GatewayError('key/forbidden', {
      detail: `User=${principal.userId ?? 'None'} does not belong to organization=${organizationId}`,
    });
  }
  const governs = organizationId !== null && memberships.orgAdminOf.has(organizationId);
  if (userId === null) {
    return governs
      ? undefined
      : new GatewayError('key/forbidden', {
          detail: 'Only admins can create keys without a user. Your key has no user: name a team you administer',
        });
  }
  return userId === principal.userId ? undefined : onlyForThemselves(principal, userId);
}

function refusalOfTeamKey(
  { principal, memberships }: KeyCaller,
  { userId, organizationId, team }: WantedOwners,
  teamId: string,
  route: KeyRoute,
): GatewayError | undefined {
  if (team === null || !memberships.teamMemberOf.has(teamId)) {
    return new GatewayError('key/forbidden', {
      detail: `User=${principal.userId ?? 'None'} does not belong to team=${teamId}`,
    });
  }
  const isAdmin = memberships.teamAdminOf.has(teamId);
  const needed = userId === null && route === '/key/generate' ? '/key/service-account/generate' : route;
  if (!isAdmin && !permits(team, needed)) return notPermittedInTeam(teamId, team, needed);
  if (userId !== null && userId !== principal.userId) return onlyForThemselves(principal, userId);
  const orgFits =
    organizationId === null ||
    organizationId === team.organizationId ||
    (team.organizationId === null && memberships.orgMemberOf.has(organizationId));
  return orgFits
    ? undefined
    : new GatewayError('key/forbidden', { detail: `Team=${teamId} does not belong to organization=${organizationId}` });
}

/** Which keys a caller sees in lists; undefined: all of them. Any of the conditions suffices. */
export interface KeyScope {
  readonly keyId: string | undefined;
  readonly userId: string | undefined;
  /** Keys of these teams. */
  readonly teamIds: readonly string[];
  /** Keys of these organizations that are in no team. */
  readonly organizationIds: readonly string[];
  /** Keys that this user made, in none but these teams. */
  readonly createdBy: { readonly userId: string; readonly teamIds: readonly string[] } | undefined;
}

/** What lists show beyond one's own keys. */
export interface ListReach {
  readonly administered: boolean;
  readonly createdByMe: boolean;
}

export function listScope({ principal, memberships }: KeyCaller, reach: ListReach): KeyScope | undefined {
  if (principal.role === 'proxy_admin' || principal.role === 'proxy_admin_viewer') return undefined;
  const { userId, keyId } = principal;
  return {
    keyId,
    userId,
    teamIds: reach.administered ? [...memberships.teamAdminOf] : [],
    organizationIds: reach.administered ? [...memberships.orgAdminOf] : [],
    createdBy:
      reach.createdByMe && userId !== undefined ? { userId, teamIds: [...memberships.teamMemberOf] } : undefined,
  };
}

function isOwn({ userId }: Principal, key: KeyOwners): boolean {
  return userId !== undefined && key.userId === userId;
}

function administers({ teamAdminOf, orgAdminOf }: MembershipSets, { teamId, organizationId }: KeyOwners): boolean {
  if (teamId !== null) return teamAdminOf.has(teamId);
  return organizationId !== null && orgAdminOf.has(organizationId);
}

function memberPermissions(team: KeyTeam | null): readonly string[] {
  return team === null || team.memberPermissions.length === 0 ? DEFAULT_MEMBER_PERMISSIONS : team.memberPermissions;
}

function permits(team: KeyTeam | null, route: KeyRoute): boolean {
  const permitted = memberPermissions(team);
  return [route, ...(SPELLINGS[route] ?? [])].some((spelling) => permitted.includes(spelling));
}

function forbidden({ role }: Principal, route: KeyRoute): GatewayError {
  return new GatewayError('key/forbidden', {
    detail: `You are not allowed to call ${route} on this key. Your role=${role}`,
  });
}

function onlyForThemselves({ userId }: Principal, wanted: string): GatewayError {
  return new GatewayError('key/forbidden', {
    detail: `User can only create keys for themselves. Got user_id=${wanted}, Your ID=${userId ?? 'None'}`,
    data: { param: 'user_id' },
  });
}

function notPermittedInTeam(teamId: string, team: KeyTeam | null, route: KeyRoute): GatewayError {
  return new GatewayError('key/not_permitted_in_team', {
    detail: `Team member does not have permissions for endpoint: ${route}. You only have access to the following endpoints: [${memberPermissions(team).join(', ')}] for team ${teamId}`,
    data: { type: 'team_member_permission_error', param: 'team_id' },
  });
}
