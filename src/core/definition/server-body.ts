import { isRecord } from './field-checks.js';
import { type FieldProblem, problemAt } from './field-problem.js';
import { CREDENTIAL_FIELDS, HIDDEN, type ServerFields } from './server-secrets.js';
import { ServerDefinition } from './server.definition.js';
import { fieldNames } from './validate-definition.js';

/** Members of REST's `credentials` (reference §3.1). */
const CREDENTIAL_MEMBERS: readonly string[] = [
  ...CREDENTIAL_FIELDS,
  'scopes',
  'client_private_key_id',
  'client_assertion_signing_alg',
  'aws_region_name',
  'aws_service_name',
  'aws_role_name',
  'aws_session_name',
];

/** Two spellings of one field: the file's, and the one that is stored. */
const SYNONYMS: readonly (readonly [other: string, stored: string])[] = [
  ['access_groups', 'mcp_access_groups'],
  ['authentication_token', 'auth_value'],
  ['id', 'server_id'],
];

/**
 * A REST body as the fields of a server: `credentials` taken apart, one spelling of each field, nothing that is no field.
 * A field given as null is null here. Nothing is validated but the shape of body and `credentials`.
 */
export function readServerBody(body: unknown): {
  readonly fields: ServerFields;
  readonly problems: readonly FieldProblem[];
} {
  if (!isRecord(body))
    return { fields: {}, problems: [problemAt([], 'must be an object with the fields of a server')] };
  const { credentials, ...written } = body;
  const problems: FieldProblem[] = [];
  const fields: Record<string, unknown> = {};
  if (credentials === null) {
    for (const member of [...CREDENTIAL_FIELDS, 'scopes']) fields[member] = null;
  } else if (isRecord(credentials)) {
    for (const [member, value] of Object.entries(credentials)) {
      if (CREDENTIAL_MEMBERS.includes(member)) fields[member] = value;
    }
  } else if (credentials !== undefined && credentials !== HIDDEN) {
    problems.push(problemAt(['credentials'], 'must be an object'));
  }
  const known = fieldNames(ServerDefinition);
  for (const [name, value] of Object.entries(written)) if (known.includes(name)) fields[name] = value;
  for (const [other, stored] of SYNONYMS) {
    if (!(other in fields)) continue;
    // The incumbent looks at the file's spelling of the credential first; of the others REST's own wins.
    if (other === 'authentication_token' || !(stored in fields)) fields[stored] = fields[other];
    delete fields[other];
  }
  return { fields, problems };
}
