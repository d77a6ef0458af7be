import { createHash } from 'node:crypto';

/** Longest tool or prompt name the protocol allows (2025-11-25, "Tool Names"). */
export const NAME_LENGTH_MAX = 128;

const HASH_LENGTH = 8;

/**
 * `{prefix}{separator}{name}`; beyond {@link NAME_LENGTH_MAX} the tail gives way to `-` and a hash of the whole, so
 * that the name is stable and depends on its own server and tool only (contract §4).
 */
export function publicName(prefix: string, separator: string, name: string): string {
  const full = `${prefix}${separator}${name}`;
  if (full.length <= NAME_LENGTH_MAX) return full;
  const digest = createHash('sha256').update(full).digest('hex').slice(0, HASH_LENGTH);
  return `${full.slice(0, NAME_LENGTH_MAX - HASH_LENGTH - 1)}-${digest}`;
}

/**
 * Splits a public name at the first separator. The left part is a prefix only if it is a known server's; asking is the
 * caller's business, since tool names may contain the separator too.
 */
export function splitPublicName(name: string, separator: string): { prefix: string; rest: string } | undefined {
  const at = name.indexOf(separator);
  if (at <= 0) return undefined;
  return { prefix: name.slice(0, at), rest: name.slice(at + separator.length) };
}
