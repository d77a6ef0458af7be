import { flag, integerBetween, isRecord, listOf, oneOf, record, text, type FieldCheck } from './field-checks.js';
import { Field, toFlag, toNumber } from './field-decorators.js';
import { CLAIMED_ROLES } from './claim-mapping-fields.js';

const roleMapping: FieldCheck = (value) => {
  if (!isRecord(value)) return record(value);
  return [
    ...text(value['jwt_role']).map(({ message }) => ({ at: ['jwt_role'], message })),
    ...oneOf(CLAIMED_ROLES)(value['litellm_role']).map(({ message }) => ({ at: ['litellm_role'], message })),
  ];
};

/** `general_settings.litellm_jwtauth`: the incumbent's names for what we read of a token. */
export class LitellmJwtAuthDefinition {
  /** Default `sub`. */
  @Field(text)
  user_id_jwt_field?: string;

  @Field(text)
  user_email_jwt_field?: string;

  @Field(text)
  team_id_jwt_field?: string;

  @Field(text)
  team_ids_jwt_field?: string;

  @Field(text)
  org_id_jwt_field?: string;

  /** The `scope` of a proxy admin. Default `litellm_proxy_admin`. */
  @Field(text)
  admin_jwt_scope?: string;

  @Field(text)
  user_roles_jwt_field?: string;

  /** List of `{jwt_role, litellm_role}`. */
  @Field(listOf(roleMapping))
  jwt_litellm_role_map?: { jwt_role: string; litellm_role: string }[];

  @Field(flag, toFlag)
  user_id_upsert?: boolean;

  /** Seconds. */
  @Field(integerBetween(10, 86_400), toNumber)
  public_key_ttl?: number;
}
