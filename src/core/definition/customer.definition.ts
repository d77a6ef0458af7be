import { amount, BUDGET_SETTINGS, BudgetFields, names, shortName } from './budget.definition.js';
import { flag, integerBetween, oneOf } from './field-checks.js';
import { Field, Nested, toFlag, toNumber } from './field-decorators.js';
import { ObjectPermissionDefinition } from './object-permission.definition.js';
import { ownerId } from './owner-checks.js';
import { openRecord } from './storable.js';

/** `POST /customer/new`, `/customer/update` (reference §3.9); `/end_user/…` is the same. */
export class CustomerDefinition extends BudgetFields {
  @Field(ownerId)
  user_id?: string;

  @Field(shortName)
  alias?: string;

  @Field(flag, toFlag)
  blocked?: boolean;

  @Field(oneOf(['eu', 'us']))
  allowed_model_region?: 'eu' | 'us';

  @Field(shortName)
  default_model?: string;

  @Field(openRecord)
  metadata?: Record<string, unknown>;

  @Field(amount, toNumber)
  spend?: number;

  @Nested(ObjectPermissionDefinition)
  object_permission?: ObjectPermissionDefinition;
}

/** Fields of a customer that have no column of their own. */
export const CUSTOMER_SETTINGS = [
  ...BUDGET_SETTINGS,
  'allowed_model_region',
  'default_model',
  'metadata',
] as const satisfies readonly (keyof CustomerDefinition)[];

/** `{user_ids}`. */
export class CustomersDefinition {
  @Field(names)
  user_ids?: string[];
}

/** `?end_user_id=`. */
export class CustomerIdQuery {
  @Field(ownerId)
  end_user_id?: string;
}

/** Customers of one answer; the incumbent does not page this list. */
export const CUSTOMER_LIST_MAX = 5_000;

/** `GET /customer/list`. */
export class CustomerListQuery {
  @Field(integerBetween(1, 1_000_000), toNumber)
  page?: number;

  @Field(integerBetween(1, CUSTOMER_LIST_MAX), toNumber)
  page_size?: number;
}
