import { type FieldProblem, problemAt } from './field-problem.js';
import type { AuthType, ServerDefinition, ServerField, Transport } from './server.definition.js';
import { ineffectiveFields, setAsideReason, unsupportedFeatures } from './unsupported-features.js';

/** How a server is reached (contract §2): as written; a `command` means stdio; otherwise it is found out by asking. */
export function effectiveTransport(definition: ServerDefinition): Transport | 'auto' {
  if (definition.transport !== undefined) return definition.transport;
  if (isGiven(definition.command)) return 'stdio';
  // Requests are signed one by one, which HTTP+SSE has nobody for.
  return definition.auth_type === 'aws_sigv4' ? 'http' : 'auto';
}

/**
 * The rules that concern several fields of a server. Takes a definition whose single fields are valid; paths are relative
 * to it. Features of later versions are warnings here: the file is right, the server is set aside.
 */
export function checkServerRules(definition: ServerDefinition): readonly FieldProblem[] {
  const transport = effectiveTransport(definition);
  return [
    ...(transport === 'stdio' ? stdioRules(definition) : httpRules(definition, transport)),
    ...credentialRules(definition),
    ...toolRules(definition),
    ...versionRules(definition),
  ];
}

function stdioRules(definition: ServerDefinition): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (!isGiven(definition.command)) problems.push(problemAt(['command'], 'is required for transport stdio'));
  const { command } = definition;
  if (isGiven(command) && /\s/.test(command.trim()) && !isGiven(definition.args)) {
    problems.push(warn('command', 'is run as one program name, not by a shell: put its arguments into args'));
  }
  const unused: readonly ServerField[] = [
    'url',
    'static_headers',
    'extra_headers',
    'auth_value',
    'authentication_token',
  ];
  return [...problems, ...noEffect(definition, unused, 'a stdio server; give the child its secrets in env')];
}

function httpRules(definition: ServerDefinition, transport: Transport | 'auto'): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (!isGiven(definition.url) && !isGiven(definition.spec_path)) {
    problems.push(
      transport === 'auto'
        ? problemAt(['url'], 'is required for a remote server (or a command, for a stdio server)')
        : problemAt(['url'], `is required for transport ${transport}`),
    );
  }
  const url = isGiven(definition.url) ? URL.parse(definition.url) : null;
  if (url !== null && (url.username !== '' || url.password !== '') && !isUnauthenticated(definition)) {
    problems.push(problemAt(['url'], 'holds a user name or password beside auth_type: keep one of the two'));
  }
  if (definition.protocol_era === 'modern' && transport === 'sse') {
    problems.push(problemAt(['protocol_era'], 'cannot be modern for transport sse, which that era does not have'));
  }
  if (url !== null && url.hash !== '') problems.push(warn('url', 'has a fragment (#…), which is never sent'));
  return [
    ...problems,
    ...noEffect(definition, ['command', 'args', 'env', 'cwd', 'isolation'], 'a server reached by url'),
  ];
}

function credentialRules(definition: ServerDefinition): readonly FieldProblem[] {
  const type = definition.auth_type ?? 'none';
  const field = definition.authentication_token === undefined ? 'auth_value' : 'authentication_token';
  const value = (definition.authentication_token ?? definition.auth_value)?.reveal();
  const problems: FieldProblem[] = [];
  if (value !== undefined && type === 'none' && effectiveTransport(definition) !== 'stdio') {
    problems.push(warn(field, 'has no effect without an auth_type such as bearer_token or api_key'));
  }
  if (definition.auth_value !== undefined && definition.authentication_token !== undefined) {
    problems.push(warn('auth_value', 'is not used: authentication_token is given and wins'));
  }
  if (value !== undefined && type === 'basic' && !isBasicCredential(value)) {
    problems.push(problemAt([field], 'must be user:password, or its base64 form, for auth_type basic'));
  }
  if (value !== undefined && (type === 'bearer_token' || type === 'token') && /^(bearer|token)\s/i.test(value)) {
    problems.push(warn(field, `needs only the token itself: auth_type ${type} adds the word before it, once`));
  }
  if (type === 'aws_sigv4') problems.push(...awsRules(definition));
  return [...problems, ...oauthRules(definition, type)];
}

