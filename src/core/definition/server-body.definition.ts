import { record } from './field-checks.js';
import { Field } from './field-decorators.js';
import { ServerDefinition } from './server.definition.js';

/** REST's body of a server (reference §3.1): the fields of the file, and the secret ones in one place. */
export class ServerBodyDefinition extends ServerDefinition {
  /** `auth_value`, `client_id`, `client_secret`, `scopes` and the AWS ones. Never given back. */
  @Field(record)
  credentials?: Record<string, unknown>;
}
