import { ValidationPipe } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { toFieldProblems } from '../../../core/definition/validate-definition.js';
import type { FieldProblem } from '../../../core/definition/field-problem.js';

/** One entry of a 422 answer (contract §10). */
export interface ValidationProblem {
  readonly loc: readonly (string | number)[];
  readonly msg: string;
  readonly type: string;
}

/** The body (or query) does not fit its definition: 422 with every problem. */
export class ValidationFailed extends Error {
  readonly problems: readonly ValidationProblem[];

  constructor(problems: readonly FieldProblem[]) {
    super('Validation failed');
    this.name = 'ValidationFailed';
    this.problems = problems
      .filter(({ severity }) => severity === 'error')
      .map(({ path, message }) => ({ loc: ['body', ...path], msg: message, type: 'value_error' }));
  }
}

/** Global: class-validator over every typed body and query of the control plane. */
export function validationPipe(): ValidationPipe {
  return new ValidationPipe({
    transform: true,
    whitelist: true,
    forbidUnknownValues: true,
    validationError: { target: false, value: false },
    exceptionFactory: (errors: ValidationError[]) => new ValidationFailed(toFieldProblems(errors, [])),
  });
}
