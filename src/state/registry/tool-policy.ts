import type { ServerDefinition } from '../../core/definition/server.definition.js';
import type { ToolPolicy } from '../../core/model/server-entry.js';

/**
 * The server's own allow and deny lists. Entries may carry the prefix under which clients see the tool: `gh-search` on a
 * server with prefix `gh` means the upstream's `search` as well as a tool that is really called so. Always by the
 * configured separator. An empty `allowed_tools` restricts nothing (reference §1.2).
 */
export function compileToolPolicy(
  definition: ServerDefinition,
  prefixes: readonly string[],
  separator: string,
): ToolPolicy {
  const starts = prefixes.map((prefix) => `${prefix}${separator}`);
  const bare = (written: string): readonly string[] =>
    starts
      .filter((start) => written.startsWith(start) && written.length > start.length)
      .map((start) => written.slice(start.length));
  const spellings = (names: readonly string[]): ReadonlySet<string> =>
    new Set(names.flatMap((name) => [name, ...bare(name)]));
  const { allowed_tools: allowed, disallowed_tools: disallowed, allowed_params: params } = definition;
  const pins = definition.pinned_tools ?? {};

  const allowedParams = new Map<string, ReadonlySet<string>>();
  const entries = Object.entries(params ?? {});
  for (const [tool, names] of entries) {
    for (const name of bare(tool)) allowedParams.set(name, new Set(names));
  }
  // An entry that names the tool as the upstream does wins over one that names it by prefix.
  for (const [tool, names] of entries) allowedParams.set(tool, new Set(names));

  return Object.freeze({
    allowed: allowed === undefined || allowed.length === 0 ? undefined : spellings(allowed),
    disallowed: spellings(disallowed ?? []),
    allowedParams,
    pins: Object.keys(pins).length === 0 ? undefined : new Map(Object.entries(pins)),
  });
}
