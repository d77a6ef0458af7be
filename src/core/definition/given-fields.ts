import { isRecord } from './field-checks.js';
import type { DefinitionClass } from './field-decorators.js';
import { fieldNames } from './validate-definition.js';

/** The fields a body names: their values as validated, null where the body says null. What it does not name is absent. */
export type Given<T> = { readonly [K in keyof T]?: NonNullable<T[K]> | null };

/**
 * Tells "left out" from "null" in a validated body: `@Field` reads both as undefined, and an update must not.
 *
 * @param raw what was written, before validation.
 */
export function givenFields<T extends object>(type: DefinitionClass<T>, body: T, raw: unknown): Given<T> {
  const written = isRecord(raw) ? raw : {};
  const values = body as Readonly<Record<string, unknown>>;
  const named = fieldNames(type).filter((field) => Object.hasOwn(written, field));
  return Object.fromEntries(named.map((field) => [field, values[field] ?? null])) as Given<T>;
}

/** Settings after a write: what is given replaces, null removes, everything else stays. */
export function mergeSettings(
  current: unknown,
  given: Readonly<Record<string, unknown>>,
  fields: readonly string[],
): Record<string, unknown> {
  const merged: Record<string, unknown> = isRecord(current) ? { ...current } : {};
  for (const field of fields) {
    const value = given[field];
    if (value === null) Reflect.deleteProperty(merged, field);
    else if (value !== undefined) merged[field] = value;
  }
  return merged;
}

/** The fields of a stored settings object, null where it does not say. */
export function presentSettings(settings: unknown, fields: readonly string[]): Record<string, unknown> {
  const stored = isRecord(settings) ? settings : {};
  return Object.fromEntries(fields.map((field) => [field, stored[field] ?? null]));
}

/** What was written for one field; undefined when it was left out. */
export function writtenField(raw: unknown, field: string): unknown {
  return isRecord(raw) && Object.hasOwn(raw, field) ? raw[field] : undefined;
}
