import type { Problem } from './problem.js';

/** One problem as one line: `config.yaml:12:5 mcp_servers.github.url: must be …`. */
export function formatProblem({ file, line, column, field, message }: Problem): string {
  const place = file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}:${column ?? 1}`}`;
  const subject = [place, field].filter((part) => part !== undefined && part !== '').join(' ');
  return subject === '' ? message : `${subject}: ${message}`;
}

/** All problems, in the order of the file, each with its severity, and a closing count. Ends with a line break. */
export function formatProblems(problems: readonly Problem[]): string {
  const lines = inFileOrder(problems).map((problem) => `${problem.severity.padEnd(7)} ${formatProblem(problem)}`);
  const count = (severity: Problem['severity']): number =>
    problems.filter((problem) => problem.severity === severity).length;
  const totals = [plural(count('error'), 'error'), plural(count('warning'), 'warning')].filter((part) => part !== '');
  return [...lines, ...(totals.length > 0 ? [totals.join(', ')] : []), ''].join('\n');
}

/** Flags and environment first, then the file from top to bottom. */
export function inFileOrder(problems: readonly Problem[]): readonly Problem[] {
  return [...problems].sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}

/** `mcp_servers.github.args[0]`; names with other characters are quoted. */
export function formatPath(path: readonly (string | number)[]): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`;
      const plain = /^[A-Za-z0-9_-]+$/.test(step);
      return plain ? `${index === 0 ? '' : '.'}${step}` : `[${JSON.stringify(step)}]`;
    })
    .join('');
}

function plural(count: number, noun: string): string {
  return count === 0 ? '' : `${count} ${noun}${count === 1 ? '' : 's'}`;
}
