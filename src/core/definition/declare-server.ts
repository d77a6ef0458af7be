import type { Origin } from '../model/server-entry.js';
import type { DeclaredServer } from './declared-server.js';
import { declareServers } from './declare-servers.js';
import type { FieldProblem } from './field-problem.js';

/**
 * Reads one server that stands alone, as REST and the database give it: by the rules of the file. Paths are relative to
 * `fields`. The server is to be used only when no problem is an error.
 */
export function declareServer(
  fields: Readonly<Record<string, unknown>>,
  separator: string,
  origin: Origin,
): { readonly declared: DeclaredServer | undefined; readonly problems: readonly FieldProblem[] } {
  const { servers, problems } = declareServers({ servers: [fields], aliases: {}, separator, origin });
  // The paths start with the list it was put into.
  return { declared: servers[0], problems: problems.map((problem) => ({ ...problem, path: problem.path.slice(2) })) };
}
