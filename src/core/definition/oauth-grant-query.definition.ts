import { shortName } from './budget.definition.js';
import { oneOf } from './field-checks.js';
import { Field } from './field-decorators.js';
import { PageQuery } from './page-query.definition.js';

/** `GET /v1/oauth/grants`. */
export class OAuthGrantQuery extends PageQuery {
  @Field(shortName)
  user_id?: string;

  /** Id of a key's row. */
  @Field(shortName)
  key_id?: string;

  /** `active`: its tokens are good; `over`: it was taken back or has ended. Default: both. */
  @Field(oneOf(['active', 'over']))
  status?: 'active' | 'over';
}
