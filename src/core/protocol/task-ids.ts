import { findMember, scanArray, scanObject, type MemberSpan } from './json-scan.js';
import { withoutMembers } from './modern/object-text.js';
import { splice, type Replacement } from './splice.js';

/** Key of `_meta` by which a message belongs to a task (2025-11-25, "Tasks"). */
export const RELATED_TASK = 'io.modelcontextprotocol/related-task';

/** The id of the task that these raw params belong to; undefined: none. */
export function relatedTask(params: string): string | undefined {
  if (!params.includes(RELATED_TASK)) return undefined;
  const { _meta } = JSON.parse(params) as { _meta?: Readonly<Record<string, { taskId?: unknown } | null>> | null };
  const taskId = _meta?.[RELATED_TASK]?.taskId;
  return typeof taskId === 'string' ? taskId : undefined;
}

const JUST_RELATED_TASK: ReadonlySet<string> = new Set([RELATED_TASK]);

/** A result that does not say which task it is of: inside of that task it must not (SEP-2663). */
export function withoutRelatedTask(result: string): string {
  if (!result.includes(RELATED_TASK) || !result.startsWith('{')) return result;
  const meta = findMember(scanObject(result), '_meta');
  if (meta === undefined || result.charAt(meta.start) !== '{') return result;
  const rest = withoutMembers(result.slice(meta.start, meta.end), JUST_RELATED_TASK);
  return splice(result, [{ start: meta.start, end: meta.end, with: rest }]);
}

/**
 * A result, or params, with its task ids replaced: `taskId`, `task.taskId`, `tasks[].taskId` and the related task in
 * `_meta`. Everything else stays as it came. What `map` answers undefined for stays too.
 */
export function mapTaskIds(text: string, map: (taskId: string) => string | undefined): string {
  if (!text.startsWith('{')) return text;
  const replacements: Replacement[] = [];
  const takeFrom = (members: readonly MemberSpan[]): void => {
    const span = findMember(members, 'taskId');
    if (span === undefined || text.charAt(span.start) !== '"') return;
    const mapped = map(String(JSON.parse(text.slice(span.start, span.end))));
    if (mapped !== undefined) replacements.push({ start: span.start, end: span.end, with: JSON.stringify(mapped) });
  };
  const membersOf = (members: readonly MemberSpan[], key: string): readonly MemberSpan[] => {
    const span = findMember(members, key);
    return span !== undefined && text.charAt(span.start) === '{' ? scanObject(text, span.start) : [];
  };
  const members = scanObject(text);
  takeFrom(members);
  takeFrom(membersOf(members, 'task'));
  takeFrom(membersOf(membersOf(members, '_meta'), RELATED_TASK));
  const list = findMember(members, 'tasks');
  if (list !== undefined && text.charAt(list.start) === '[') {
    for (const { start } of scanArray(text, list.start)) {
      if (text.charAt(start) === '{') takeFrom(scanObject(text, start));
    }
  }
  return replacements.length === 0 ? text : splice(text, replacements);
}
