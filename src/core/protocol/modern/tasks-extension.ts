import { scanObject } from '../json-scan.js';
import { memberText } from './object-text.js';

/** Tasks of the modern era (SEP-2663): servers decide which call becomes one, for clients that declared it. */
export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';

/** What −32021 names when a request is about tasks and its client did not declare them. */
export const TASKS_REQUIRED = Object.freeze({ extensions: { [TASKS_EXTENSION]: {} } });

/** Requests about a task, which only the extension has. */
export const TASK_METHODS: ReadonlySet<string> = new Set(['tasks/get', 'tasks/update', 'tasks/cancel']);

/** Whether these capabilities, of a client or a server, name the extension. Core tasks of 2025-11-25 do not count. */
export function declaresTasks(capabilities: Readonly<Record<string, unknown>>): boolean {
  const { extensions } = capabilities;
  return typeof extensions === 'object' && extensions !== null && TASKS_EXTENSION in extensions;
}

/** Whether a server of 2025-11-25 takes tool calls as tasks. */
export function takesToolTasks(capabilities: Readonly<Record<string, unknown>>): boolean {
  const { tasks } = capabilities as { tasks?: { requests?: { tools?: { call?: unknown } } } | null };
  return tasks?.requests?.tools?.call !== undefined;
}

/** What the extension calls the members of a task of 2025-11-25. */
const RENAMED: ReadonlyMap<string, string> = new Map([
  ['ttl', 'ttlMs'],
  ['pollInterval', 'pollIntervalMs'],
]);

/**
 * A task as a server of 2025-11-25 wrote it (raw object), in the words of the extension, with some members set. A task
 * that does not say how long it is kept is kept without limit. Everything else stays as it came.
 */
export function toModernTask(task: string, set: ReadonlyMap<string, string>): string {
  const members = scanObject(task).map((member) => ({ ...member, key: RENAMED.get(member.key) ?? member.key }));
  const parts = members.filter(({ key }) => !set.has(key)).map((member) => memberText(task, member));
  if (!members.some(({ key }) => key === 'ttlMs')) parts.push('"ttlMs":null');
  for (const [key, value] of set) parts.push(`${JSON.stringify(key)}:${value}`);
  return `{${parts.join(',')}}`;
}
