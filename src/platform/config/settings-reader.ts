import type { FieldCheck } from '../../core/definition/field-checks.js';
import type { Environment } from './expand-environment-references.js';
import type { Problem } from './problem.js';

/**
 * Takes values of flags and variables and collects what is wrong with them. Empty counts as not given (compose files pass
 * empty variables for unset ones). Messages never hold the value.
 */
export class SettingsReader {
  readonly problems: Problem[] = [];
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** The variable, or undefined. */
  text(variable: string): string | undefined {
    const value = Object.hasOwn(this.#environment, variable) ? this.#environment[variable] : undefined;
    return value === undefined || value.trim() === '' ? undefined : value.trim();
  }

  /** The flag, else the variable; a whole number in the bounds. */
  integer(
    variable: string,
    bounds: readonly [min: number, max: number],
    flag?: { name: string; value: string | undefined },
  ): number | undefined {
    const [source, value] = flag?.value === undefined ? [variable, this.text(variable)] : [flag.name, flag.value];
    if (value === undefined) return undefined;
    const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= bounds[0] && number <= bounds[1]) return number;
    this.fail(source, `must be a whole number from ${bounds[0]} to ${bounds[1]}`);
    return undefined;
  }

  /** The variable when one of the choices, without regard to case. */
  choice<T extends string>(variable: string, choices: readonly T[]): T | undefined {
    const value = this.text(variable)?.toLowerCase();
    if (value === undefined) return undefined;
    const found = choices.find((choice) => choice === value);
    if (found === undefined) this.fail(variable, `must be one of ${choices.join(', ')}`);
    return found;
  }

  /** The variable when the check approves. */
  checked(variable: string, check: FieldCheck): string | undefined {
    const value = this.text(variable);
    if (value === undefined) return undefined;
    const issues = check(value);
    for (const { message } of issues) this.fail(variable, message);
    return issues.length === 0 ? value : undefined;
  }

  fail(field: string, message: string): void {
    this.problems.push({ severity: 'error', field, message });
  }

  warn(field: string, message: string): void {
    this.problems.push({ severity: 'warning', field, message });
  }
}
