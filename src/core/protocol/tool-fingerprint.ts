import { createHash } from 'node:crypto';

/** `sha256:` and 64 hex digits. */
export const TOOL_FINGERPRINT = /^sha256:[0-9a-f]{64}$/;

/**
 * What a tool's definition is recognised by: everything its server says of it (name, description, schemas, annotations,
 * `_meta`), whatever the order of members. Two definitions that differ in anything a model may read differ in this.
 */
export function toolFingerprint(tool: unknown): string {
  return `sha256:${createHash('sha256').update(canonical(tool)).digest('hex')}`;
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`);
  return `{${members.join(',')}}`;
}
