import type { IncumbentRow } from './incumbent.source.js';

/** A text that is not empty. */
export function textOf(row: IncumbentRow, column: string): string | undefined {
  const value = row[column];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function textsOf(row: IncumbentRow, column: string): readonly string[] {
  const value = row[column];
  return Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string') : [];
}

/** An object; the incumbent sometimes stores one as JSON inside a string. */
export function objectOf(row: IncumbentRow, column: string): Readonly<Record<string, unknown>> {
  const value = parsed(row[column]);
  return isObject(value) ? value : {};
}

export function listOf(row: IncumbentRow, column: string): readonly unknown[] {
  const value = parsed(row[column]);
  return Array.isArray(value) ? value : [];
}

export function numberOf(row: IncumbentRow, column: string): number | undefined {
  const value = row[column];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

export function flagOf(row: IncumbentRow, column: string): boolean {
  return row[column] === true;
}

/** Its timestamps have no zone and mean UTC. */
export function dateOf(row: IncumbentRow, column: string): Date | undefined {
  const value = textOf(row, column);
  if (value === undefined) return undefined;
  const date = new Date(/(Z|[+-]\d\d:?\d\d)$/.test(value) ? value : `${value}Z`);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/** Columns that say something, other than those named: kept as settings, so that nothing the incumbent knew is lost. */
export function remainingColumns(row: IncumbentRow, taken: ReadonlySet<string>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(row).filter(([column, value]) => !taken.has(column) && says(value)));
}

function says(value: unknown): boolean {
  if (value === null || value === undefined || value === false) return false;
  if (typeof value === 'object') return Object.keys(value).length > 0;
  return true;
}

function parsed(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    // A plain text, where an object was looked for.
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
