import type { OAuthClient, ServerEntry } from '../../../core/model/server-entry.js';
import { isHeaderValue } from '../../../core/definition/settable-header.js';
import type { HttpClient } from '../../../platform/http/http-client.js';
import type { ClientIdentity } from '../oauth/client-authentication.js';
import { writtenAddress } from '../oauth/learnt-address.js';
import { requestTokens, type TokenEndpoint, type TokenReply } from '../oauth/token-endpoint.js';
import type { UpstreamDiscovery } from '../oauth/upstream-discovery.js';
import type { CredentialHeaders } from './credential-source.js';
import { tokenFailure, unusableClient } from './token-failure.js';

/** What asking for tokens takes. */
export interface TokenMeans {
  readonly http: HttpClient;
  readonly discovery: Pick<UpstreamDiscovery, 'find'>;
}

/** Whom to ask for tokens of a server, and what is known of it. */
export interface TokenPlace {
  readonly endpoint: TokenEndpoint;
  /** Exactly as it calls itself; undefined: only its endpoint was written. */
  readonly issuer: string | undefined;
  /** What to ask for when nobody wrote it. */
  readonly scopes: readonly string[];
  readonly resource: string | undefined;
  /** Ways to authenticate that it names; undefined: it does not say. */
  readonly authMethods: readonly string[] | undefined;
}

/** The endpoint that an administrator wrote. */
export function writtenPlace(url: string, asked: Pick<TokenPlace, 'scopes' | 'resource'>): TokenPlace {
  return {
    endpoint: { address: writtenAddress(url), audience: url },
    issuer: undefined,
    scopes: asked.scopes,
    resource: asked.resource,
    authMethods: undefined,
  };
}

/** The authorization server that the MCP server itself names. Throws what `UpstreamDiscovery.find` throws. */
export async function discoveredPlace(
  { discovery }: TokenMeans,
  entry: ServerEntry,
  asked: Pick<TokenPlace, 'scopes' | 'resource'>,
): Promise<TokenPlace> {
  const written = { authorizationUrl: undefined, tokenUrl: undefined, registrationUrl: undefined, ...asked };
  const { server, scopes, resource } = await discovery.find(entry, written);
  if (server.token === undefined) throw unusableClient(entry, 'its authorization server names no token endpoint');
  return {
    endpoint: { address: server.token, audience: server.issuer },
    issuer: server.issuer,
    scopes: asked.scopes.length > 0 ? asked.scopes : scopes,
    resource,
    authMethods: server.tokenAuthMethods,
  };
}

/** Asks for a token; failures in the words of {@link tokenFailure}. */
export async function askForToken(
  { http }: TokenMeans,
  entry: ServerEntry,
  place: TokenPlace,
  client: OAuthClient,
  form: URLSearchParams,
): Promise<TokenReply> {
  const { url } = place.endpoint.address;
  try {
    const reply = await requestTokens(http, place.endpoint, identityOf(entry, client, place), form);
    if (!isHeaderValue(reply.accessToken)) throw unusableClient(entry, 'the token it was given cannot be sent');
    return reply;
  } catch (error) {
    throw tokenFailure(entry, url, error, [client.secret]);
  }
}

/** A token as the server wants it. */
export function tokenHeaders({ tokenHeader }: ServerEntry, accessToken: string): CredentialHeaders {
  return { [tokenHeader]: `Bearer ${accessToken}` };
}

function identityOf(entry: ServerEntry, client: OAuthClient, { authMethods }: TokenPlace): ClientIdentity {
  const { id, secret, privateKey, privateKeyId, signingAlg } = client;
  if (id === undefined) throw unusableClient(entry, 'it has no client_id');
  return { id, secret, authMethod: methodFor(client, authMethods), privateKey, privateKeyId, signingAlg };
}

/** A secret goes into the body, unless the server says that it only takes it in a header. */
function methodFor({ authMethod }: OAuthClient, offered: readonly string[] | undefined): OAuthClient['authMethod'] {
  if (offered === undefined || offered.includes(authMethod)) return authMethod;
  if (authMethod === 'client_secret_post' && offered.includes('client_secret_basic')) return 'client_secret_basic';
  if (authMethod === 'client_secret_basic' && offered.includes('client_secret_post')) return 'client_secret_post';
  return authMethod;
}
