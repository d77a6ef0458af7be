import { shortName } from './budget.definition.js';
import { Field } from './field-decorators.js';
import { SortedPageQuery } from './page-query.definition.js';
import { moment } from './time-range.js';

/** `GET /audit`. */
export class AuditQuery extends SortedPageQuery {
  /** User id, or principal id such as `master` or `key:<id>`. */
  @Field(shortName)
  changed_by?: string;

  /** Hash of the key that was used. */
  @Field(shortName)
  changed_by_api_key?: string;

  @Field(shortName)
  action?: string;

  /** `team`, `key`, `mcp_server`…, or the incumbent's name of the table. */
  @Field(shortName)
  table_name?: string;

  /** The same as `table_name`. */
  @Field(shortName)
  object_kind?: string;

  @Field(shortName)
  object_id?: string;

  @Field(moment)
  start_date?: string;

  @Field(moment)
  end_date?: string;
}

/** Tables of the incumbent (reference §10) by the kinds of objects we keep. */
export const KIND_OF_TABLE: Readonly<Record<string, string>> = {
  LiteLLM_VerificationToken: 'key',
  LiteLLM_TeamTable: 'team',
  LiteLLM_OrganizationTable: 'organization',
  LiteLLM_UserTable: 'user',
  LiteLLM_EndUserTable: 'customer',
  LiteLLM_MCPServerTable: 'mcp_server',
};
