import type { Origin } from '../model/server-entry.js';
import { suggestion } from './closest-name.js';
import type { DeclaredServer } from './declared-server.js';
import { isRecord } from './field-checks.js';
import { type FieldProblem, problemAt } from './field-problem.js';
import { normalizeServerName, serverIdFault, serverNameFault } from './server-name.js';
import { checkServerRules } from './server-rules.js';
import { ServerDefinition } from './server.definition.js';
import { validateDefinition } from './validate-definition.js';

export interface WrittenServers {
  /** A mapping name to server, or a list of servers with `server_name`; as parsed, nothing checked. */
  readonly servers: unknown;
  /** Alias to server name, in the order written (reference §1.4). */
  readonly aliases: Readonly<Record<string, string>>;
  readonly separator: string;
  readonly origin: Origin;
}

type Path = readonly (string | number)[];

interface WrittenServer {
  readonly path: Path;
  readonly name: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * Reads the servers of one document: every field, the rules across fields, names, aliases, and clashes among them. Total;
 * all problems at once. The servers are to be used only when no problem is an error. Paths start at the document's root.
 */
export function declareServers(input: WrittenServers): {
  readonly servers: readonly DeclaredServer[];
  readonly problems: readonly FieldProblem[];
} {
  const { written, problems: shapeProblems } = readShape(input.servers);
  const aliases = assignAliases(written, input.aliases);
  const problems: FieldProblem[] = [...shapeProblems, ...aliases.problems];
  const servers = written.map(({ path, name: writtenName, fields }): DeclaredServer => {
    const { value: definition, problems: fieldProblems } = validateDefinition(ServerDefinition, fields);
    const ruleProblems = fieldProblems.some(({ severity }) => severity === 'error') ? [] : checkServerRules(definition);
    problems.push(
      ...[...fieldProblems, ...ruleProblems].map((problem) => ({ ...problem, path: [...path, ...problem.path] })),
    );

    const name = normalizeServerName(writtenName);
    const nameFault = serverNameFault('Server name', name, input.separator);
    if (nameFault !== undefined) problems.push(problemAt(path, nameFault));

    const ownAlias = typeof definition.alias === 'string' ? normalizeServerName(definition.alias) : '';
    const alias =
      ownAlias === '' ? aliases.byServerName.get(writtenName) : { name: ownAlias, path: [...path, 'alias'] };
    const aliasFault = alias && serverNameFault('Alias', alias.name, input.separator);
    if (alias !== undefined && aliasFault !== undefined) problems.push(problemAt(alias.path, aliasFault));

    const id = definition.id ?? definition.server_id;
    const idFault = typeof id === 'string' ? serverIdFault(id) : undefined;
    if (idFault !== undefined)
      problems.push(problemAt([...path, definition.id === undefined ? 'server_id' : 'id'], idFault));

    return { origin: input.origin, name, writtenName, alias: alias?.name, definition };
  });
  problems.push(...handleClashes(servers, written), ...groupClashes(servers, written));
  return { servers, problems };
}

function readShape(servers: unknown): {
  readonly written: readonly WrittenServer[];
  readonly problems: readonly FieldProblem[];
} {
  const problems: FieldProblem[] = [];
  const written: WrittenServer[] = [];
  const add = (path: Path, name: unknown, fields: unknown): void => {
    if (!isRecord(fields)) {
      problems.push(problemAt(path, 'must be a mapping with the fields of a server'));
    } else if (typeof name !== 'string' || name === '') {
      problems.push(problemAt(path, 'needs a server_name: in a list every server carries its name'));
    } else {
      written.push({ path, name, fields });
    }
  };
  if (servers === undefined || servers === null) return { written, problems };
  if (Array.isArray(servers)) {
    servers.forEach((fields: unknown, index) =>
      add(['mcp_servers', index], isRecord(fields) ? fields['server_name'] : undefined, fields),
    );
  } else if (isRecord(servers)) {
    for (const [name, fields] of Object.entries(servers)) {
      const path = ['mcp_servers', name];
      add(path, name, fields);
      if (isRecord(fields) && typeof fields['server_name'] === 'string' && fields['server_name'] !== name) {
        problems.push(
          problemAt([...path, 'server_name'], 'is not used: the key of the mapping is the name', 'warning'),
        );
      }
    }
  } else {
    problems.push(problemAt(['mcp_servers'], 'must be a mapping (name: server) or a list of servers with server_name'));
  }
  return { written, problems };
}

/** The first alias that names a server is its alias; one that names a server with an alias of its own is ignored. */
function assignAliases(written: readonly WrittenServer[], aliases: Readonly<Record<string, string>>) {
  const byServerName = new Map<string, { readonly name: string; readonly path: Path }>();
  const problems: FieldProblem[] = [];
  for (const [alias, target] of Object.entries(aliases)) {
    const path = ['litellm_settings', 'mcp_aliases', alias];
    const server = written.find(
      ({ name }) => name === target || normalizeServerName(name) === normalizeServerName(target),
    );
    if (server === undefined) {
      const hint = suggestion(
        target,
        written.map(({ name }) => name),
      );
      problems.push(
        problemAt(path, `names a server that mcp_servers does not have; the alias is ignored${hint}`, 'warning'),
      );
    } else if (typeof server.fields['alias'] === 'string' && server.fields['alias'] !== '') {
      if (normalizeServerName(server.fields['alias']) !== normalizeServerName(alias)) {
        problems.push(problemAt(path, 'is ignored: the server has an alias of its own', 'warning'));
      }
    } else if (byServerName.has(server.name)) {
      problems.push(problemAt(path, 'is ignored: an earlier alias names the same server', 'warning'));
    } else {
      byServerName.set(server.name, { name: normalizeServerName(alias), path });
    }
  }
  return { byServerName, problems };
}

/** Names, aliases and explicit ids are one space, compared without regard to case, as clients address servers by them. */
function handleClashes(servers: readonly DeclaredServer[], written: readonly WrittenServer[]): readonly FieldProblem[] {
  const owners = new Map<string, number>();
  const problems: FieldProblem[] = [];
  servers.forEach(({ name, alias, definition }, index) => {
    const id = definition.id ?? definition.server_id;
    const handles = { 'Server name': name, Alias: alias, id: typeof id === 'string' ? id : undefined };
    for (const [kind, handle] of Object.entries(handles)) {
      if (handle === undefined || handle === '') continue;
      const owner = owners.get(handle.toLowerCase());
      if (owner === undefined) {
        owners.set(handle.toLowerCase(), index);
      } else if (owner !== index) {
        const other = servers[owner]?.writtenName ?? '';
        problems.push(
          problemAt(written[index]?.path ?? [], `${kind} "${handle}" is already taken by server "${other}"`),
        );
      }
    }
  });
  return problems;
}

function groupClashes(servers: readonly DeclaredServer[], written: readonly WrittenServer[]): readonly FieldProblem[] {
  const handles = new Set(servers.flatMap(({ name, alias }) => [name.toLowerCase(), alias?.toLowerCase()]));
  return servers.flatMap(({ definition }, index) =>
    (['access_groups', 'mcp_access_groups'] as const).flatMap((field) => {
      const groups: readonly unknown[] = Array.isArray(definition[field]) ? definition[field] : [];
      return groups.flatMap((group, item) =>
        typeof group === 'string' && handles.has(group.toLowerCase())
          ? [
              problemAt(
                [...(written[index]?.path ?? []), field, item],
                `the access group "${group}" is called like a server; where both could be meant, the server is`,
                'warning',
              ),
            ]
          : [],
      );
    }),
  );
}
