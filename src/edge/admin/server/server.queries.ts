import { integerBetween, oneOf, text } from '../../../core/definition/field-checks.js';
import { shortText } from '../../../core/definition/storable.js';
import { Field, toNumber } from '../../../core/definition/field-decorators.js';

/** `GET /v1/mcp/server`. */
export class ServerListQuery {
  /** Only servers this team has. */
  @Field(shortText(256))
  team_id?: string;

  /** `rejected`: what was set aside, with the reasons. */
  @Field(oneOf(['rejected']))
  status?: 'rejected';

  /** From 1. Absent: all at once. */
  @Field(integerBetween(1, 1_000_000), toNumber)
  page?: number;

  @Field(integerBetween(1, 1_000), toNumber)
  page_size?: number;
}

/** `GET /v0.1/servers`. */
export class RegistryListQuery {
  @Field(text)
  cursor?: string;

  @Field(integerBetween(1, 100), toNumber)
  limit?: number;

  /** Part of the name, in any case. */
  @Field(text)
  search?: string;

  /** Only this version; `latest` is the only one there is. */
  @Field(text)
  version?: string;
}
