import { createHash } from 'node:crypto';
import { Secret } from '../../core/model/secret.js';
import type { ServerEntry } from '../../core/model/server-entry.js';

/** A hash over the whole compiled entry, secrets included; the order in which its fields were written does not count. */
export function fingerprintServer(entry: Omit<ServerEntry, 'fingerprint'>): string {
  return createHash('sha256').update(canonical(entry), 'utf8').digest('hex');
}

/** JSON with sorted names, in which maps, sets and secrets take part. */
function canonical(value: unknown): string {
  if (value instanceof Secret) return `secret:${JSON.stringify(value.reveal())}`;
  if (value instanceof Set) return `set:[${[...(value as Set<unknown>)].map(canonical).sort().join()}]`;
  if (value instanceof Map) {
    return `map:{${[...(value as Map<unknown, unknown>)]
      .map(([key, entry]) => `${canonical(key)}:${canonical(entry)}`)
      .sort()
      .join()}}`;
  }
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    return `{${members
      .map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`)
      .sort()
      .join()}}`;
  }
  return value === undefined ? 'undefined' : JSON.stringify(value);
}
