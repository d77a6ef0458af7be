import { Field } from './field-decorators.js';
import { openList } from './storable.js';

/** Body of `POST /key/bulk_update`: each entry is a body of `/key/update`, judged on its own. */
export class KeyBulkUpdateDefinition {
  @Field(openList)
  keys?: unknown[];
}
