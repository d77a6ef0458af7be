/** Something wrong with the configuration, wherever it was given. Holds no values, so it can be printed and logged. */
export interface Problem {
  readonly severity: 'error' | 'warning' | 'note';
  /** The file as people know it (relative where that is shorter); absent for flags and environment. */
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
  /** From 1. */
  readonly column?: number;
  /** The field (`mcp_servers.github.args[0]`), flag (`--port`) or variable (`PORT`). */
  readonly field?: string;
  readonly message: string;
}

/** Whether the configuration must not be used. */
export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some(({ severity }) => severity === 'error');
}
