import { endOfDuration, parseDuration } from '../../../core/definition/duration.js';

/** Settings with the moment their budget starts anew, when a duration was given without one. */
export function withBudgetReset(
  settings: Record<string, unknown>,
  { budget_duration: duration, budget_reset_at: given }: { budget_duration?: unknown; budget_reset_at?: unknown },
): Record<string, unknown> {
  if (typeof given === 'string' || duration === undefined) return settings;
  const span = typeof duration === 'string' ? parseDuration(duration) : undefined;
  return { ...settings, budget_reset_at: span === undefined ? null : endOfDuration(new Date(), span).toISOString() };
}
