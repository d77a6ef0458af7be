import { isRecord, type FieldCheck, type FieldIssue } from './field-checks.js';
import { describedAs } from './field-schema.js';

/**
 * Text that is looked for in the database and therefore in an index: 1 to `max` characters, none of them null. Use for
 * names, aliases and ids.
 */
export function shortText(max: number): FieldCheck {
  return describedAs({ type: 'string', minLength: 1, maxLength: max }, (value) =>
    typeof value === 'string' && value !== '' && value.length <= max && isStorable(value)
      ? []
      : [{ at: [], message: `must be a string of 1 to ${max} characters` }],
  );
}

/** A mapping whose inside is open, as deep as the body may nest. Postgres keeps no null characters in JSON. */
export function openRecord(value: unknown): readonly FieldIssue[] {
  if (!isRecord(value)) return [{ at: [], message: 'must be a mapping (name: value)' }];
  return storableIssues(value);
}

/** A list whose items are open. */
export function openList(value: unknown): readonly FieldIssue[] {
  return Array.isArray(value) ? storableIssues(value) : [{ at: [], message: 'must be a list' }];
}

/** A mapping of names to whole numbers from 0. */
export function countsByName(value: unknown): readonly FieldIssue[] {
  if (!isRecord(value)) return [{ at: [], message: 'must be a mapping (name: value)' }];
  const counts = Object.entries(value).flatMap(([name, count]) =>
    Number.isSafeInteger(count) && Number(count) >= 0 ? [] : [{ at: [name], message: 'must be a whole number from 0' }],
  );
  return [...counts, ...storableIssues(value)];
}

function storableIssues(value: unknown): readonly FieldIssue[] {
  return findText(value, (text) => !isStorable(text))
    ? [{ at: [], message: 'must hold no null characters and only valid Unicode' }]
    : [];
}

function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

function findText(value: unknown, matches: (text: string) => boolean): boolean {
  if (typeof value === 'string') return matches(value);
  if (Array.isArray(value)) return value.some((item: unknown) => findText(item, matches));
  return isRecord(value) && Object.entries(value).some(([name, entry]) => matches(name) || findText(entry, matches));
}

describedAs({ type: 'object' }, openRecord);
describedAs({ type: 'array', items: {} }, openList);
describedAs({ type: 'object', additionalProperties: { type: 'integer', minimum: 0 } }, countsByName);
