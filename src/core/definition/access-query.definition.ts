import { text } from './field-checks.js';
import { Field } from './field-decorators.js';

/** `GET /v1/mcp/access/explain`. */
export class AccessExplainQuery {
  /** The key, its hash or its alias. Absent: the caller's own. */
  @Field(text)
  key?: string;

  /** Server by id, name or alias. */
  @Field(text)
  server?: string;

  /** A tool of it, by the server's own name or with its prefix. */
  @Field(text)
  tool?: string;

  /** On behalf of this end user. */
  @Field(text)
  end_user?: string;

  /** From this address; absent: from inside. */
  @Field(text)
  client_ip?: string;
}

/** `GET /v1/mcp/access_groups`. */
export class AccessGroupNamesQuery {
  /** Only groups of which this team has a server. */
  @Field(text)
  team_id?: string;
}
