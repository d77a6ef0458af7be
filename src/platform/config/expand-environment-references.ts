import { isRecord } from '../../core/definition/field-checks.js';
import { type FieldProblem, problemAt } from '../../core/definition/field-problem.js';

/** Variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

export const REFERENCE_PREFIX = 'os.environ/';

/** Deepest nesting that is looked at. */
const DEPTH_MAX = 64;

/**
 * Puts the value of a variable wherever a string is `os.environ/NAME`: in mappings, in lists, at any depth (contract §1).
 * A variable that is not set is a problem naming the field and the variable; its field is left out of the result, so that
 * what is said of the field is only that.
 */
export function expandEnvironmentReferences(
  value: unknown,
  environment: Environment,
  path: readonly (string | number)[],
): { readonly value: unknown; readonly problems: readonly FieldProblem[] } {
  const problems: FieldProblem[] = [];
  const expand = (node: unknown, here: readonly (string | number)[]): unknown => {
    if (here.length - path.length > DEPTH_MAX) {
      problems.push(problemAt(here, `is nested more than ${DEPTH_MAX} levels deep`));
      return undefined;
    }
    if (typeof node === 'string') return node.startsWith(REFERENCE_PREFIX) ? resolve(node, here) : node;
    if (Array.isArray(node)) return node.map((item: unknown, index) => expand(item, [...here, index]));
    if (!isRecord(node)) return node;
    return Object.fromEntries(Object.entries(node).map(([key, entry]) => [key, expand(entry, [...here, key])]));
  };
  const resolve = (reference: string, here: readonly (string | number)[]): string | undefined => {
    const name = reference.slice(REFERENCE_PREFIX.length).trim();
    const found = Object.hasOwn(environment, name) ? environment[name] : undefined;
    if (found === undefined) {
      problems.push(
        problemAt(
          here,
          name === '' ? `names no variable after ${REFERENCE_PREFIX}` : `environment variable ${name} is not set`,
        ),
      );
    }
    return found;
  };
  return { value: expand(value, path), problems };
}
