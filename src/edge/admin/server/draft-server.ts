import { formatFieldProblem, problemAt, type FieldProblem } from '../../../core/definition/field-problem.js';
import { declareServer } from '../../../core/definition/declare-server.js';
import { normalizeServerName, serverIdFault, serverNameFault } from '../../../core/definition/server-name.js';
import { type ServerFields, splitSecrets } from '../../../core/definition/server-secrets.js';
import { openRecord } from '../../../core/definition/storable.js';
import { GatewayError } from '../../../core/errors/gateway-error.js';
import type { DeclaredServer } from '../../../core/definition/declared-server.js';
import { ValidationFailed } from '../auth/validation.pipe.js';

/** A server about to be stored: named and validated. */
export interface ServerDraft {
  readonly id: string;
  readonly name: string;
  readonly alias: string | undefined;
  /** What is stored in clear, and may be shown. */
  readonly shown: Readonly<Record<string, unknown>>;
  /** What is sealed. */
  readonly secrets: Readonly<Record<string, unknown>>;
  /** The whole, secrets included. */
  readonly fields: ServerFields;
  readonly declared: DeclaredServer;
}

/** Ids that would be taken for a route of `/v1/mcp/server/…`. */
const ROUTE_WORDS: ReadonlySet<string> = new Set(['health', 'submissions', 'import', 'register', 'oauth']);

/** Words of the incumbent for what its validators refuse (reference, Appendix E.3). */
const WORDS: Readonly<Record<string, string>> = {
  'url: is required': 'url is required for HTTP/SSE transport',
  'command: is required': 'command is required for stdio transport',
};

/**
 * Names and validates the fields of a server by the rules of the file. A server without a name is called by its alias, or
 * by its id. Throws `server/refused` for names and ids, ValidationFailed for everything else.
 */
export function draftServer(id: string, written: ServerFields, separator: string): ServerDraft {
  const unstorable = openRecord(written);
  if (unstorable.length > 0) throw new ValidationFailed(unstorable.map(({ at, message }) => problemAt(at, message)));
  refuse(idFault(id));
  const givenAlias = textOf(written['alias']);
  const name = normalizeServerName(textOf(written['server_name']) ?? givenAlias ?? id.replaceAll(separator, '_'));
  const alias = givenAlias === undefined ? undefined : normalizeServerName(givenAlias);
  refuse(serverNameFault('Server name', name, separator));
  if (alias !== undefined) refuse(serverNameFault('Alias', alias, separator));
  const { server_id: _id, server_name: _name, alias: _alias, ...fields } = withoutNulls(written);
  const { declared, problems } = declareServer(
    { ...fields, id, server_name: name, ...(alias === undefined ? {} : { alias }) },
    separator,
    'db',
  );
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (declared === undefined || errors.length > 0) throw new ValidationFailed(errors.map(inKnownWords));
  return { id, name, alias, fields, declared, ...splitSecrets(fields) };
}

/** Why an id that somebody chose is refused. */
function idFault(id: string): string | undefined {
  if (ROUTE_WORDS.has(id.toLowerCase())) return `id "${id}" is reserved`;
  return serverIdFault(id);
}

function refuse(fault: string | undefined): void {
  if (fault !== undefined) throw new GatewayError('server/refused', { detail: fault });
}

function inKnownWords(problem: FieldProblem): FieldProblem {
  const said = formatFieldProblem(problem);
  const known = Object.entries(WORDS).find(([start]) => said.startsWith(start));
  return known === undefined ? problem : { ...problem, message: known[1] };
}

/** Text that says something; anything else is for the validator. */
function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string') return value;
  throw new ValidationFailed([{ path: ['server_name'], message: 'must be a string', severity: 'error' }]);
}

function withoutNulls(fields: ServerFields): ServerFields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));
}
