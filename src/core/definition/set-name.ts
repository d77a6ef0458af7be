import { RESERVED_HANDLES } from './server-name.js';

/** Toolsets and access groups are written in paths and header lists, where a comma or a slash ends a name. */
const GRAMMAR = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
const LENGTH_MAX = 100;

/** Why the name of a toolset or an access group is refused, or undefined. Unlike a server's it may hold the separator. */
export function setNameFault(name: string): string | undefined {
  if (name === '') return 'must not be empty';
  if (name.length > LENGTH_MAX) return `must not be longer than ${LENGTH_MAX} characters`;
  if (!GRAMMAR.test(name))
    return 'may hold letters, digits, "_", "." and "-" only, and begins with one of the first three';
  return RESERVED_HANDLES.has(name.toLowerCase()) ? 'is reserved' : undefined;
}
