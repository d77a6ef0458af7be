import type { Principal } from '../../../core/model/principal.js';
import type { MembershipSets } from '../membership/memberships.service.js';

/** Whose calls a caller may see. */
export type UsageScope =
  | 'everything'
  | {
      /** Principal id of the credential, end users left aside. */
      readonly principalId: string;
      readonly userId: string | undefined;
      readonly teamIds: readonly string[];
      readonly organizationIds: readonly string[];
    };

/** Pure: admins and viewers see all calls; others their own, and those of teams and organizations they administer. */
export function usageScope(principal: Principal, { teamAdminOf, orgAdminOf }: MembershipSets): UsageScope {
  if (principal.role === 'proxy_admin' || principal.role === 'proxy_admin_viewer') return 'everything';
  const [principalId = principal.id] = principal.id.split('|end_user:');
  return {
    principalId,
    userId: principal.userId,
    teamIds: [...teamAdminOf],
    organizationIds: [...orgAdminOf],
  };
}
