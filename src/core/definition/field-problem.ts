/**
 * Something to say about one field of what a person wrote. Messages name fields and rules, never values: a value may be
 * a secret in the wrong place.
 */
export interface FieldProblem {
  /** From the top of the thing that was checked: `['mcp_servers', 'github', 'args', 0]`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  /** An `error` makes the whole input invalid; a `warning` is reported and the input is used; a `note` is for interest. */
  readonly severity: 'error' | 'warning' | 'note';
}

/** A problem at a path; `error` unless said otherwise. */
export function problemAt(
  path: readonly (string | number)[],
  message: string,
  severity: FieldProblem['severity'] = 'error',
): FieldProblem {
  return { path, message, severity };
}

/** `auth_value: must not be empty`, for one line of text. */
export function formatFieldProblem({ path, message }: FieldProblem): string {
  return path.length === 0 ? message : `${path.join('.')}: ${message}`;
}
