import { isRecord } from '../../core/definition/field-checks.js';
import { isClientCredentials } from '../../core/definition/oauth-flow.js';
import type { ServerDefinition } from '../../core/definition/server.definition.js';
import { Secret } from '../../core/model/secret.js';
import type { ByokHelp, HeaderVariable, OAuthClient, UpstreamAuth } from '../../core/model/server-entry.js';

const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';
const ID_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:id_token';

/**
 * How the gateway introduces itself to a server, frozen; `url` is the server's, `urlCredential` what stood before its
 * host. Throws for types that this version does not serve, which the caller has set aside.
 */
export function compileAuth(
  definition: ServerDefinition,
  url: string | undefined,
  urlCredential: Secret | undefined,
): UpstreamAuth {
  const type = definition.auth_type ?? 'none';
  const value = definition.authentication_token ?? definition.auth_value ?? undefined;
  switch (type) {
    case 'none':
      return Object.freeze(urlCredential === undefined ? { type } : { type: 'basic' as const, value: urlCredential });
    case 'api_key':
    case 'bearer_token':
    case 'basic':
    case 'authorization':
    case 'token':
      return Object.freeze({ type, value });
    case 'oauth2':
      return Object.freeze({
        type,
        flow: isClientCredentials(definition) ? ('client_credentials' as const) : ('authorization_code' as const),
        client: compileClient(definition),
        scopes: frozenList(definition.scopes),
        authorizationUrl: filled(definition.authorization_url),
        tokenUrl: filled(definition.token_url),
        registrationUrl: filled(definition.registration_url),
        resource: resourceOf(definition.upstream_resource ?? 'auto', url),
        tokenMode: definition.oauth_token_mode ?? 'sealed',
        tokenValidation: definition.token_validation,
        storageTtlSeconds: definition.token_storage_ttl_seconds,
        redirectUris: frozenList(definition.redirect_uris),
        value,
      });
    case 'oauth2_token_exchange': {
      const profile = definition.token_exchange_profile ?? 'rfc8693';
      return Object.freeze({
        type,
        profile,
        endpoint: filled(definition.token_exchange_endpoint) ?? filled(definition.token_url),
        audience: filled(definition.audience),
        subjectTokenType: filled(definition.subject_token_type) ?? ACCESS_TOKEN_TYPE,
        scopes: frozenList(definition.scopes),
        client: compileClient(definition),
        // Entra refuses requests that name a resource beside scopes; where an audience is written, that is meant.
        resource: resourceOf(
          definition.upstream_resource ?? (profile === 'rfc8693' && !definition.audience ? 'auto' : 'none'),
          url,
        ),
        withoutSubject:
          definition.oauth2_flow === 'client_credentials' ? ('client_credentials' as const) : ('refuse' as const),
      });
    }
    case 'oauth2_id_jag':
      return Object.freeze({
        type,
        endpoint: filled(definition.token_exchange_endpoint) ?? filled(definition.token_url),
        subjectTokenType: filled(definition.subject_token_type) ?? ID_TOKEN_TYPE,
        audience: filled(definition.audience),
        resourceTokenEndpoint: filled(definition.id_jag_resource_token_endpoint),
        resource: filled(definition.id_jag_resource) ?? resourceOf(definition.upstream_resource ?? 'auto', url),
        scopes: frozenList(definition.scopes),
        client: compileClient(definition),
      });
    case 'aws_sigv4': {
      const region = filled(definition.aws_region_name);
      if (region === undefined) throw new TypeError('aws_sigv4 without a region');
      return Object.freeze({
        type,
        accessKeyId: definition.aws_access_key_id,
        secretAccessKey: definition.aws_secret_access_key,
        sessionToken: definition.aws_session_token,
        region,
        service: filled(definition.aws_service_name) ?? 'bedrock-agentcore',
        roleName: filled(definition.aws_role_name),
        sessionName: filled(definition.aws_session_name),
      });
    }
    case 'true_passthrough':
    case 'oauth_delegate':
      throw new TypeError(`auth_type ${type}`);
  }
}

/** Lower-cased header of the credential: as written, else that of the type. */
export function compileTokenHeader({ upstream_token_header: written }: ServerDefinition, auth: UpstreamAuth): string {
  return filled(written)?.toLowerCase() ?? (auth.type === 'api_key' ? 'x-api-key' : 'authorization');
}

/** What users without a key of their own are told. */
export function compileByokHelp({
  is_byok: byok,
  byok_api_key_help_url: url,
  byok_description: description,
}: ServerDefinition): ByokHelp | undefined {
  if (byok !== true) return undefined;
  return Object.freeze({ url: filled(url), description: frozenList(description) });
}

/** Names of the variables that each user fills. */
export function compilePerUserEnv({ env }: ServerDefinition): readonly string[] {
  if (!Array.isArray(env)) return Object.freeze([]);
  return Object.freeze(env.flatMap(({ name, scope }) => (scope === 'per_user' ? [name] : [])));
}

/** `{name, value, scope}` each, or a mapping of names to values. */
export function compileHeaderVariables({ header_variables: written }: ServerDefinition): readonly HeaderVariable[] {
  const entries: readonly unknown[] = Array.isArray(written)
    ? written
    : isRecord(written)
      ? Object.entries(written).map(([name, value]) => ({ name, value }))
      : [];
  return Object.freeze(
    entries.flatMap((entry) => {
      if (!isRecord(entry) || typeof entry['name'] !== 'string') return [];
      const { value } = entry;
      const secret = value instanceof Secret ? value : typeof value === 'string' ? new Secret(value) : undefined;
      return [Object.freeze({ name: entry['name'], value: secret, isPerUser: entry['scope'] === 'per_user' })];
    }),
  );
}

/**
 * RFC 8707 §2 in the canonical form of the protocol: no fragment, no trailing slash. `auto`: the server's own; `none`:
 * none is sent.
 */
function resourceOf(written: string, url: string | undefined): string | undefined {
  if (written === 'none' || written === '') return undefined;
  const parsed = written === 'auto' ? URL.parse(url ?? '') : undefined;
  if (parsed === undefined) return written;
  if (parsed === null) return undefined;
  parsed.hash = '';
  return parsed.pathname.endsWith('/') && parsed.search === '' ? parsed.href.slice(0, -1) : parsed.href;
}

function compileClient(definition: ServerDefinition): OAuthClient {
  const { client_secret: secret, client_private_key: privateKey } = definition;
  const byDefault = secret !== undefined ? 'client_secret_post' : privateKey !== undefined ? 'private_key_jwt' : 'none';
  return Object.freeze({
    id: filled(definition.client_id),
    secret,
    authMethod: definition.token_endpoint_auth_method ?? byDefault,
    privateKey,
    privateKeyId: filled(definition.client_private_key_id),
    signingAlg: filled(definition.client_assertion_signing_alg) ?? 'RS256',
  });
}

function frozenList(list: readonly string[] | undefined): readonly string[] {
  return Object.freeze([...(list ?? [])]);
}

function filled(text: string | null | undefined): string | undefined {
  return text === null || text === '' ? undefined : text;
}
