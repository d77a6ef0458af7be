import { type ArgumentMetadata, ValidationPipe } from '@nestjs/common';
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

  /** `place`: the part of the request that was read; first element of each `loc`. */
  constructor(problems: readonly FieldProblem[], place: 'body' | 'query' | 'path' = 'body') {
    super('Validation failed');
    this.name = 'ValidationFailed';
    this.problems = problems
      .filter(({ severity }) => severity === 'error')
      .map(({ path, message }) => ({ loc: [place, ...path], msg: message, type: 'value_error' }));
  }
}

/** Global: class-validator over every typed body and query of the control plane. */
export function validationPipe(): ValidationPipe {
  return new PlacedValidationPipe({
    transform: true,
    whitelist: true,
    forbidUnknownValues: true,
    validationError: { target: false, value: false },
    exceptionFactory: (errors: ValidationError[]) => new InvalidValue(toFieldProblems(errors, [])),
  });
}

/** Nest's factory of errors is not told which part of the request it is about. */
class InvalidValue extends Error {
  constructor(readonly problems: readonly FieldProblem[]) {
    super('Invalid value');
  }
}

class PlacedValidationPipe extends ValidationPipe {
  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    try {
      return (await super.transform(value, metadata)) as unknown;
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error;
      throw new ValidationFailed(error.problems, placeOf(metadata.type));
    }
  }
}

function placeOf(type: ArgumentMetadata['type']): 'body' | 'query' | 'path' {
  if (type === 'query') return 'query';
  return type === 'param' ? 'path' : 'body';
}
