import type { ServerEntry } from '../../core/model/server-entry.js';

const known = new WeakMap<ServerEntry, readonly string[]>();

/** The variables that each user gives a value for: of a child's environment, or headers. In the order of the definition. */
export function userVariableNames(entry: ServerEntry): readonly string[] {
  let names = known.get(entry);
  if (names !== undefined) return names;
  names =
    entry.endpoint.kind === 'stdio'
      ? entry.perUserEnv
      : entry.headerVariables.filter(({ isPerUser }) => isPerUser).map(({ name }) => name);
  known.set(entry, names);
  return names;
}
