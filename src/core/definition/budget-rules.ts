/** What the rules of budgets look at, after a write. */
export interface BudgetState {
  readonly max_budget?: unknown;
  readonly soft_budget?: unknown;
}

/** Why these budgets cannot stand (reference §3.8), in words for the caller; undefined when they can. */
export function budgetRefusal({ max_budget: max, soft_budget: soft }: BudgetState): string | undefined {
  if (typeof max === 'number' && max < 0) return 'max_budget cannot be negative';
  if (typeof soft === 'number' && soft < 0) return 'soft_budget cannot be negative';
  if (typeof max === 'number' && typeof soft === 'number' && soft >= max) {
    return `soft_budget (${soft}) must be strictly lower than max_budget (${max})`;
  }
  return undefined;
}

const SECOND = 1_000;
const UNIT_MS: Readonly<Record<string, number>> = {
  s: SECOND,
  m: 60 * SECOND,
  h: 3_600 * SECOND,
  d: 86_400 * SECOND,
  w: 7 * 86_400 * SECOND,
};

/** When a budget of this duration starts anew, counted from `from`; a month is a month of the calendar. */
export function budgetResetAt(duration: string, from: Date): Date | undefined {
  const [, amount = '', unit = ''] = /^(\d+)(mo|[smhdw])$/.exec(duration) ?? [];
  if (unit === '') return undefined;
  if (unit !== 'mo') return new Date(from.getTime() + Number(amount) * (UNIT_MS[unit] ?? 0));
  const reset = new Date(from);
  reset.setUTCDate(1);
  reset.setUTCMonth(reset.getUTCMonth() + Number(amount));
  const lastDay = new Date(Date.UTC(reset.getUTCFullYear(), reset.getUTCMonth() + 1, 0)).getUTCDate();
  reset.setUTCDate(Math.min(from.getUTCDate(), lastDay));
  return reset;
}
