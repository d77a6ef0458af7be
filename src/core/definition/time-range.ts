import type { FieldIssue } from './field-checks.js';
import { describedAs } from './field-schema.js';

const DAY_MS = 86_400_000;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const MOMENT = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/** A day (`2026-01-31`) or a moment of ISO 8601; without an offset it is UTC. */
export function moment(value: unknown): readonly FieldIssue[] {
  return typeof value === 'string' && parseMoment(value) !== undefined
    ? []
    : [{ at: [], message: 'must be a date such as 2026-01-31, or a time such as 2026-01-31T12:00:00Z' }];
}

/** A day (`2026-01-31`), in UTC. */
export function day(value: unknown): readonly FieldIssue[] {
  return typeof value === 'string' && DATE.test(value) && parseMoment(value) !== undefined
    ? []
    : [{ at: [], message: 'must be a date such as 2026-01-31' }];
}

/** From the first moment, up to but without the last. */
export interface TimeRange {
  readonly from: Date;
  readonly to: Date;
}

/** What a query's start and end mean: an end that is a day includes that day. */
export function rangeOf(start: string | undefined, end: string | undefined, fallback: TimeRange): TimeRange {
  return { from: parseMoment(start) ?? fallback.from, to: endOf(end) ?? fallback.to };
}

/** The last days up to now, this one included. */
export function lastDays(days: number, now: Date): TimeRange {
  return { from: new Date(now.getTime() - days * DAY_MS), to: new Date(now.getTime() + 1) };
}

/** Days a range touches, at most. */
export function daysOf({ from, to }: TimeRange): number {
  return Math.ceil((to.getTime() - from.getTime()) / DAY_MS);
}

export function parseMoment(value: string | undefined): Date | undefined {
  if (value === undefined || !MOMENT.test(value)) return undefined;
  const iso = value.replace(' ', 'T');
  const hasOffset = DATE.test(iso) || /(Z|[+-]\d{2}:?\d{2})$/.test(iso);
  const parsed = new Date(hasOffset ? iso : `${iso}Z`);
  return Number.isNaN(parsed.getTime()) ? undefined : parsed;
}

/** The moment at which a range that ends so is over. */
export function endOf(end: string | undefined): Date | undefined {
  const parsed = parseMoment(end);
  if (parsed === undefined || end === undefined) return undefined;
  return DATE.test(end) ? new Date(parsed.getTime() + DAY_MS) : parsed;
}

describedAs({ type: 'string', description: 'a day (2026-01-31) or a moment of ISO 8601' }, moment);
describedAs({ type: 'string', format: 'date' }, day);
