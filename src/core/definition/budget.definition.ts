import {
  integerBetween,
  listOf,
  mapOf,
  numberBetween,
  oneOf,
  record,
  recordOrList,
  text,
  type FieldIssue,
} from './field-checks.js';
import { Field, toNumber } from './field-decorators.js';

const AMOUNT_MAX = 1e12;
const COUNT_MAX = Number.MAX_SAFE_INTEGER;

/** Sign is judged by `budgetRefusal`, which answers 400 as the incumbent does. */
export const amount = numberBetween(-AMOUNT_MAX, AMOUNT_MAX, 'USD');
export const count = integerBetween(0, COUNT_MAX);

const DURATION = /^\d{1,6}(s|m|h|d|w|mo)$/;

/** `30s`, `30m`, `30h`, `30d`, `2w`, `1mo` (reference §3.6). */
export function duration(value: unknown): readonly FieldIssue[] {
  return typeof value === 'string' && DURATION.test(value)
    ? []
    : [{ at: [], message: 'must be a duration such as 30s, 30m, 30h, 30d, 2w or 1mo' }];
}

const limitType = oneOf(['guaranteed_throughput', 'best_effort_throughput', 'dynamic']);

/** Budgets and limits, as every owner has them (reference §3.6 to §3.9). Kept and given back. */
export class BudgetFields {
  @Field(amount, toNumber)
  max_budget?: number;

  @Field(amount, toNumber)
  soft_budget?: number;

  @Field(duration)
  budget_duration?: string;

  @Field(text)
  budget_id?: string;

  @Field(text)
  budget_reset_at?: string;

  /** Several windows at once. */
  @Field(recordOrList)
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
  @Field(record)
  model_max_budget?: Record<string, unknown>;

  @Field(mapOf(count))
  model_rpm_limit?: Record<string, number>;

  @Field(mapOf(count))
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
export const names = listOf(text);
