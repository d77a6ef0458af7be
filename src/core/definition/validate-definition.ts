import 'reflect-metadata';
import { plainToInstance } from 'class-transformer';
import { getMetadataStorage, validateSync, type ValidationError } from 'class-validator';
import { suggestion } from './closest-name.js';
import { isRecord } from './field-checks.js';
import { decodeIssues, nestedClassOf, type DefinitionClass } from './field-decorators.js';
import { type FieldProblem, problemAt } from './field-problem.js';

export interface ValidatedDefinition<T> {
  /** Built from what was written; to be used only when no problem is an error. */
  readonly value: T;
  readonly problems: readonly FieldProblem[];
}

/**
 * Reads one definition from plain data (YAML or a REST body): converts, checks every field, and warns of fields nobody
 * knows. Reports all problems at once, with paths relative to `raw`. Does not check what concerns several fields.
 */
export function validateDefinition<T extends object>(
  type: DefinitionClass<T>,
  raw: Readonly<Record<string, unknown>>,
): ValidatedDefinition<T> {
  const value = plainToInstance(type, raw);
  const errors = validateSync(value, { forbidUnknownValues: true, validationError: { target: false, value: false } });
  return { value, problems: [...toFieldProblems(errors, []), ...unknownFields(type, raw, [])] };
}

/** The same errors in our words: one problem for each spot, with the whole path. Used for YAML and REST alike. */
export function toFieldProblems(
  errors: readonly ValidationError[],
  path: readonly (string | number)[],
): readonly FieldProblem[] {
  return errors.flatMap(({ property, constraints, children }) => {
    const here = [...path, /^\d+$/.test(property) ? Number(property) : property];
    const own = Object.entries(constraints ?? {})
      // Says only that the value is no object; the field's own check says it better.
      .filter(([name]) => name !== 'nestedValidation')
      .flatMap(([, message]) => decodeIssues(message))
      .map(({ at, message }) => problemAt([...here, ...at], message));
    return [...own, ...toFieldProblems(children ?? [], here)];
  });
}

/** Names of the fields a definition class declares, inherited ones included, in alphabetical order. */
export function fieldNames(type: DefinitionClass): readonly string[] {
  const metadata = getMetadataStorage().getTargetValidationMetadatas(type, '', false, false);
  return [...new Set(metadata.map(({ propertyName }) => propertyName))].sort();
}

function unknownFields(
  type: DefinitionClass,
  raw: Readonly<Record<string, unknown>>,
  path: readonly (string | number)[],
): readonly FieldProblem[] {
  const known = fieldNames(type);
  const open = (type as { readonly isOpen?: unknown }).isOpen === true;
  return Object.entries(raw).flatMap(([name, value]) => {
    const inner = nestedClassOf(type, name);
    if (inner !== undefined) return isRecord(value) ? unknownFields(inner, value, [...path, name]) : [];
    if (open || known.includes(name)) return [];
    return [problemAt([...path, name], `unknown field, ignored${suggestion(name, known)}`, 'warning')];
  });
}
