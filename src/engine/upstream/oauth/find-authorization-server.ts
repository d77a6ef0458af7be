import type { ServerEntry } from '../../../core/model/server-entry.js';
import type { HttpClient } from '../../../platform/http/http-client.js';
import { HttpFailure } from '../../../platform/http/http-failure.js';
import type { AuthorizationServer } from './authorization-server.js';
import { learntAddress, serverUrl, type JudgedAddress } from './learnt-address.js';
import { fetchDocument, textOf, textsOf, type JsonRecord } from './oauth-json.js';
import { SignInProblem } from './sign-in-problem.js';

const OAUTH = '/.well-known/oauth-authorization-server';
const OPENID = '/.well-known/openid-configuration';

/**
 * The authorization server of this issuer by its metadata, in all three forms (two without a path; RFC 8414 §3, OpenID
 * Connect Discovery §4). A document that calls itself otherwise is not its (RFC 8414 §3.3).
 *
 * @throws SignInProblem with the reason when there is none, HttpFailure when it cannot be reached.
 */
export async function findAuthorizationServer(
  client: HttpClient,
  entry: ServerEntry,
  issuer: string,
): Promise<AuthorizationServer> {
  let problem = 'its authorization server publishes no metadata';
  let failure: unknown;
  for (const place of metadataPlaces(issuer, entry)) {
    const address = learntAddress(place, entry);
    if (address === undefined) continue;
    try {
      const document = await fetchDocument(client, address);
      if (document === undefined) continue;
      if (textOf(document, 'issuer') === issuer) return readServer(document, issuer, entry);
      problem = 'the metadata of its authorization server names another issuer';
    } catch (error) {
      // The other forms are on the same host; what refused this address refuses those.
      if (!(error instanceof HttpFailure) || error.reason === 'refused_address') throw error;
      failure = error;
    }
  }
  throw new SignInProblem(problem, { cause: failure });
}

/**
 * The authorization server of a server without resource metadata: its own origin, as in the revision of 2025-03-26. Without
 * metadata there either, that revision's default endpoints.
 */
export async function ownAuthorizationServer(client: HttpClient, entry: ServerEntry): Promise<AuthorizationServer> {
  const { origin } = serverUrl(entry);
  for (const path of [OAUTH, OPENID]) {
    const document = await fetchDocument(client, { url: `${origin}${path}`, policy: 'registered' });
    const issuer = document === undefined ? undefined : textOf(document, 'issuer');
    // Nobody named the issuer; it has to be this origin, however it writes it.
    if (document !== undefined && (issuer === origin || issuer === `${origin}/`)) {
      return readServer(document, issuer, entry);
    }
  }
  const at = (path: string): JudgedAddress => ({ url: `${origin}${path}`, policy: 'registered' });
  return {
    issuer: origin,
    source: 'assumed',
    authorization: at('/authorize'),
    token: at('/token'),
    registration: at('/register'),
    revocation: undefined,
    tokenAuthMethods: undefined,
    scopesSupported: [],
    supportsPkce: true,
    sendsIssuer: false,
    readsClientDocuments: false,
  };
}

function metadataPlaces(issuer: string, entry: ServerEntry): readonly string[] {
  const url = learntAddress(issuer, entry) === undefined ? null : URL.parse(issuer);
  if (url?.search !== '' || url.hash !== '') {
    throw new SignInProblem('its metadata names an authorization server that is not to be used');
  }
  const path = url.pathname.replace(/\/$/, '');
  return path === ''
    ? [`${url.origin}${OAUTH}`, `${url.origin}${OPENID}`]
    : [`${url.origin}${OAUTH}${path}`, `${url.origin}${OPENID}${path}`, `${url.origin}${path}${OPENID}`];
}

function readServer(document: JsonRecord, issuer: string, entry: ServerEntry): AuthorizationServer {
  return {
    issuer,
    source: 'metadata',
    authorization: addressOf(document, 'authorization_endpoint', entry),
    token: addressOf(document, 'token_endpoint', entry),
    registration: addressOf(document, 'registration_endpoint', entry),
    revocation: addressOf(document, 'revocation_endpoint', entry),
    tokenAuthMethods: textsOf(document, 'token_endpoint_auth_methods_supported'),
    scopesSupported: textsOf(document, 'scopes_supported') ?? [],
    supportsPkce: textsOf(document, 'code_challenge_methods_supported')?.includes('S256') === true,
    sendsIssuer: document['authorization_response_iss_parameter_supported'] === true,
    readsClientDocuments: document['client_id_metadata_document_supported'] === true,
  };
}

function addressOf(document: JsonRecord, name: string, entry: ServerEntry): JudgedAddress | undefined {
  const text = textOf(document, name);
  if (text === undefined) return undefined;
  const address = learntAddress(text, entry);
  if (address === undefined) {
    throw new SignInProblem(`the metadata of its authorization server names a ${name} that is not to be used`);
  }
  return address;
}
