import { scanObject, type MemberSpan } from '../json-scan.js';

/** An object without the members that `drops` names, the others as they came. The text itself when none is there. */
export function withoutMembers(
  text: string,
  drops: ReadonlySet<string>,
  members: readonly MemberSpan[] = scanObject(text),
): string {
  const kept = members.filter(({ key }) => !drops.has(key));
  return kept.length === members.length ? text : objectText(kept.map((member) => memberText(text, member)));
}

/** An object with some members set: those that are there get the new raw value, the others are added behind. */
export function withMembersSet(
  text: string,
  set: ReadonlyMap<string, string>,
  members: readonly MemberSpan[] = scanObject(text),
): string {
  const missing = new Map(set);
  const parts = members.map((member) => {
    const value = set.get(member.key);
    if (value === undefined) return memberText(text, member);
    missing.delete(member.key);
    return `${JSON.stringify(member.key)}:${value}`;
  });
  for (const [key, value] of missing) parts.push(`${JSON.stringify(key)}:${value}`);
  return objectText(parts);
}

export function memberText(text: string, { key, start, end }: MemberSpan): string {
  return `${JSON.stringify(key)}:${text.slice(start, end)}`;
}

function objectText(parts: readonly string[]): string {
  return `{${parts.join(',')}}`;
}
