import type { ListItem } from './list-item.js';

export type TaskSupport = 'optional' | 'required';

const supportBy = new WeakMap<ListItem, TaskSupport | 'none'>();

/** Whether a tool of 2025-11-25 may, or must, be called as a task (`execution.taskSupport`); undefined: it must not. */
export function taskSupportOf(tool: ListItem): TaskSupport | undefined {
  if (tool.hasExecution !== true) return undefined;
  const known = supportBy.get(tool) ?? readSupport(tool.text);
  supportBy.set(tool, known);
  return known === 'none' ? undefined : known;
}

function readSupport(text: string): TaskSupport | 'none' {
  const { execution } = JSON.parse(text) as { execution?: { taskSupport?: unknown } | null };
  const support = execution?.taskSupport;
  return support === 'optional' || support === 'required' ? support : 'none';
}
