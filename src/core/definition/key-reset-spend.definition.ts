import { numberBetween } from './field-checks.js';
import { Field } from './field-decorators.js';

/** Body of `POST /key/{key}/reset_spend`. */
export class KeyResetSpendDefinition {
  @Field(numberBetween(-Number.MAX_VALUE, Number.MAX_VALUE))
  reset_to?: number;
}
