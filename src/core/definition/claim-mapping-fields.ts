import { flag, mapOf, oneOf, text } from './field-checks.js';
import { Field, toFlag } from './field-decorators.js';

/** Roles that a claim may give (reference §4.1). An org admin is one by membership. */
export const CLAIMED_ROLES = ['proxy_admin', 'proxy_admin_viewer', 'internal_user', 'internal_user_viewer'] as const;

/** What the claims of an identity provider mean here. Claims may be paths (`realm_access.roles`). */
export class ClaimMappingFields {
  /** Default `sub`. */
  @Field(text)
  user_id_claim?: string;

  @Field(text)
  user_email_claim?: string;

  /** A text or a list. */
  @Field(text)
  team_id_claim?: string;

  @Field(text)
  org_id_claim?: string;

  /** A text (several separated by spaces) or a list, such as `scope` or `realm_access.roles`. */
  @Field(text)
  roles_claim?: string;

  /** What that claim says to one of our roles. */
  @Field(mapOf(oneOf(CLAIMED_ROLES)))
  role_map?: Record<string, string>;

  /** Users who are not known are made. Default false. */
  @Field(flag, toFlag)
  user_id_upsert?: boolean;
}
