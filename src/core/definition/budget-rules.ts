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
