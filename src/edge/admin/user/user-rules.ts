import type { Given } from '../../../core/definition/given-fields.js';
import type { UserNewDefinition, UserUpdateDefinition } from '../../../core/definition/user.definition.js';
import type { Principal } from '../../../core/model/principal.js';
import type { MembershipSets } from '../membership/memberships.service.js';

const isViewer = ({ role }: Principal): boolean => role === 'proxy_admin_viewer' || role === 'internal_user_viewer';

/**
 * Why the caller may not make this user, in words for them; undefined when they may. Proxy admins make anybody; org admins
 * make users without rights of their own, into organizations and teams that they administer.
 */
export function refusalToCreateUser(
  principal: Principal,
  { orgAdminOf, teamAdminOf }: MembershipSets,
  wanted: Pick<UserNewDefinition, 'user_role' | 'organizations' | 'teams' | 'sso_user_id'>,
): string | undefined {
  if (principal.role === 'proxy_admin') return undefined;
  if (isViewer(principal) || orgAdminOf.size === 0) {
    return `Only proxy admins and org admins can create users. Your role=${principal.role}`;
  }
  const organizations = wanted.organizations ?? [];
  if (organizations.length === 0 || organizations.some((id) => !orgAdminOf.has(id))) {
    return 'Org admins create users in their own organizations: name them in `organizations`';
  }
  if ((wanted.teams ?? []).some(({ team_id: id }) => !teamAdminOf.has(id))) {
    return 'You are not an admin of a team named in `teams`';
  }
  if (wanted.user_role === 'proxy_admin' || wanted.user_role === 'proxy_admin_viewer') {
    return `Only proxy admins can create users with user_role=${wanted.user_role}`;
  }
  if (wanted.sso_user_id !== undefined) return 'Only proxy admins can set sso_user_id';
  return undefined;
}

/** What people may say of themselves. An address identifies, and everything else is a limit or a right. */
const OWN_FIELDS: ReadonlySet<keyof UserUpdateDefinition> = new Set<keyof UserUpdateDefinition>([
  'user_id',
  'user_alias',
]);

/** Why the caller may not change this of the user; undefined when they may. */
export function refusalToUpdateUser(
  principal: Principal,
  userId: string,
  given: Given<UserUpdateDefinition>,
): string | undefined {
  if (principal.role === 'proxy_admin') return undefined;
  if (principal.userId !== userId || isViewer(principal)) {
    return `Only proxy admins can update other users. Your role=${principal.role}`;
  }
  const beyond = Object.keys(given).filter((field) => !OWN_FIELDS.has(field as keyof UserUpdateDefinition));
  return beyond.length === 0 ? undefined : `Only proxy admins can set ${beyond.join(', ')} of a user`;
}

/** Whether the caller may see the user: themselves, everybody (admins and viewers), the people of their organizations. */
export function mayReadUser(
  principal: Principal,
  { orgAdminOf }: MembershipSets,
  user: { readonly id: string; readonly organizationIds: readonly string[] },
): boolean {
  if (principal.role === 'proxy_admin' || principal.role === 'proxy_admin_viewer') return true;
  return principal.userId === user.id || user.organizationIds.some((id) => orgAdminOf.has(id));
}

/** Whether the caller sees all of the user, or only what concerns the organizations the caller administers. */
export function seesAllOfUser(principal: Principal, userId: string): boolean {
  return principal.role === 'proxy_admin' || principal.role === 'proxy_admin_viewer' || principal.userId === userId;
}

/** `GET /user/available_roles`. */
export const ROLE_DESCRIPTIONS = {
  proxy_admin: {
    description: 'Administers everything: servers, keys, teams, users, settings',
    ui_label: 'Admin (All Permissions)',
  },
  proxy_admin_viewer: { description: 'Sees everything, changes and calls nothing', ui_label: 'Admin (View Only)' },
  internal_user: {
    description: 'Has keys of their own and calls what those are granted',
    ui_label: 'Internal User (Create/Delete/View)',
  },
  internal_user_viewer: {
    description: 'Sees what is theirs and changes nothing',
    ui_label: 'Internal User (View Only)',
  },
} as const;
