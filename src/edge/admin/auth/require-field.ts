import { problemAt } from '../../../core/definition/field-problem.js';
import { ValidationFailed } from './validation.pipe.js';

/** The value of a field that must be there: 422 when it is not. */
export function requireField<T>(value: T | undefined | null, ...path: readonly (string | number)[]): T {
  if (value === undefined || value === null) throw new ValidationFailed([problemAt(path, 'Field required')]);
  return value;
}
