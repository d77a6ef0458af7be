import { isISO8601 } from 'class-validator';
import { numberBetween, secretText } from './field-checks.js';
import { Field, toSecret } from './field-decorators.js';
import { describedAs } from './field-schema.js';
import { KeyFields } from './key-fields.js';
import type { Secret } from '../model/secret.js';

/** Body of `POST /key/update`: what it names is changed, null clears, the rest stays. */
export class KeyUpdateDefinition extends KeyFields {
  /** The key, or its hash. */
  @Field(secretText, toSecret)
  key?: Secret;

  /** With {@link temp_budget_expiry}, or neither. */
  @Field(numberBetween(0, Number.MAX_VALUE))
  temp_budget_increase?: number;

  @Field(
    describedAs({ type: 'string', format: 'date-time' }, (value) =>
      typeof value === 'string' && isISO8601(value, { strict: true })
        ? []
        : [{ at: [], message: 'must be a time such as 2030-01-31T12:00:00Z' }],
    ),
  )
  temp_budget_expiry?: string;
}
