import type { FieldIssue } from './field-checks.js';
import { describedAs } from './field-schema.js';

const DURATION = /^(\d{1,9})(s|m|h|d|w|mo)$/;
const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
/** A hundred years: whoever wants more wants no end. */
const MILLISECONDS_MAX = 100 * 366 * UNIT_MS.d;
const MONTHS_MAX = 1_200;

/** A span as people write it: months have no fixed length. */
export type Duration = { readonly milliseconds: number } | { readonly months: number };

/** Reads `30s`, `30m`, `30h`, `30d`, `1w`, `1mo`; undefined for anything else, zero and more than a hundred years. */
export function parseDuration(text: string): Duration | undefined {
  const [, digits, unit] = DURATION.exec(text.trim()) ?? [];
  if (digits === undefined || unit === undefined) return undefined;
  const count = Number(digits);
  if (count === 0) return undefined;
  if (unit === 'mo') return count <= MONTHS_MAX ? { months: count } : undefined;
  const milliseconds = count * UNIT_MS[unit as keyof typeof UNIT_MS];
  return milliseconds <= MILLISECONDS_MAX ? { milliseconds } : undefined;
}

/** When a span that begins at `from` ends. A month ends on the same day, or on the last day of a shorter month (UTC). */
export function endOfDuration(from: Date, duration: Duration): Date {
  if ('milliseconds' in duration) return new Date(from.getTime() + duration.milliseconds);
  const end = new Date(from);
  end.setUTCDate(1);
  end.setUTCMonth(end.getUTCMonth() + duration.months);
  const lastDay = new Date(Date.UTC(end.getUTCFullYear(), end.getUTCMonth() + 1, 0)).getUTCDate();
  end.setUTCDate(Math.min(from.getUTCDate(), lastDay));
  return end;
}

/** Field check of a span. */
export function durationText(value: unknown): readonly FieldIssue[] {
  const fits = typeof value === 'string' && parseDuration(value) !== undefined;
  return fits ? [] : [{ at: [], message: 'must be a duration such as 30s, 30m, 30h, 30d, 1w or 1mo' }];
}

describedAs({ type: 'string', description: 'a span such as 30s, 30m, 30h, 30d, 1w or 1mo' }, durationText);
