import { ALL_SERVERS, ALL_TEAM_SERVERS, NO_SERVERS } from '../model/permission.js';

/** Longest name or alias: leaves room for a tool's own name within what the protocol allows. */
const LENGTH_MAX = 100;
const GRAMMAR = /^[A-Za-z0-9_.-]+$/;
/** Ids with a meaning of their own in permissions (reference §1.3). */
export const RESERVED_HANDLES: ReadonlySet<string> = new Set([ALL_TEAM_SERVERS, ALL_SERVERS, NO_SERVERS]);

/** The name as it is used: without outer blanks, spaces inside as `_` (contract §4). */
export function normalizeServerName(written: string): string {
  return written.trim().replaceAll(' ', '_');
}

/**
 * Why a (normalized) server name or alias is refused, or undefined. Contract §4: `[A-Za-z0-9_.-]`, no separator inside.
 */
export function serverNameFault(kind: 'Server name' | 'Alias', name: string, separator: string): string | undefined {
  if (name === '') return `${kind} must not be empty`;
  if (name.length > LENGTH_MAX) return `${kind} must not be longer than ${LENGTH_MAX} characters`;
  if (name.includes(separator)) {
    return `${kind} cannot contain '${separator}'. Use an alternative character instead Found: ${name}`;
  }
  if (!GRAMMAR.test(name)) return `${kind} may hold letters, digits, "_", "." and "-" only. Found: ${name}`;
  if (name.startsWith('.') || name.startsWith('-')) return `${kind} must not start with "${name.charAt(0)}"`;
  if (RESERVED_HANDLES.has(name.toLowerCase())) return `${kind} "${name}" is reserved`;
  return undefined;
}

/** Why an explicit id is refused, or undefined. An id may hold the separator. */
export function serverIdFault(id: string): string | undefined {
  if (id === '' || id.length > LENGTH_MAX || !GRAMMAR.test(id) || id.startsWith('.')) {
    return `id must be 1 to ${LENGTH_MAX} letters, digits, "_", "." or "-"`;
  }
  return RESERVED_HANDLES.has(id.toLowerCase()) ? `id "${id}" is reserved` : undefined;
}

/** Whether text can stand between prefix and tool name: short, and of characters names are split at. */
export function isSeparator(text: string): boolean {
  return /^[-_./:]{1,8}$/.test(text);
}