function awsRules(definition: ServerDefinition): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (!isGiven(definition.aws_region_name)) {
    problems.push(problemAt(['aws_region_name'], 'is required for auth_type aws_sigv4'));
  }
  if (effectiveTransport(definition) !== 'http') {
    problems.push(problemAt(['transport'], 'must be http for auth_type aws_sigv4'));
  }
  const [id, secret] = [definition.aws_access_key_id, definition.aws_secret_access_key];
  if ((id === undefined) !== (secret === undefined)) {
    const missing = id === undefined ? 'aws_access_key_id' : 'aws_secret_access_key';
    problems.push(problemAt([missing], 'is required beside the other half of the key'));
  }
  const { aws_role_name: role, aws_session_name: session } = definition;
  if (isGiven(role) && !/^arn:[\w-]+:iam::\d{12}:role\/./.test(role)) {
    problems.push(
      problemAt(['aws_role_name'], 'must be the ARN of a role, such as arn:aws:iam::123456789012:role/mcp'),
    );
  }
  if (isGiven(session) && !/^[\w+=,.@-]{2,64}$/.test(session)) {
    problems.push(problemAt(['aws_session_name'], 'must be 2 to 64 letters, digits and any of _ + = , . @ -'));
  }
  return problems;
}

function oauthRules(definition: ServerDefinition, type: AuthType): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  const { client_secret: secret, client_private_key: privateKey, token_endpoint_auth_method: method } = definition;
  const flow = definition.oauth2_flow;
  if (flow !== undefined && type !== 'oauth2' && type !== 'oauth2_token_exchange') {
    problems.push(warn('oauth2_flow', 'has no effect without auth_type oauth2 or oauth2_token_exchange'));
  }
  if (flow === 'client_credentials') {
    const why = 'is required for oauth2_flow client_credentials';
    if (!isGiven(definition.client_id)) problems.push(problemAt(['client_id'], why));
    if (secret === undefined && privateKey === undefined && method !== 'none') {
      problems.push(problemAt(['client_secret'], `${why} (or a client_private_key)`));
    }
  }
  if (method === 'private_key_jwt' && privateKey === undefined) {
    problems.push(problemAt(['client_private_key'], 'is required for token_endpoint_auth_method private_key_jwt'));
  }
  return problems;
}

function toolRules(definition: ServerDefinition): readonly FieldProblem[] {
  const both = isGiven(definition.allowed_tools) && isGiven(definition.disallowed_tools);
  return both ? [warn('disallowed_tools', 'has no effect: allowed_tools is given and wins')] : [];
}

function versionRules(definition: ServerDefinition): readonly FieldProblem[] {
  const unsupported = unsupportedFeatures(definition);
  const [first] = unsupported;
  return [
    ...(first === undefined ? [] : [warn(first.field, setAsideReason(unsupported))]),
    ...ineffectiveFields(definition).map((field) => warn(field, 'is accepted, but has no effect in this version')),
    ...(definition.available_on_public_internet === false
      ? [warn('available_on_public_internet', 'has no effect in this version: the master key may use every server')]
      : []),
  ];
}

function noEffect(
  definition: ServerDefinition,
  fields: readonly ServerField[],
  where: string,
): readonly FieldProblem[] {
  return fields.filter((field) => isGiven(definition[field])).map((field) => warn(field, `has no effect on ${where}`));
}

/** `user:password`, or base64 of it; the scheme's name before it does no harm. */
function isBasicCredential(value: string): boolean {
  const credential = value.replace(/^basic\s+/i, '');
  if (credential.includes(':')) return true;
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(credential)) return false;
  return Buffer.from(credential, 'base64').toString('utf8').includes(':');
}

function isUnauthenticated({ auth_type: type }: ServerDefinition): boolean {
  return type === undefined || type === 'none';
}

function isGiven<T>(value: T): value is NonNullable<T> {
  if (value === undefined || value === null || value === '') return false;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}

function warn(field: ServerField, message: string): FieldProblem {
  return problemAt([field], message, 'warning');
}
