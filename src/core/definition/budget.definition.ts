import { durationText } from './duration.js';
import { integerBetween, listOf, numberBetween, oneOf, type FieldIssue } from './field-checks.js';
import { describedAs } from './field-schema.js';
import { Field, toNumber } from './field-decorators.js';
import { countsByName, openList, openRecord, shortText } from './storable.js';

const AMOUNT_MAX = 1e12;
const COUNT_MAX = Number.MAX_SAFE_INTEGER;

/** Sign is judged by `budgetRefusal`, which answers 400 as the incumbent does. */
export const amount = numberBetween(-AMOUNT_MAX, AMOUNT_MAX, 'USD');
export const count = integerBetween(0, COUNT_MAX);
/** Aliases, ids of other things. */
export const shortName = shortText(255);

/** Where the incumbent leaves the inside open. */
export function openRecordOrList(value: unknown): readonly FieldIssue[] {
  return Array.isArray(value) ? openList(value) : openRecord(value);
}
describedAs({ anyOf: [{ type: 'object' }, { type: 'array', items: {} }] }, openRecordOrList);

const limitType = oneOf(['guaranteed_throughput', 'best_effort_throughput', 'dynamic']);

/** Budgets and limits, as every owner has them (reference §3.6 to §3.9). Kept and given back. */
export class BudgetFields {
  @Field(amount, toNumber)
  max_budget?: number;

  @Field(amount, toNumber)
  soft_budget?: number;

  @Field(durationText)
  budget_duration?: string;

  @Field(shortName)
  budget_id?: string;

  @Field(shortName)
  budget_reset_at?: string;

  /** Several windows at once. */
  @Field(openRecordOrList)
  budget_limits?: object;

  @Field(count, toNumber)
  max_parallel_requests?: number;

  @Field(count, toNumber)
  tpm_limit?: number;

  @Field(count, toNumber)
  rpm_limit?: number;

  @Field(limitType)
  tpm_limit_type?: string;

  @Field(limitType)
  rpm_limit_type?: string;

  /** Model to its budget, as the incumbent writes it. */
  @Field(openRecord)
  model_max_budget?: Record<string, unknown>;

  @Field(countsByName)
  model_rpm_limit?: Record<string, number>;

  @Field(countsByName)
  model_tpm_limit?: Record<string, number>;
}

/** The fields above that are kept among the settings of an owner; `max_budget` has a column. */
export const BUDGET_SETTINGS = [
  'soft_budget',
  'budget_duration',
  'budget_id',
  'budget_reset_at',
  'budget_limits',
  'max_parallel_requests',
  'tpm_limit',
  'rpm_limit',
  'tpm_limit_type',
  'rpm_limit_type',
  'model_max_budget',
  'model_rpm_limit',
  'model_tpm_limit',
] as const satisfies readonly (keyof BudgetFields)[];

/** A list of names such as models or tags. */
export const names = listOf(shortText(4_000));
