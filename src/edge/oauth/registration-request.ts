import { CLIENT_AUTH_METHODS, displayName, type ClientAuthMethod } from './known-client.js';
import { OAuthRefusal } from './oauth-refusal.js';
import { isLoopbackRedirect, redirectProblem, type RedirectPolicy } from './redirect-rules.js';

export const REDIRECT_URIS_MAX = 20;
/** All of them together: they travel in the client id. */
const REDIRECT_CHARACTERS_MAX = 4_096;

const GRANT_TYPES: ReadonlySet<string> = new Set(['authorization_code', 'refresh_token']);

/** What a client registers with, judged and made complete. */
export interface RegistrationRequest {
  readonly name: string;
  readonly redirectUris: readonly string[];
  readonly authMethod: ClientAuthMethod;
  readonly applicationType: 'native' | 'web';
}

/** Reads client metadata (RFC 7591 §2). @throws OAuthRefusal. */
export function readRegistration(body: unknown, policy: RedirectPolicy): RegistrationRequest {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new OAuthRefusal('invalid_client_metadata', 'the body must be a JSON object');
  }
  const metadata = body as Readonly<Record<string, unknown>>;
  const redirectUris = readRedirectUris(metadata['redirect_uris'], policy);
  checkTypes(metadata);
  return {
    name: displayName(metadata['client_name']) ?? 'An application without a name',
    redirectUris,
    authMethod: readAuthMethod(metadata['token_endpoint_auth_method']),
    applicationType: readApplicationType(metadata['application_type'], redirectUris),
  };
}

/** The addresses of a registration or a metadata document. @throws OAuthRefusal. */
export function readRedirectUris(value: unknown, policy: RedirectPolicy): readonly string[] {
  const refused = (why: string): OAuthRefusal => new OAuthRefusal('invalid_redirect_uri', why);
  if (!Array.isArray(value) || value.length === 0) throw refused('redirect_uris must be a list of at least one');
  if (value.length > REDIRECT_URIS_MAX) throw refused(`at most ${REDIRECT_URIS_MAX} redirect_uris`);
  const addresses = value.map((address: unknown) => {
    if (typeof address !== 'string') throw refused('a redirect URI must be a string');
    const problem = redirectProblem(address, policy);
    if (problem !== undefined) throw refused(problem);
    return address;
  });
  if (addresses.join('').length > REDIRECT_CHARACTERS_MAX) {
    throw refused(`redirect_uris have at most ${REDIRECT_CHARACTERS_MAX} characters together`);
  }
  return addresses;
}

/** A client may name more than we offer (the answer says what it got), but not only what we do not. */
function checkTypes({ grant_types: grants, response_types: responses }: Readonly<Record<string, unknown>>): void {
  if (grants !== undefined && !(Array.isArray(grants) && grants.some((grant) => GRANT_TYPES.has(String(grant))))) {
    throw new OAuthRefusal('invalid_client_metadata', 'grant_types must name authorization_code');
  }
  if (responses !== undefined && !(Array.isArray(responses) && responses.includes('code'))) {
    throw new OAuthRefusal('invalid_client_metadata', 'response_types must name code');
  }
}

function readAuthMethod(value: unknown): ClientAuthMethod {
  if (value === undefined || value === null) return 'client_secret_basic';
  const method = CLIENT_AUTH_METHODS.find((known) => known === value);
  if (method !== undefined) return method;
  throw new OAuthRefusal(
    'invalid_client_metadata',
    `token_endpoint_auth_method must be one of ${CLIENT_AUTH_METHODS.join(', ')}`,
  );
}

/** Clients of former revisions do not say it. */
function readApplicationType(value: unknown, redirectUris: readonly string[]): 'native' | 'web' {
  if (value === 'native' || value === 'web') return value;
  if (value !== undefined && value !== null) {
    throw new OAuthRefusal('invalid_client_metadata', 'application_type must be native or web');
  }
  const isWeb = redirectUris.every((address) => address.startsWith('https:') && !isLoopbackRedirect(address));
  return isWeb ? 'web' : 'native';
}
